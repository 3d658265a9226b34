//! Metrics of what queries may use, and of what was refused.

use std::sync::Arc;

use common_instrument::{CollectError, Collector, Family, Samples};
use server_promql::engine::{Limit, SharedLimits};

const REFUSED: Family = Family::counter(
    "hearth_query_refused_total",
    "Queries refused or ended, by the limit that they exceeded.",
);
const BYTES: Family =
    Family::gauge("hearth_query_memory_bytes", "Memory that queries hold together.");
const BYTES_MAX: Family = Family::gauge(
    "hearth_query_memory_max_bytes",
    "Memory that queries may hold together (--query.max-memory-total).",
);

/// Shows what queries share.
pub(crate) struct QueryLimits(pub(crate) Arc<SharedLimits>);

impl Collector for QueryLimits {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for limit in Limit::ALL {
            samples.push(&REFUSED, &[("limit", limit.name())], self.0.refused(limit) as f64);
        }
        samples.push(&BYTES, &[], self.0.bytes() as f64);
        samples.push(&BYTES_MAX, &[], self.0.bytes_max() as f64);
        Ok(())
    }
}
