//! One target's life: wait, fetch, take the samples, report, wait again.

use std::sync::Arc;
use std::time::Duration;

use common_model::TimestampMs;
use parking_lot::Mutex;
use server_storage::{Appendable, StorageError};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::buffers::Buffers;
use crate::failures::FailureLogs;
use crate::fetch::{FetchError, Page, Source, unpack};
use crate::memory::Memory;
use crate::metadata::MetadataByName;
use crate::metrics::{Metrics, OnePool};
use crate::report::{Report, ReportSeries};
use crate::session::{Counts, Session, SessionError, end_all};
use crate::status::{Health, LastScrape};
use crate::target::Target;
use crate::treatment::Treatment;
use crate::{Now, schedule};

/// Why a loop ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It does not.
    Run,
    /// The process ends: series stay as they are, the next process goes on with them.
    Shutdown,
    /// The target is gone: its series end.
    Removed,
}

/// From this size on a body is parsed on a thread of its own, so that other targets are not late.
const LONG_BODY_BYTES: usize = 64 << 10;

/// A source inside this process is scraped for the second time this long after the first.
const SECOND_SCRAPE_MS: TimestampMs = 5_000;

/// A packed page becomes about so many times as large.
const PACKED_RATIO: usize = 8;

/// Everything one target's loop needs.
pub(crate) struct TargetLoop {
    pub(crate) target: Arc<Target>,
    pub(crate) source: Source,
    pub(crate) treatment: Treatment,
    pub(crate) storage: Arc<dyn Appendable>,
    pub(crate) last: Arc<Mutex<LastScrape>>,
    pub(crate) metadata: Arc<Mutex<MetadataByName>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: OnePool,
    /// Where a scrape that fails is written down, and in which of these files.
    pub(crate) failures: Arc<FailureLogs>,
    pub(crate) failure_log: String,
    pub(crate) job_name: Arc<str>,
    /// Turns true when the store takes samples, where it does not yet.
    pub(crate) ready: Option<watch::Receiver<bool>>,
    /// How long this scrape waited for the store.
    pub(crate) waited: Duration,
    /// An error that stands for every scrape, set by the pool.
    pub(crate) forced: Arc<Mutex<Option<String>>>,
    pub(crate) now: Now,
    pub(crate) memory: Memory,
    pub(crate) report: ReportSeries,
    pub(crate) buffers: Arc<Buffers>,
    /// Of the last page, unpacked; −1 where it was too large.
    pub(crate) body_bytes: i64,
    /// When the scrape before began.
    pub(crate) before: Option<Instant>,
}

