//! `statfs(2)` on many mounts, any of which may never answer.
//!
//! Threads are few: one does all the work while every mount answers. A mount that hangs keeps its
//! thread, at most one, and others take over; it is not asked again until that thread has come back.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long all workers may make no progress before others are started beside them.
const PATIENCE: Duration = Duration::from_millis(100);

/// Most threads that hang on mounts; further dead mounts wait in the queue and time out.
const THREADS_MAX: usize = 256;

/// The thread makes one system call.
const STACK_BYTES: usize = 128 << 10;

/// Numbers in bytes and files.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// All blocks.
    pub(crate) size: f64,
    /// Unused blocks.
    pub(crate) free: f64,
    /// Unused blocks that are not reserved for root.
    pub(crate) avail: f64,
    /// All inodes.
    pub(crate) files: f64,
    /// Unused inodes.
    pub(crate) files_free: f64,
}

/// What came of one mount.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// It answered.
    Usage(Usage),
    /// The text of the system's error.
    Error(String),
    /// It has not answered in time.
    Timeout,
}

/// Asks mounts for their use.
pub(crate) struct Prober {
    shared: Arc<Shared>,
    /// Threads to start at once when nothing moves.
    workers: usize,
}

type Probe = Box<dyn Fn(&Path) -> Answer + Send + Sync>;

struct Shared {
    board: Mutex<Board>,
    asked: Condvar,
    done: Condvar,
    probe: Probe,
}

#[derive(Default)]
struct Board {
    queue: VecDeque<Arc<Path>>,
    /// Mounts that are in the queue or in the hands of a thread, with the time they were asked.
    under_way: HashMap<Arc<Path>, Instant>,
    answers: HashMap<Arc<Path>, Answer>,
    threads: usize,
    idle: usize,
    /// Jobs that were taken up; shows whether the queue moves.
    taken: u64,
    closed: bool,
}

impl Prober {
    /// Starts no thread yet.
    pub(crate) fn new(workers: usize) -> Prober {
        Prober::with_probe(workers, Box::new(statfs))
    }

    fn with_probe(workers: usize, probe: Probe) -> Prober {
        let (board, asked, done) = (Mutex::default(), Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { board, asked, done, probe });
        Prober { shared, workers: workers.clamp(1, THREADS_MAX) }
    }

    /// One answer for each path, in the same order, not later than `deadline`. A mount that was
    /// already asked `timeout` ago is not waited for.
    pub(crate) fn ask<'a>(
        &self,
        paths: impl Iterator<Item = &'a Arc<Path>> + Clone,
        deadline: Instant,
        timeout: Duration,
    ) -> Vec<Answer> {
        let mut board = self.shared.board.lock();
        let now = Instant::now();
        for path in paths.clone() {
            if !board.under_way.contains_key(path) {
                board.answers.remove(path);
                board.under_way.insert(Arc::clone(path), now);
                board.queue.push_back(Arc::clone(path));
            }
        }
        if !board.queue.is_empty() {
            if board.idle == 0 {
                self.start_threads(&mut board, 1);
            }
            self.shared.asked.notify_one();
        }
        let is_awaited = |board: &Board, path: &Arc<Path>, now: Instant| {
            board.under_way.get(path).is_some_and(|asked| now < *asked + timeout)
        };
        loop {
            let now = Instant::now();
            if now >= deadline || !paths.clone().any(|path| is_awaited(&board, path, now)) {
                break;
            }
            let taken = board.taken;
            let patience = deadline.min(now + PATIENCE);
            let timed_out = self.shared.done.wait_until(&mut board, patience).timed_out();
            if timed_out && board.taken == taken && !board.queue.is_empty() {
                self.start_threads(&mut board, self.workers);
            }
        }
        let answer = |path: &Arc<Path>| match board.under_way.contains_key(path) {
            true => Answer::Timeout,
            false => board.answers.get(path).cloned().unwrap_or(Answer::Timeout),
        };
        paths.map(answer).collect()
    }

    fn start_threads(&self, board: &mut Board, count: usize) {
        for _ in 0..count.min(THREADS_MAX - board.threads.min(THREADS_MAX)) {
            let shared = Arc::clone(&self.shared);
            let builder = std::thread::Builder::new().name("node-statfs".to_owned());
            match builder.stack_size(STACK_BYTES).spawn(move || shared.work()) {
                Ok(_) => board.threads += 1,
                Err(error) => {
                    tracing::error!(err = %error, "no thread for statfs");
                    return;
                }
            }
        }
    }

    #[cfg(test)]
    fn threads(&self) -> usize {
        self.shared.board.lock().threads
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.shared.board.lock().closed = true;
        self.shared.asked.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        let mut board = self.board.lock();
        loop {
            let Some(path) = board.queue.pop_front() else {
                // One idle thread is kept for the next scrape.
                if board.idle > 0 || board.closed {
                    break;
                }
                board.idle += 1;
                self.asked.wait(&mut board);
                board.idle -= 1;
                continue;
            };
            board.taken += 1;
            drop(board);
            let answer = (self.probe)(&path);
            board = self.board.lock();
            board.under_way.remove(&path);
            board.answers.insert(path, answer);
            if board.queue.is_empty() {
                self.done.notify_all();
            }
        }
        board.threads -= 1;
    }
}

