//! Turns at computing: as many as there are cores, handed to whoever has computed least so far.
//!
//! A query asks now and then whether it may go on. When it has had its turn and others wait, it
//! waits too. Who has computed least goes first, so that a small query never waits for longer than
//! one turn; every few turns it is the one who has waited longest, so that nobody waits forever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use server_promql::engine::Lent;

/// How long a turn is when others wait.
const TURN: Duration = Duration::from_millis(10);

/// One turn in so many goes to the one who has waited longest.
const OLDEST_FIRST_EVERY: u64 = 8;

/// How often the waiting look whether they still want to go on.
const LOOK: Duration = Duration::from_millis(50);

/// Hands out turns.
pub(super) struct Turns {
    /// Times are counted from here.
    zero: Instant,
    state: Mutex<State>,
}

struct State {
    free: usize,
    /// How many turns were handed on.
    handed: u64,
    /// In the order in which they began to wait.
    waiting: Vec<Arc<Place>>,
}

/// One who takes part.
struct Place {
    /// Computing time in nanoseconds, of turns that are over.
    used: AtomicU64,
    /// When the turn ends, in nanoseconds since zero; zero while it is not its turn.
    until: AtomicU64,
    granted: Condvar,
}

/// One query's part in it. Its turn ends with it.
pub(super) struct Turn {
    turns: Arc<Turns>,
    place: Arc<Place>,
    time_max: Option<Duration>,
    phase: Mutex<Phase>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    /// Since when, in nanoseconds since zero.
    Computing(u64),
    Ended,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is this query's turn.
    Go,
    /// It was over before its turn came.
    Over,
    /// It has computed for longer than it may.
    Outran,
}

impl Turns {
    /// So many may compute at a time.
    pub(super) fn new(count: usize) -> Turns {
        let state = State { free: count.max(1), handed: 0, waiting: Vec::new() };
        Turns { zero: Instant::now(), state: Mutex::new(state) }
    }

    /// A new one takes part; it has no turn yet, and may compute for `time_max` in all.
    pub(super) fn take_part(self: Arc<Turns>, time_max: Option<Duration>) -> Turn {
        let place = Arc::new(Place {
            used: AtomicU64::new(0),
            until: AtomicU64::new(0),
            granted: Condvar::new(),
        });
        Turn { turns: self, place, time_max, phase: Mutex::new(Phase::Waiting) }
    }

    fn now(&self) -> u64 {
        nanos(self.zero.elapsed()).max(1)
    }

    /// Waits until it is this one's turn, or until it is over; whether it is its turn.
    fn wait(&self, place: &Arc<Place>, is_over: &dyn Fn() -> bool) -> bool {
        let mut state = self.state.lock();
        if state.free > 0 {
            state.free -= 1;
            place.until.store(self.now() + nanos(TURN), Ordering::Relaxed);
            return true;
        }
        state.waiting.push(place.clone());
        loop {
            place.granted.wait_for(&mut state, LOOK);
            if place.until.load(Ordering::Relaxed) > 0 {
                return true;
            }
            if is_over() {
                state.waiting.retain(|other| !Arc::ptr_eq(other, place));
                return false;
            }
        }
    }

    /// Gives a turn to the next one, or back.
    fn hand_on(&self) {
        let mut state = self.state.lock();
        state.handed += 1;
        let oldest = state.handed.is_multiple_of(OLDEST_FIRST_EVERY);
        let waiting = state.waiting.iter().enumerate();
        let next =
            waiting.min_by_key(|(_, p)| if oldest { 0 } else { p.used.load(Ordering::Relaxed) });
        match next.map(|(at, _)| at) {
            Some(at) => {
                let place = state.waiting.remove(at);
                place.until.store(self.now() + nanos(TURN), Ordering::Relaxed);
                place.granted.notify_all();
            }
            None => state.free += 1,
        }
    }

    fn somebody_waits(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// Gives another core to one who has a turn, if one is idle: turns come before.
    pub(super) fn lend(self: Arc<Turns>) -> Option<Extra> {
        let mut state = self.state.lock();
        if state.free == 0 || !state.waiting.is_empty() {
            return None;
        }
        state.free -= 1;
        drop(state);
        Some(Extra(self))
    }
}

/// A core lent beyond a turn.
pub(super) struct Extra(Arc<Turns>);

impl Lent for Extra {
    fn is_wanted(&self) -> bool {
        self.0.somebody_waits()
    }
}

impl Drop for Extra {
    fn drop(&mut self) {
        self.0.hand_on();
    }
}

impl Turn {
    /// To be asked often: returns at once while the turn lasts, else after those who wait. A query
    /// that computes with several threads asks from each; they share the turn.
    pub(super) fn go_on(&self, is_over: &dyn Fn() -> bool) -> Outcome {
        let until = self.place.until.load(Ordering::Relaxed);
        if until > 0 && self.turns.now() < until {
            return Outcome::Go;
        }
        // Other threads of the query wait here for the one that waits for the turn.
        let mut phase = self.phase.lock();
        if *phase == Phase::Ended {
            return Outcome::Over;
        }
        let now = self.turns.now();
        if let Phase::Computing(since) = *phase {
            if now < self.place.until.load(Ordering::Relaxed) {
                return Outcome::Go;
            }
            let used = self.place.used.fetch_add(now - since, Ordering::Relaxed) + now - since;
            *phase = Phase::Computing(now);
            if self.time_max.is_some_and(|time_max| used > nanos(time_max)) {
                return Outcome::Outran;
            }
            if !self.turns.somebody_waits() {
                self.place.until.store(now + nanos(TURN), Ordering::Relaxed);
                return Outcome::Go;
            }
            self.place.until.store(0, Ordering::Relaxed);
            *phase = Phase::Waiting;
            self.turns.hand_on();
        }
        if !self.turns.wait(&self.place, is_over) {
            return Outcome::Over;
        }
        *phase = Phase::Computing(self.turns.now());
        Outcome::Go
    }

