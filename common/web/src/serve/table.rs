//! All connections at the moment, and who has to go when there are too many.

use std::collections::BTreeMap;
use std::sync::Arc;

use common_instrument::{Counter, Registry};
use parking_lot::Mutex;

use super::state::ConnState;
use crate::WebOptions;

/// How a newcomer is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// As everyone.
    Full,
    /// All places are taken by busy connections: only health is answered.
    HealthOnly,
}

#[derive(Default)]
struct Connections {
    by_age: BTreeMap<u64, Arc<ConnState>>,
    next: u64,
}

pub(super) struct Table {
    connections: Mutex<Connections>,
    max: usize,
    reserved: usize,
    accepted: Counter,
    evicted: Counter,
    refused: Counter,
    by_name: Option<Named>,
}

/// The same numbers under the names that Go's programs have.
struct Named {
    accepted: Counter,
    closed: Counter,
}

impl Named {
    fn register(registry: &Registry, listener: &str) -> Named {
        let counter = |name: &'static str, help: &'static str| {
            registry.counter_vec(name, help, ["listener_name"]).with([listener])
        };
        Named {
            accepted: counter(
                "net_conntrack_listener_conn_accepted_total",
                "Total number of connections opened to the listener of a given name.",
            ),
            closed: counter(
                "net_conntrack_listener_conn_closed_total",
                "Total number of connections closed that were made to the listener of a given name.",
            ),
        }
    }
}

/// A place in the table; given back when it goes.
pub(super) struct Ticket {
    table: Arc<Table>,
    id: u64,
    pub(super) place: Place,
}

impl Table {
    pub(super) fn new(options: &WebOptions) -> Arc<Table> {
        let registry = options.registry.clone().unwrap_or_default();
        let table = Arc::new(Table {
            connections: Mutex::default(),
            max: options.connections_max.max(1),
            reserved: options.connections_reserved,
            accepted: registry
                .counter("hearth_web_connections_accepted_total", "Connections that were taken."),
            evicted: registry.counter(
                "hearth_web_connections_evicted_total",
                "Connections without a request that were closed for newer ones.",
            ),
            refused: registry.counter(
                "hearth_web_connections_refused_total",
                "Connections that were closed at once because all others were busy.",
            ),
            by_name: options.listener_name.map(|name| Named::register(&registry, name)),
        });
        table.register_open(&registry);
        table
    }

    fn register_open(self: &Arc<Table>, registry: &Registry) {
        let table = Arc::downgrade(self);
        registry.gauge_fn("hearth_web_connections", "Connections that are open.", move || {
            table.upgrade().map_or(0, |table| table.connections.lock().by_age.len()) as f64
        });
    }

    /// Finds a place for a connection, or none.
    pub(super) fn enter(self: &Arc<Table>, state: &Arc<ConnState>) -> Option<Ticket> {
        let mut connections = self.connections.lock();
        let mut place = Place::Full;
        if connections.by_age.len() >= self.max {
            match connections.evictable() {
                Some(id) => {
                    if let Some(state) = connections.by_age.remove(&id) {
                        state.evict();
                    }
                    self.evicted.inc();
                }
                None if connections.by_age.len() < self.max + self.reserved => {
                    place = Place::HealthOnly;
                }
                None => {
                    self.refused.inc();
                    return None;
                }
            }
        }
        self.accepted.inc();
        if let Some(named) = &self.by_name {
            named.accepted.inc();
        }
        let id = connections.next;
        connections.next += 1;
        connections.by_age.insert(id, Arc::clone(state));
        Some(Ticket { table: Arc::clone(self), id, place })
    }
}

impl Connections {
    /// The oldest that never asked for anything, otherwise the oldest without a request in flight.
    fn evictable(&self) -> Option<u64> {
        let mut idle = None;
        for (id, state) in &self.by_age {
            match state.evictable() {
                Some(false) => return Some(*id),
                Some(true) => idle = idle.or(Some(*id)),
                None => {}
            }
        }
        idle
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.table.connections.lock().by_age.remove(&self.id);
        if let Some(named) = &self.table.by_name {
            named.closed.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_take_the_place_of_those_who_ask_for_nothing() {
        let options =
            WebOptions { connections_max: 2, connections_reserved: 1, ..WebOptions::default() };
        let table = Table::new(&options);
        let states: Vec<_> = (0..5).map(|_| ConnState::new()).collect();
        let _busy = states[0].begin(false);
        let first = table.enter(&states[0]).unwrap();
        let second = table.enter(&states[1]).unwrap();
        assert_eq!((first.place, second.place), (Place::Full, Place::Full));

        let third = table.enter(&states[2]).unwrap();
        assert_eq!(third.place, Place::Full);
        assert_eq!(table.evicted.get(), 1.0);
        drop(second);
        let _busy_too = states[2].begin(false);

        let reserved = table.enter(&states[3]).unwrap();
        assert_eq!(reserved.place, Place::HealthOnly);
        let _busy_as_well = states[3].begin(false);
        assert!(table.enter(&states[4]).is_none());
        drop(first);
        drop(reserved);
        assert_eq!(table.enter(&states[4]).unwrap().place, Place::Full);
    }
}
