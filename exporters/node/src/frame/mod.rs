//! One collector among others: timed, its failures counted, its panics caught, its hangs waited out.

mod apart;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

pub(crate) use self::apart::Apart;
use crate::crew::Crew;

/// How long a scrape waits for collectors that drivers can hold up.
pub(crate) const COLLECTOR_TIMEOUT: Duration = Duration::from_secs(5);

/// A round that has not ended after as long hangs, and no other is begun beside it.
const HANG: Duration = Duration::from_secs(1);

const DURATION: Family = Family::gauge(
    "node_scrape_collector_duration_seconds",
    "node_exporter: Duration of a collector scrape.",
);
const SUCCESS: Family =
    Family::gauge("node_scrape_collector_success", "node_exporter: Whether a collector succeeded.");

/// A collector with its name and its way of being run.
pub(crate) struct Slot {
    /// Name in flags and labels.
    pub(crate) name: &'static str,
    run: Run,
}

enum Run {
    /// In the thread of the scrape.
    Here(Here),
    /// In another thread, because the files it reads can block.
    Apart(Arc<Crew<Apart>>, Arc<Apart>),
}

impl Slot {
    /// Frames a collector; one that can hang is given to a crew.
    pub(crate) fn new(
        name: &'static str,
        collector: Box<dyn Collector>,
        crew: Option<&Arc<Crew<Apart>>>,
    ) -> Slot {
        let run = match crew {
            Some(crew) => Run::Apart(Arc::clone(crew), Apart::new(collector)),
            None => Run::Here(Here { collector, began: Mutex::default() }),
        };
        Slot { name, run }
    }

    /// Starts what runs apart, so that it runs beside the others, as soon as its crew is woken.
    pub(crate) fn start(&self) -> Option<u64> {
        match &self.run {
            Run::Here(_) => None,
            Run::Apart(crew, apart) => Some(apart.start(crew)),
        }
    }

    /// Collects, or waits until `deadline` for what [`Slot::start`] started, and pushes how it went.
    pub(crate) fn finish(&self, started: Option<u64>, deadline: Instant, samples: &mut Samples) {
        let (outcome, duration) = match (&self.run, started) {
            (Run::Here(here), _) => here.run(samples),
            (Run::Apart(crew, apart), wanted) => {
                apart.finish(crew, wanted.unwrap_or(0), deadline, samples)
            }
        };
        let labels = [("collector", self.name)];
        let success = match outcome {
            Ok(()) => 1.0,
            Err(CollectError::Absent(what)) => {
                tracing::debug!(name = self.name, err = %what, "collector returned no data");
                0.0
            }
            Err(CollectError::Failed(what)) => {
                tracing::error!(name = self.name, err = %what, "collector failed");
                0.0
            }
        };
        samples.push(&DURATION, &labels, duration.as_secs_f64());
        samples.push(&SUCCESS, &labels, success);
    }
}

type Outcome = (Result<(), CollectError>, Duration);

fn run(collector: &dyn Collector, samples: &mut Samples) -> Outcome {
    let started = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| collector.collect(samples)))
        .unwrap_or_else(|_| Err(CollectError::Failed("panicked".to_owned())));
    (outcome, started.elapsed())
}

/// A collector whose files the kernel answers at once. Should it hang nevertheless, it costs the
/// scrapes that ran into it, and the later ones go without it.
struct Here {
    collector: Box<dyn Collector>,
    /// When the oldest round that still runs was begun, and how many run.
    began: Mutex<Option<(Instant, usize)>>,
}

impl Here {
    fn run(&self, samples: &mut Samples) -> Outcome {
        {
            let now = Instant::now();
            let mut began = self.began.lock();
            let (since, running) = began.unwrap_or((now, 0));
            if now - since > HANG {
                let problem = format!("still hangs since {:?} ago", now - since);
                return (Err(CollectError::Failed(problem)), Duration::ZERO);
            }
            *began = Some((since, running + 1));
        }
        let outcome = run(&*self.collector, samples);
        let mut began = self.began.lock();
        *began = began.and_then(|(since, running)| (running > 1).then(|| (since, running - 1)));
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    const FAMILY: Family = Family::gauge("x", "X.");

    fn crew() -> Arc<Crew<Apart>> {
        Crew::new("test", 1)
    }

    struct Fixed(Result<(), CollectError>);

    impl Collector for Fixed {
        fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
            samples.push(&FAMILY, &[], 1.0);
            assert!(self.0 != Err(CollectError::Failed("panic".into())), "as asked");
            self.0.clone()
        }
    }

    fn values(samples: &Samples) -> Vec<(String, f64)> {
        let mut values = Vec::new();
        for family in samples.families().filter(|family| family.name() != DURATION.name) {
            for sample in family.samples() {
                if let common_instrument::SampleValue::Number(value) = sample.value() {
                    values.push((family.name().to_owned(), value));
                }
            }
        }
        values
    }

