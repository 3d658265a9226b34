//! `statfs(2)` on many mounts, any of which may never answer.
//!
//! A mount that hangs keeps a thread of the crew, at most one; it is not asked again until that
//! thread has come back.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::crew::{Crew, Job};

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
    crew: Arc<Crew<Question>>,
    questions: Mutex<HashMap<Arc<Path>, Arc<Question>>>,
    probe: Arc<Probe>,
}

type Probe = dyn Fn(&Path) -> Answer + Send + Sync;

/// One mount.
struct Question {
    path: Arc<Path>,
    probe: Arc<Probe>,
    state: Mutex<State>,
}

enum State {
    /// Waits or is in the hands of a thread since then.
    Asked(Instant),
    Answered(Answer),
}

impl Job for Question {
    fn run(&self) {
        let answer = (self.probe)(&self.path);
        *self.state.lock() = State::Answered(answer);
    }
}

impl Prober {
    /// Starts no thread yet; `workers` at once when nothing moves.
    pub(crate) fn new(workers: usize) -> Prober {
        Prober::with_probe(workers, Arc::new(statfs))
    }

    fn with_probe(workers: usize, probe: Arc<Probe>) -> Prober {
        Prober { crew: Crew::new("node-statfs", workers), questions: Mutex::default(), probe }
    }

    /// One answer for each path, in the same order, not later than `deadline`. A mount that was
    /// already asked `timeout` ago is not waited for.
    pub(crate) fn ask<'a>(
        &self,
        paths: impl Iterator<Item = &'a Arc<Path>> + Clone,
        deadline: Instant,
        timeout: Duration,
    ) -> Vec<Answer> {
        let asked: Vec<Arc<Question>> = paths.map(|path| self.question(path)).collect();
        self.crew.wake();
        self.crew.wait(None, deadline, |now| {
            let is_awaited = |question: &Arc<Question>| match *question.state.lock() {
                State::Asked(since) => now < since + timeout,
                State::Answered(_) => false,
            };
            !asked.iter().any(is_awaited)
        });
        self.forget_unasked(&asked);
        let answer = |question: &Arc<Question>| match &*question.state.lock() {
            State::Asked(_) => Answer::Timeout,
            State::Answered(answer) => answer.clone(),
        };
        asked.iter().map(answer).collect()
    }

    /// The question to a mount, queued unless it still waits for its answer.
    fn question(&self, path: &Arc<Path>) -> Arc<Question> {
        let now = Instant::now();
        let mut questions = self.questions.lock();
        if let Some(question) = questions.get(path) {
            let mut state = question.state.lock();
            let is_idle = matches!(*state, State::Answered(_));
            if is_idle {
                *state = State::Asked(now);
            }
            // The crew looks at the state of jobs while it is locked itself.
            drop(state);
            if is_idle {
                self.crew.push(Arc::clone(question));
            }
            return Arc::clone(question);
        }
        let (path, probe) = (Arc::clone(path), Arc::clone(&self.probe));
        let state = Mutex::new(State::Asked(now));
        let question = Arc::new(Question { path: Arc::clone(&path), probe, state });
        questions.insert(path, Arc::clone(&question));
        self.crew.push(Arc::clone(&question));
        question
    }

    /// Mounts that are gone are forgotten, unless a thread still hangs on them.
    fn forget_unasked(&self, asked: &[Arc<Question>]) {
        let mut questions = self.questions.lock();
        if questions.len() > asked.len() {
            questions.retain(|_, question| {
                matches!(*question.state.lock(), State::Asked(_))
                    || asked.iter().any(|one| Arc::ptr_eq(one, question))
            });
        }
    }

    #[cfg(test)]
    fn threads(&self) -> usize {
        self.crew.threads()
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.crew.close();
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
        let prober = Prober::with_probe(2, Arc::new(hang));
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
