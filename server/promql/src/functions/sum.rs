//! Sums, means and quantiles as upstream computes them.

/// A sum with the part that rounding lost (Kahan's method as improved by Neumaier).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kahan {
    pub(crate) sum: f64,
    pub(crate) rest: f64,
    /// How many values were added.
    pub(crate) count: u64,
}

impl Kahan {
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        let next = self.sum + value;
        // Which of the two is larger changes too often for a branch.
        let is_smaller = self.sum.abs() >= value.abs();
        let (large, small) = if is_smaller { (self.sum, value) } else { (value, self.sum) };
        let rest = self.rest + ((large - next) + small);
        self.rest = if next.is_infinite() { 0.0 } else { rest };
        self.sum = next;
        self.count += 1;
    }

    pub(crate) fn scale(&mut self, factor: f64) {
        self.sum *= factor;
        self.rest *= factor;
    }

    pub(crate) fn divide(&mut self, divisor: f64) {
        self.sum /= divisor;
        self.rest /= divisor;
    }

    pub(crate) fn total(&self) -> f64 {
        self.sum + self.rest
    }
}

/// A mean: sum over count, until the sum would overflow; then the running mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    sum: Kahan,
    pub(crate) count: f64,
    incremental: bool,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let mut next = self.sum;
            next.add(value);
            if !next.sum.is_infinite() || self.count == 1.0 {
                self.sum = next;
                return;
            }
            self.incremental = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.scale((self.count - 1.0) / self.count);
        self.sum.add(value / self.count);
    }

    /// The mean of values whose sum is finite.
    pub(crate) fn of(sum: Kahan) -> Mean {
        Mean { sum, count: sum.count as f64, incremental: false }
    }

    pub(crate) fn value(&self) -> f64 {
        if self.incremental {
            self.sum.total()
        } else {
            self.sum.sum / self.count + self.sum.rest / self.count
        }
    }
}

/// Windows whose values are summed side by side: an addition waits for the one before it, but not
/// for those of other windows.
pub(crate) const LANES: usize = 4;

/// Sums of [`LANES`] windows of equal length, value by value as [`Kahan::add`] has it; nothing where
/// one of them is not finite, for then the order of things is told by the slow way.
#[expect(clippy::needless_range_loop, reason = "the place is the same in every window")]
pub(crate) fn sum_lanes(windows: [&[f64]; LANES]) -> Option<[Kahan; LANES]> {
    let count = windows[0].len();
    let windows: [&[f64]; LANES] = windows.map(|window| window.get(..count).unwrap_or_default());
    let (mut sums, mut rests) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    for at in 0..count {
        for lane in 0..LANES {
            let (sum, value) = (sums[lane], windows[lane][at]);
            let next = sum + value;
            let is_smaller = sum.abs() >= value.abs();
            let (large, small) = if is_smaller { (sum, value) } else { (value, sum) };
            rests[lane] += (large - next) + small;
            sums[lane] = next;
        }
    }
    // A sum that was infinite once does not become finite again.
    sums.iter().all(|sum| sum.is_finite()).then(|| {
        std::array::from_fn(|lane| Kahan {
            sum: sums[lane],
            rest: rests[lane],
            count: count as u64,
        })
    })
}

/// The quantile of values, which are sorted in place; NaN counts as smallest.
pub(crate) fn quantile_of(quantile: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (a, b) => b.cmp(&a),
    });
    let last = values.len() - 1;
    let rank = quantile * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_not_lost_beside_large_ones() {
        let mut sum = Kahan::default();
        for value in [1e100, 1.0, -1e100] {
            sum.add(value);
        }
        assert_eq!(sum.total(), 1.0);
    }

    #[test]
    fn a_mean_of_huge_values_does_not_overflow() {
        let mut mean = Mean::default();
        for value in [f64::MAX, f64::MAX, f64::MAX / 2.0] {
            mean.add(value);
        }
        let wanted = f64::MAX / 6.0 * 5.0;
        assert!((mean.value() / wanted - 1.0).abs() < 1e-12, "{}", mean.value());
    }

    fn one_by_one(window: &[f64]) -> (Kahan, Mean) {
        let (mut sum, mut mean) = (Kahan::default(), Mean::default());
        for &value in window {
            sum.add(value);
            mean.add(value);
        }
        (sum, mean)
    }

    #[test]
    fn sums_side_by_side_are_those_one_by_one_in_every_bit() {
        // Always the same floats: the seed stands here.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |kind: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99_991);
            match kind {
                0 => (state >> 40) as f64 / 100.0,
                1 => (state >> 11) as f64 - (1_u64 << 52) as f64,
                2 => -0.0,
                _ => f64::from_bits(state),
            }
        };
        for round in 0..4000 {
            let values: Vec<f64> = (0..60).map(|_| next(round % 4)).collect();
            let len = round % 31;
            let windows: [&[f64]; LANES] = std::array::from_fn(|n| &values[n * 7..n * 7 + len]);
            let slow = windows.map(one_by_one);
            let Some(sums) = sum_lanes(windows) else {
                assert!(slow.iter().any(|(sum, _)| !sum.sum.is_finite()));
                continue;
            };
            for (sum, (slow_sum, slow_mean)) in sums.into_iter().zip(slow) {
                assert_eq!(sum.total().to_bits(), slow_sum.total().to_bits());
                if len > 0 {
                    let mean = Mean::of(sum).value();
                    assert_eq!(mean.to_bits(), slow_mean.value().to_bits());
                }
            }
        }
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        for (quantile, wanted) in
            [(0.0, 1.0), (0.5, 2.5), (1.0, 4.0), (-0.1, f64::NEG_INFINITY), (1.1, f64::INFINITY)]
        {
            assert_eq!(quantile_of(quantile, &mut [4.0, 1.0, 3.0, 2.0]), wanted);
        }
        assert!(quantile_of(0.0, &mut [1.0, f64::NAN]).is_nan());
    }
}