    #[test]
    fn samples_before_a_failure_count_wherever_the_collector_runs() {
        fn check(outcome: Result<(), CollectError>, success: f64) {
            for may_block in [false, true] {
                let crew = may_block.then(crew);
                let slot = Slot::new("x", Box::new(Fixed(outcome.clone())), crew.as_ref());
                for _ in 0..3 {
                    let mut samples = Samples::default();
                    let started = slot.start();
                    crew.iter().for_each(Crew::wake);
                    slot.finish(started, Instant::now() + COLLECTOR_TIMEOUT, &mut samples);
                    let expected = [(SUCCESS.name.to_owned(), success), ("x".to_owned(), 1.0)];
                    assert_eq!(values(&samples), expected);
                }
            }
        }
        check(Ok(()), 1.0);
        check(Err(CollectError::Absent("no x".into())), 0.0);
        check(Err(CollectError::Failed("broken".into())), 0.0);
        check(Err(CollectError::Failed("panic".into())), 0.0);
    }

    struct Stuck(Mutex<Receiver<()>>);

    impl Collector for Stuck {
        fn collect(&self, _: &mut Samples) -> Result<(), CollectError> {
            let _ = self.0.lock().recv();
            Ok(())
        }
    }

    #[test]
    fn a_collector_that_hangs_in_a_scrape_is_left_out_of_later_ones() {
        let (release, stuck) = channel();
        let slot = Slot::new("x", Box::new(Stuck(Mutex::new(stuck))), None);
        let scrape = || {
            let mut samples = Samples::default();
            slot.finish(None, Instant::now(), &mut samples);
            values(&samples)
        };
        std::thread::scope(|scope| {
            let first = scope.spawn(scrape);
            let Run::Here(here) = &slot.run else { panic!("runs here") };
            while here.began.lock().is_none() {
                std::thread::yield_now();
            }
            *here.began.lock() = Instant::now().checked_sub(2 * HANG).map(|since| (since, 1));
            assert_eq!(scrape(), [(SUCCESS.name.to_owned(), 0.0)]);
            drop(release);
            assert_eq!(first.join().unwrap(), [(SUCCESS.name.to_owned(), 1.0)]);
        });
        assert_eq!(scrape(), [(SUCCESS.name.to_owned(), 1.0)], "it is asked again");
    }

    #[test]
    fn one_thread_serves_all_collectors_until_one_of_them_hangs() {
        let crew = crew();
        let (release, stuck) = channel();
        let fixed = || -> Box<dyn Collector> { Box::new(Fixed(Ok(()))) };
        let slots = [
            Slot::new("a", fixed(), Some(&crew)),
            Slot::new("stuck", Box::new(Stuck(Mutex::new(stuck))), Some(&crew)),
            Slot::new("b", fixed(), Some(&crew)),
        ];
        let scrape = |slots: &[&Slot]| {
            let mut samples = Samples::default();
            let deadline = Instant::now() + Duration::from_millis(500);
            let started: Vec<_> = slots.iter().map(|slot| slot.start()).collect();
            crew.wake();
            for (slot, started) in slots.iter().zip(started) {
                slot.finish(started, deadline, &mut samples);
            }
            values(&samples).iter().filter(|(name, _)| name == SUCCESS.name).map(|v| v.1).collect()
        };
        let found: Vec<f64> = scrape(&[&slots[0], &slots[2]]);
        assert_eq!((found, crew.threads()), (vec![1.0, 1.0], 1));
        for _ in 0..3 {
            let found: Vec<f64> = scrape(&[&slots[0], &slots[1], &slots[2]]);
            assert_eq!((found, crew.threads()), (vec![1.0, 1.0, 0.0], 2));
        }
        drop(release);
        let found: Vec<f64> = scrape(&[&slots[0], &slots[1], &slots[2]]);
        assert_eq!(found, [1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_stuck_collector_costs_one_thread_and_its_deadline() {
        let (release, stuck) = channel();
        let crew = crew();
        let slot = Slot::new("x", Box::new(Stuck(Mutex::new(stuck))), Some(&crew));
        for _ in 0..3 {
            let mut samples = Samples::default();
            let started = slot.start();
            crew.wake();
            assert_eq!(started, Some(1), "joins the round that hangs");
            slot.finish(started, Instant::now(), &mut samples);
            assert_eq!(values(&samples), [(SUCCESS.name.to_owned(), 0.0)]);
        }
        drop(release);
        let mut samples = Samples::default();
        slot.finish(Some(1), Instant::now() + COLLECTOR_TIMEOUT, &mut samples);
        assert_eq!(values(&samples), [(SUCCESS.name.to_owned(), 1.0)]);
    }
}