impl TargetLoop {
    /// Scrapes until told to stop.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<Stop>) {
        let interval = self.target.interval;
        let interval_ms = interval.as_millis() as TimestampMs;
        let begun = (self.now)();
        let wait = schedule::first_wait(begun, interval, self.target.hash());
        let mut due = begun + wait.as_millis() as TimestampMs;
        if self.source.is_free() {
            // Nobody is burdened, and a host's first page has values at once, and rates, for which
            // it takes two scrapes, soon after.
            self.scrape(begun).await;
            due = begun + interval_ms.min(SECOND_SCRAPE_MS);
        }
        loop {
            let now = (self.now)();
            // Should the clock be set back, the next scrape still comes within two intervals.
            due = due.min(now + 2 * interval_ms);
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis((due - now).max(0) as u64)) => {}
                () = told(&mut stop) => break,
            }
            if (self.now)() < due {
                continue;
            }
            // A scrape that is given up waits for its target and has taken nothing yet.
            tokio::select! {
                biased;
                () = self.scrape(due) => {}
                () = told(&mut stop) => break,
            }
            due = schedule::next_due((self.now)(), due, interval);
        }
        let (entries, bytes) = self.metadata.lock().size();
        self.pool.metadata.add(-(entries as f64));
        self.pool.metadata_bytes.add(-(bytes as f64));
        if *stop.borrow() == Stop::Removed {
            self.end_after_grace(due).await;
        }
    }

    /// One scrape, from fetching to the report.
    pub(crate) async fn scrape(&mut self, due: TimestampMs) {
        let begun = (self.now)();
        let clock = Instant::now();
        let stamp = schedule::stamp(begun, due, self.target.interval);
        if let Some(before) = self.before.replace(clock) {
            self.metrics.interval(&self.target, clock - before);
        }
        self.waited = Duration::ZERO;
        let outcome = self.fetch_and_take(stamp).await;
        if let Err((_, error)) = &outcome {
            tracing::debug!(target = self.target.url, error, "Scrape failed");
            let (log, url) = (&self.failure_log, &self.target.url);
            self.failures.note(log, begun, &self.job_name, url, error);
            let mut appender = self.storage.appender();
            end_all(&mut self.memory, &mut *appender, stamp);
            self.stored(appender.commit());
        }
        let (counts, error) = match outcome {
            Ok(counts) => (counts, String::new()),
            Err((counts, error)) => (counts, error),
        };
        self.finish(stamp, clock.elapsed().saturating_sub(self.waited), counts, error);
    }

    async fn fetch_and_take(&mut self, stamp: TimestampMs) -> Result<Counts, (Counts, String)> {
        let forced = self.forced.lock().clone();
        if let Some(error) = forced {
            self.store_is_ready().await;
            return Err((Counts::default(), error));
        }
        self.body_bytes = 0;
        let mut body = self.buffers.wire.take();
        body.clear();
        let fetched = self.source.fetch(&self.target, &mut body).await;
        self.store_is_ready().await;
        let taken = match fetched {
            Ok(page) => {
                let size = if page.is_gzip { body.len() * PACKED_RATIO } else { body.len() };
                if size >= LONG_BODY_BYTES {
                    tokio::task::block_in_place(|| self.unpack_and_take(&body, page, stamp))
                } else {
                    self.unpack_and_take(&body, page, stamp)
                }
            }
            Err(error) => Err(self.refused(&error)),
        };
        self.buffers.wire.give(body);
        taken
    }

    /// Waits until the store takes samples: after a start it may still read its log.
    async fn store_is_ready(&mut self) {
        let Some(ready) = &mut self.ready else { return };
        let began = Instant::now();
        // Who is gone has nothing more to say.
        let _ = ready.wait_for(|ready| *ready).await;
        self.waited = began.elapsed();
        self.ready = None;
    }

    fn unpack_and_take(
        &mut self,
        body: &[u8],
        page: Page,
        stamp: TimestampMs,
    ) -> Result<Counts, (Counts, String)> {
        if !page.is_gzip {
            return self.take(body, page, stamp);
        }
        let mut unpacked = self.buffers.unpacked.take();
        let taken = match unpack(&self.source, body, &mut unpacked) {
            Ok(text) => self.take(text, page, stamp),
            Err(error) => Err(self.refused(&error)),
        };
        self.buffers.unpacked.give(unpacked);
        taken
    }

    /// Takes note of a page that is not to be had.
    fn refused(&mut self, error: &FetchError) -> (Counts, String) {
        self.metrics.refused(error);
        if *error == FetchError::BodyLimit {
            self.body_bytes = -1;
        }
        (Counts::default(), error.to_string())
    }

    /// Takes the samples of a page, or of a collector in this process.
    fn take(
        &mut self,
        body: &[u8],
        page: Page,
        stamp: TimestampMs,
    ) -> Result<Counts, (Counts, String)> {
        self.body_bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let appender = self.storage.appender();
        let text = (body, page.dialect);
        let mut session = Session::begin(&self.treatment, &mut self.memory, appender, text, stamp);
        let mut metadata = self.metadata.lock();
        let before = metadata.size();
        let taken = self.source.each_sample(text, &mut session, &mut metadata);
        let after = metadata.size();
        drop(metadata);
        self.pool.metadata.add(after.0 as f64 - before.0 as f64);
        self.pool.metadata_bytes.add(after.1 as f64 - before.1 as f64);
        match taken {
            Ok(()) => {
                let counts = session.counts();
                session.finish().map_err(|error| (counts, error.to_string())).inspect(|counts| {
                    self.metrics.counted(counts);
                })
            }
            Err(error) => {
                match error {
                    SessionError::SampleLimit => self.metrics.sample_limit_exceeded.inc(),
                    SessionError::LabelLimit(_) => self.metrics.pools.label_limits_exceeded.inc(),
                    _ => {}
                }
                Err((session.abandon(), error.to_string()))
            }
        }
    }

    fn finish(&mut self, stamp: TimestampMs, took: Duration, counts: Counts, error: String) {
        let up = error.is_empty();
        let duration_seconds = took.as_secs_f64();
        let report = Report { up, duration_seconds, counts, body_bytes: self.body_bytes };
        let result = self.report.append(self.storage.appender(), stamp, &report);
        self.stored(result);
        let health = if up { Health::Up } else { Health::Down };
        *self.last.lock() =
            LastScrape { health, error, at: Some(stamp), duration: took, samples: counts.scraped };
    }

    /// Ends the series of a target that is gone, at the time its next scrape was due: not at once,
    /// for the same series may come from another target that has just taken over.
    async fn end_after_grace(mut self, due: TimestampMs) {
        tokio::time::sleep(self.target.interval.mul_f64(1.1)).await;
        let mut appender = self.storage.appender();
        end_all(&mut self.memory, &mut *appender, due);
        self.report.end(&mut *appender, due);
        self.stored(appender.commit());
    }

    /// A batch the store did not take is lost, which its operator must know.
    fn stored(&self, result: Result<(), StorageError>) {
        if let Err(error) = result {
            self.metrics.append_failures.inc();
            tracing::warn!(target = self.target.url, %error, "Appending scrape report failed");
        }
    }
}

/// Waits until the loop is told to end, or until nobody is left to tell.
async fn told(stop: &mut watch::Receiver<Stop>) {
    let _ = stop.wait_for(|stop| *stop != Stop::Run).await;
}
