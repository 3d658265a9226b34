//! The enabled collectors and how they are asked, all or some of them.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use common_instrument::{CollectError, Collector, Samples};
use jiff::tz::TimeZone;

use crate::collectors::{COLLECTORS, Context};
use crate::crew::Crew;
use crate::frame::{Apart, COLLECTOR_TIMEOUT, Slot};
use crate::{Buses, Error, FilterError, Roots, Settings};

/// What a [`NodeExporter`] is built from.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// Where the kernel's file systems are.
    pub roots: Roots,
    /// Where message buses are.
    pub buses: Buses,
    /// Names of the collectors that are on.
    pub enabled: Vec<String>,
    /// Values of the collectors' flags.
    pub settings: Settings,
    /// The wall clock.
    pub now: fn() -> SystemTime,
    /// The host's time zone.
    pub zone: TimeZone,
}

impl NodeOptions {
    /// Every flag at its default.
    #[must_use]
    pub fn new(now: fn() -> SystemTime, zone: TimeZone) -> NodeOptions {
        let on = COLLECTORS.iter().filter(|entry| entry.on_by_default);
        NodeOptions {
            roots: Roots::default(),
            buses: Buses::default(),
            enabled: on.map(|entry| entry.name.to_owned()).collect(),
            settings: Settings::default(),
            now,
            zone,
        }
    }
}

/// Measures this host with the enabled collectors.
pub struct NodeExporter {
    slots: Vec<Slot>,
    crew: Arc<Crew<Apart>>,
}

impl std::fmt::Debug for NodeExporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.enabled()).finish()
    }
}

impl NodeExporter {
    /// Builds the enabled collectors.
    pub fn new(options: NodeOptions) -> Result<NodeExporter, Error> {
        let known = |name: &String| COLLECTORS.iter().any(|entry| entry.name == *name);
        if let Some(name) = options.enabled.iter().find(|name| !known(name)) {
            return Err(Error::UnknownCollector(name.clone()));
        }
        let context = Context { options: &options };
        let crew = Crew::new("node-apart", 1);
        let enabled = COLLECTORS.iter().filter(|entry| context.is_enabled(entry.name));
        let slots = enabled.map(|entry| {
            let built = (entry.build)(&context)?;
            Ok(Slot::new(entry.name, built, entry.may_block.then_some(&crew)))
        });
        let slots = slots.collect::<Result<_, _>>()?;
        Ok(NodeExporter { slots, crew })
    }

    /// Names of the collectors that are on, in the order of the table.
    pub fn enabled(&self) -> impl Iterator<Item = &'static str> {
        self.slots.iter().map(|slot| slot.name)
    }

    /// Whether [`NodeExporter::collect_filtered`] would answer.
    pub fn check_filter(&self, collect: &[String], exclude: &[String]) -> Result<(), FilterError> {
        if !collect.is_empty() && !exclude.is_empty() {
            return Err(FilterError::Combined);
        }
        for name in collect {
            if self.enabled().any(|enabled| enabled == name) {
                continue;
            }
            let exists = COLLECTORS.iter().any(|entry| entry.name == name);
            let refuse = if exists { FilterError::Disabled } else { FilterError::Missing };
            return Err(refuse(name.clone()));
        }
        Ok(())
    }

    /// Only the collectors `collect`, or all but `exclude`, or all if both are empty.
    pub fn collect_filtered(
        &self,
        collect: &[String],
        exclude: &[String],
        out: &mut Samples,
    ) -> Result<(), FilterError> {
        self.check_filter(collect, exclude)?;
        self.collect_some(out, |name| {
            let is_in = |names: &[String]| names.iter().any(|one| one == name);
            if collect.is_empty() { !is_in(exclude) } else { is_in(collect) }
        });
        Ok(())
    }

    fn collect_some(&self, out: &mut Samples, wanted: impl Fn(&str) -> bool) {
        let patience = Instant::now() + COLLECTOR_TIMEOUT;
        let deadline = out.deadline().map_or(patience, |deadline| deadline.min(patience));
        let slots = || self.slots.iter().filter(|slot| wanted(slot.name));
        let started: Vec<Option<u64>> = slots().map(Slot::start).collect();
        self.crew.wake();
        for (slot, started) in slots().zip(started) {
            slot.finish(started, deadline, out);
        }
    }
}

impl Drop for NodeExporter {
    fn drop(&mut self) {
        self.crew.close();
    }
}

impl Collector for NodeExporter {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        self.collect_some(samples, |_| true);
        Ok(())
    }
}
