//! Whether a counter histogram started again between two samples.

use common_model::{CounterReset, FloatHistogram};

use super::sum::{coarser, reconcile_zero_buckets};
use super::{is_custom, pairs};

/// Whether `now` cannot be `before` with observations added.
pub(crate) fn is_reset(before: &FloatHistogram, now: &FloatHistogram) -> bool {
    match now.counter_reset {
        CounterReset::Reset => return true,
        CounterReset::NotReset => return false,
        // Gauges do not reset, but compared as counters they are looked at as all others.
        CounterReset::Unknown | CounterReset::Gauge => {}
    }
    if now.count < before.count {
        return true;
    }
    if is_custom(now) != is_custom(before) {
        return true;
    }
    if is_custom(now) {
        return custom_reset(before, now);
    }
    if now.schema > before.schema || now.zero_threshold < before.zero_threshold {
        return true;
    }
    let (mut before, mut wide) = (before.clone(), now.clone());
    reconcile_zero_buckets(&mut before, &mut wide);
    // Widening beyond the threshold of `now` means a populated bucket became the zero bucket.
    if wide.zero_threshold > now.zero_threshold || now.zero_count < before.zero_count {
        return true;
    }
    let side = |h: &FloatHistogram, positive: bool| {
        let all = if positive {
            pairs(&h.positive_spans, &h.positive_buckets)
        } else {
            pairs(&h.negative_spans, &h.negative_buckets)
        };
        coarser(&all, h.schema, now.schema)
    };
    shrank(&side(&before, true), &side(now, true))
        || shrank(&side(&before, false), &side(now, false))
}

fn custom_reset(before: &FloatHistogram, now: &FloatHistogram) -> bool {
    if before.custom_values == now.custom_values {
        return shrank(
            &pairs(&before.positive_spans, &before.positive_buckets),
            &pairs(&now.positive_spans, &now.positive_buckets),
        );
    }
    // Bounds may only have been merged; compare on those that both have.
    let (before, now) = super::sum::on_common_bounds(before, now);
    shrank(&before, &now)
}

/// Whether some bucket counts less than before.
fn shrank(before: &[(i32, f64)], now: &[(i32, f64)]) -> bool {
    let mut at = 0;
    before.iter().filter(|(_, count)| *count != 0.0).any(|&(index, count)| {
        while now.get(at).is_some_and(|&(i, _)| i < index) {
            at += 1;
        }
        !now.get(at).is_some_and(|&(i, c)| i == index && c >= count)
    })
}
