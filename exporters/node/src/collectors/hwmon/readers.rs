//! Threads that read chips: one as a rule, and one more for each chip that does not answer in time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::chip::Chip;

/// How long a scrape waits for one chip. One that takes longer is read beside the scrapes from then
/// on, and they export what it said last.
pub(super) const CHIP_PATIENCE: Duration = Duration::from_millis(500);

/// How many of these a scrape waits for all chips.
const CHIPS_PATIENCE: u32 = 4;

/// Most threads; when as many chips hang, the others are not read any more.
const READERS_MAX: usize = 16;

/// Stack of a thread; none goes deep.
const STACK_BYTES: usize = 256 << 10;

/// The threads; they end with this.
pub(super) struct Readers {
    shared: Arc<Shared>,
    patience: Duration,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Chip>>,
    /// What is being read; some of these may hang, and have been unplugged since.
    busy: Vec<Arc<Chip>>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl State {
    /// Whether a thread will come to what is in the queue.
    fn has_free_thread(&self) -> bool {
        let held = self.busy.iter().filter(|chip| chip.progress.lock().is_slow).count();
        self.threads > held
    }
}

impl Readers {
    /// No thread yet; scrapes will wait so long for a chip.
    pub(super) fn new(patience: Duration) -> Readers {
        Readers { shared: Arc::default(), patience }
    }

    /// Has all chips read, and waits for those that answer in time.
    pub(super) fn read<'a>(&self, chips: impl Iterator<Item = &'a Arc<Chip>> + Clone) {
        let end = Instant::now() + self.patience * CHIPS_PATIENCE;
        let mut state = self.shared.state.lock();
        for slow in [false, true] {
            for chip in chips.clone() {
                let mut progress = chip.progress.lock();
                if !progress.is_pending() && progress.is_slow == slow {
                    progress.is_queued = true;
                    state.queue.push_back(Arc::clone(chip));
                }
            }
        }
        self.shared.changed.notify_all();
        loop {
            let now = Instant::now();
            let next = self.find_slow(&state, now).unwrap_or(now + self.patience).min(end);
            if !state.queue.is_empty() && !state.has_free_thread() {
                self.spawn(&mut state);
            }
            let is_awaited = |chip: &Arc<Chip>| {
                let progress = chip.progress.lock();
                progress.is_pending() && !progress.is_slow
            };
            if now >= end || !state.has_free_thread() || !chips.clone().any(is_awaited) {
                return;
            }
            self.shared.changed.wait_until(&mut state, next);
        }
    }

    /// Marks chips that take too long, and returns when the next one will.
    fn find_slow(&self, state: &State, now: Instant) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for chip in &state.busy {
            let mut progress = chip.progress.lock();
            let Some(begun) = progress.begun.filter(|_| !progress.is_slow) else { continue };
            let until = begun + self.patience;
            if until <= now {
                progress.is_slow = true;
                let path = chip.path().display();
                tracing::warn!(chip = chip.label, %path, "slow chip is read beside the scrapes");
            } else {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        }
        next
    }

    fn spawn(&self, state: &mut State) {
        if state.threads == READERS_MAX {
            return;
        }
        let (shared, patience) = (Arc::clone(&self.shared), self.patience);
        let builder = std::thread::Builder::new().name("node-hwmon-chip".to_owned());
        match builder.stack_size(STACK_BYTES).spawn(move || shared.work(patience)) {
            Ok(_) => state.threads += 1,
            Err(error) => tracing::error!(err = %error, "no thread to read chips"),
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self, patience: Duration) {
        let mut state = self.state.lock();
        while let Some(chip) = self.next(&mut state) {
            let begun = Instant::now();
            {
                let mut progress = chip.progress.lock();
                progress.is_queued = false;
                progress.begun = Some(begun);
            }
            state.busy.push(Arc::clone(&chip));
            MutexGuard::unlocked(&mut state, || chip.read());
            state.busy.retain(|other| !Arc::ptr_eq(other, &chip));
            {
                let mut progress = chip.progress.lock();
                progress.begun = None;
                progress.is_slow = begun.elapsed() > patience;
            }
            if state.queue.is_empty() {
                self.changed.notify_all();
            }
        }
        state.threads -= 1;
    }

    /// The next chip to read; `None` if this thread is not needed any more.
    fn next(&self, state: &mut MutexGuard<'_, State>) -> Option<Arc<Chip>> {
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(chip) = state.queue.pop_front() {
                return Some(chip);
            }
            if state.idle > 0 {
                return None;
            }
            state.idle += 1;
            self.changed.wait(state);
            state.idle -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use common_instrument::Samples;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn chip(root: &Path, name: &str) -> Arc<Chip> {
        let path = root.join(name);
        fs::create_dir(&path).unwrap();
        Arc::new(Chip::new(name.to_owned(), path, Arc::default()))
    }

    fn answers(chips: &[Arc<Chip>]) -> Vec<&str> {
        let answered = |chip: &&Arc<Chip>| {
            let mut samples = Samples::default();
            chip.push(Instant::now(), &mut samples) && !samples.is_empty()
        };
        chips.iter().filter(answered).map(|chip| &*chip.label).collect()
    }

    #[test]
    fn a_chip_that_hangs_holds_neither_scrapes_nor_other_chips() {
        let dir = tempfile::tempdir().unwrap();
        let chips = ["hangs", "answers", "answers_too"].map(|name| chip(dir.path(), name));
        let pipe = chips[0].path().join("temp1_input");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        for chip in &chips[1..] {
            fs::write(chip.path().join("temp1_input"), "40000\n").unwrap();
        }
        let readers = Readers::new(Duration::from_millis(50));
        let threads = || readers.shared.state.lock().threads;
        for _ in 0..3 {
            readers.read(chips.iter());
            assert_eq!(answers(&chips), ["answers", "answers_too"]);
            assert!(chips[0].progress.lock().is_slow);
            assert_eq!(threads(), 2, "one is stuck, and one reads the others");
        }
        // Unplugged: the thread is still stuck, and still holds nobody.
        let begun = Instant::now();
        readers.read(chips[1..].iter());
        assert!(begun.elapsed() < readers.patience * CHIPS_PATIENCE);
        fs::write(&pipe, "50000\n").unwrap();
        while chips[0].progress.lock().begun.is_some() {
            std::thread::yield_now();
        }
        assert_eq!(answers(&chips), ["hangs", "answers", "answers_too"]);
    }

    #[test]
    fn settings_are_remembered_and_measurements_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let chips = [chip(dir.path(), "chip")];
        let write = |name: &str, text: &str| fs::write(chips[0].path().join(name), text).unwrap();
        let readers = Readers::new(Duration::from_secs(5));
        let check = |input: &str, max: &str, expected: [f64; 2]| {
            write("temp1_input", input);
            write("temp1_max", max);
            readers.read(chips.iter());
            let mut samples = Samples::default();
            assert!(chips[0].push(Instant::now(), &mut samples));
            let values: Vec<_> = samples
                .families()
                .flat_map(|family| {
                    family.samples().map(|sample| sample.value()).collect::<Vec<_>>()
                })
                .collect();
            assert_eq!(values, expected.map(common_instrument::SampleValue::Number));
        };
        check("40000", "90000", [40.0, 90.0]);
        check("41000", "80000", [41.0, 90.0]);
    }
}
