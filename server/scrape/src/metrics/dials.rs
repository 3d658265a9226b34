//! Connections to targets, under the names that Go's programs have.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_client::{DialFailure, Dials};
use common_instrument::{CollectError, Collector, Family, Registry, Samples};
use parking_lot::Mutex;

const ATTEMPTED: Family = Family::counter(
    "net_conntrack_dialer_conn_attempted_total",
    "Total number of connections attempted by the given dialer a given name.",
);
const ESTABLISHED: Family = Family::counter(
    "net_conntrack_dialer_conn_established_total",
    "Total number of connections successfully established by the given dialer a given name.",
);
const CLOSED: Family = Family::counter(
    "net_conntrack_dialer_conn_closed_total",
    "Total number of connections closed which originated from the dialer of a given name.",
);
const FAILED: Family = Family::counter(
    "net_conntrack_dialer_conn_failed_total",
    "Total number of connections failed to dial by the dialer a given name.",
);

/// Connections to targets, by pool.
#[derive(Default)]
pub(crate) struct PoolDials(Mutex<BTreeMap<String, Arc<Dials>>>);

impl PoolDials {
    pub(super) fn register(registry: &Registry) -> Arc<PoolDials> {
        let dials = Arc::new(PoolDials::default());
        registry.register("dials", dials.clone());
        dials
    }

    /// The counts of a pool.
    pub(crate) fn of(&self, pool: &str) -> Arc<Dials> {
        self.0.lock().entry(pool.to_owned()).or_default().clone()
    }

    /// Forgets a pool that is gone.
    pub(crate) fn forget(&self, pool: &str) {
        self.0.lock().remove(pool);
    }
}

impl Collector for PoolDials {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        for (pool, dials) in &*self.0.lock() {
            let name = ("dialer_name", pool.as_str());
            samples.push(&ATTEMPTED, &[name], dials.attempted() as f64);
            samples.push(&ESTABLISHED, &[name], dials.established() as f64);
            samples.push(&CLOSED, &[name], dials.closed() as f64);
            for reason in DialFailure::ALL {
                let labels = [name, ("reason", reason.name())];
                samples.push(&FAILED, &labels, dials.failed(reason) as f64);
            }
        }
        Ok(())
    }
}