    /// Begins the turn if it can be had without waiting for anybody.
    pub(super) fn begin_now(&self) -> bool {
        let mut phase = self.phase.lock();
        let mut state = self.turns.state.lock();
        if *phase != Phase::Waiting || state.free == 0 || !state.waiting.is_empty() {
            return false;
        }
        state.free -= 1;
        let now = self.turns.now();
        self.place.until.store(now + nanos(TURN), Ordering::Relaxed);
        *phase = Phase::Computing(now);
        true
    }

    /// Another core for the one whose turn it is.
    pub(super) fn lend(&self) -> Option<Extra> {
        self.turns.clone().lend()
    }

    /// Nothing more is computed.
    pub(super) fn end(&self) {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::Computing(_)) {
            self.place.until.store(0, Ordering::Relaxed);
            self.turns.hand_on();
        }
        *phase = Phase::Ended;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end();
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    const NEVER: &dyn Fn() -> bool = &|| false;

    fn compute(turn: &Turn, time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            assert_eq!(turn.go_on(NEVER), Outcome::Go);
            std::hint::spin_loop();
        }
    }

    #[test]
    fn who_has_computed_least_goes_first() {
        let turns = Arc::new(Turns::new(1));
        let (ended, order) = mpsc::channel();
        let first = turns.clone().take_part(None);
        compute(&first, Duration::from_millis(1));
        thread::scope(|scope| {
            for (name, time) in [("long", 150), ("short", 5)] {
                let (turns, ended) = (turns.clone(), ended.clone());
                scope.spawn(move || {
                    let turn = turns.take_part(None);
                    compute(&turn, Duration::from_millis(time));
                    turn.end();
                    ended.send(name).unwrap();
                });
            }
            drop(first);
        });
        assert_eq!(order.iter().take(2).collect::<Vec<_>>(), ["short", "long"]);
        assert_eq!(turns.state.lock().free, 1);
    }

    #[test]
    fn an_idle_core_is_lent_until_somebody_wants_it() {
        let turns = Arc::new(Turns::new(2));
        let first = turns.clone().take_part(None);
        assert_eq!(first.go_on(NEVER), Outcome::Go);
        let extra = first.lend().expect("one of two cores is idle");
        assert!(first.lend().is_none(), "there is no third one");
        assert!(!extra.is_wanted());
        let second = turns.clone().take_part(None);
        thread::scope(|scope| {
            let waits = scope.spawn(|| second.go_on(NEVER));
            while !extra.is_wanted() {
                thread::yield_now();
            }
            drop(extra);
            assert_eq!(waits.join().unwrap(), Outcome::Go);
        });
        assert!(first.lend().is_none(), "both have a turn");
        drop((first, second));
        assert_eq!(turns.state.lock().free, 2);
    }

    #[test]
    fn a_turn_is_begun_at_once_or_not_at_all() {
        let turns = Arc::new(Turns::new(1));
        let (first, second) = (turns.clone().take_part(None), turns.clone().take_part(None));
        assert!(first.begin_now());
        assert_eq!(first.go_on(NEVER), Outcome::Go);
        assert!(!second.begin_now(), "there is only one");
        first.end();
        assert!(second.begin_now());
        assert!(!second.begin_now(), "it has begun");
        drop(second);
        assert_eq!(turns.state.lock().free, 1);
    }

    #[test]
    fn who_waits_can_leave_and_who_tries_has_little_time() {
        let turns = Arc::new(Turns::new(1));
        let first = turns.clone().take_part(Some(Duration::from_millis(5)));
        assert_eq!(first.go_on(NEVER), Outcome::Go);
        let second = turns.clone().take_part(None);
        assert_eq!(second.go_on(&|| true), Outcome::Over);
        let outcome = std::iter::repeat_with(|| first.go_on(NEVER)).find(|o| *o != Outcome::Go);
        assert_eq!(outcome, Some(Outcome::Outran));
        first.end();
        assert_eq!(second.go_on(NEVER), Outcome::Go);
        drop((first, second));
        assert_eq!(turns.state.lock().free, 1);
        assert!(turns.state.lock().waiting.is_empty());
    }
}