/// Asks in this thread.
pub(crate) fn statfs(path: &Path) -> Answer {
    match rustix::fs::statfs(path) {
        Ok(found) => {
            let block = found.f_bsize as f64;
            Answer::Usage(Usage {
                size: found.f_blocks as f64 * block,
                free: found.f_bfree as f64 * block,
                avail: found.f_bavail as f64 * block,
                files: found.f_files as f64,
                files_free: found.f_ffree as f64,
            })
        }
        Err(error) => Answer::Error(words_of(error.into())),
    }
}

/// The text of an error as Go words it: like the C library, but with a small first letter.
fn words_of(error: std::io::Error) -> String {
    if error.raw_os_error() == Some(rustix::io::Errno::STALE.raw_os_error()) {
        return "stale NFS file handle".to_owned();
    }
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const ANSWERED: Answer =
        Answer::Usage(Usage { size: 1.0, free: 1.0, avail: 1.0, files: 1.0, files_free: 1.0 });

    fn paths(names: &[&str]) -> Vec<Arc<Path>> {
        names.iter().map(|name| Arc::from(Path::new(name))).collect()
    }

    #[test]
    fn errors_are_worded_as_in_go() {
        fn check(errno: rustix::io::Errno, expected: &str) {
            assert_eq!(words_of(errno.into()), expected);
        }
        check(rustix::io::Errno::ACCESS, "permission denied");
        check(rustix::io::Errno::NOTCONN, "transport endpoint is not connected");
        check(rustix::io::Errno::STALE, "stale NFS file handle");
    }

    #[test]
    fn a_mount_that_is_not_there_is_an_error() {
        let missing = paths(&["/does/not/exist", "/"]);
        let prober = Prober::new(4);
        let timeout = Duration::from_secs(60);
        let answers = prober.ask(missing.iter(), Instant::now() + timeout, timeout);
        assert_eq!(answers[0], Answer::Error("no such file or directory".into()));
        assert!(matches!(answers[1], Answer::Usage(Usage { size, .. }) if size > 0.0));
        assert_eq!(prober.threads(), 1);
    }

    #[test]
    fn dead_mounts_hold_one_thread_each_and_nobody_else() {
        let (release, blocked) = channel::<()>();
        let blocked = Mutex::new(blocked);
        let hang = move |path: &Path| {
            if path.to_string_lossy().contains("dead") {
                // Ends when the test drops the sender.
                let _ = blocked.lock().recv();
            }
            ANSWERED
        };
        let prober = Prober::with_probe(2, Box::new(hang));
        let all = paths(&["dead1", "a", "dead2", "dead3", "b"]);
        let expected = [Answer::Timeout, ANSWERED, Answer::Timeout, Answer::Timeout, ANSWERED];
        let timeout = Duration::from_millis(600);
        for round in 0..3 {
            let begun = Instant::now();
            assert_eq!(prober.ask(all.iter(), begun + timeout, timeout), expected);
            let at_once = begun.elapsed() < timeout;
            assert_eq!(at_once, round > 0, "only the first scrape waits");
            assert!(prober.threads() <= 5, "{} threads", prober.threads());
        }
        drop(release);
        let long = Duration::from_secs(60);
        let mut answers = prober.ask(all.iter(), Instant::now() + long, long);
        if answers.contains(&Answer::Timeout) {
            answers = prober.ask(all.iter(), Instant::now() + long, long);
        }
        assert_eq!(answers, vec![ANSWERED; 5]);
    }
}
