//! One scrape's samples on their way to the store: limits, relabeling, target labels, staleness.

use std::ops::Range;

use common_exposition::{Dialect, Series, labels_of};
use common_model::{Exemplar, Labels, MetricType, TimestampMs, stale_marker};
use server_storage::{AppendError, Appender, NumberedSample, SeriesRef, StorageError};

use crate::memory::{Expected, Line, LineId, Memory};
use crate::treatment::{StartTimes, Treatment};

/// A sample may be this far ahead of our clock; one that is further would stop the store from
/// taking honest samples until the clock catches up.
const FUTURE_MS_MAX: TimestampMs = 10 * 60 * 1000;

/// Why the samples of a scrape are refused as a whole. The texts are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("sample limit exceeded")]
    SampleLimit,
    #[error("{0}")]
    LabelLimit(String),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Storage(StorageError),
}

/// What a scrape brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Samples on the wire.
    pub(crate) scraped: usize,
    /// Samples left after relabeling.
    pub(crate) kept: usize,
    /// Series that were not there the scrape before.
    pub(crate) series_added: usize,
    /// Samples the store did not take because of their time.
    pub(crate) out_of_order: usize,
    pub(crate) duplicate: usize,
    pub(crate) out_of_bounds: usize,
    /// Series the store did not take because it is full.
    pub(crate) refused: usize,
    /// Exemplars the store did not take because newer ones are there.
    pub(crate) exemplars_out_of_order: usize,
}

/// Samples of known lines that go to the store together.
const TOGETHER: usize = 128;

/// Where the lines of a page are told apart from its comments, which mean what their dialect says.
const SAMPLE: u8 = 0;

/// A sample of a known line on its way to the store.
struct Waiting {
    id: LineId,
    /// Where its series stands in the page, should its number be forgotten.
    raw: Range<usize>,
    kind: MetricType,
    tracked: bool,
    /// Whether the series counts as added when it is taken.
    is_new: bool,
}

/// Takes the samples of one scrape.
pub(crate) struct Session<'a> {
    treatment: &'a Treatment,
    memory: &'a mut Memory,
    appender: Box<dyn Appender>,
    page: &'a [u8],
    dialect: Dialect,
    now: TimestampMs,
    /// Since when the sample counts that is being taken; zero where that is not known.
    start: TimestampMs,
    counts: Counts,
    samples: Vec<NumberedSample>,
    waiting: Vec<Waiting>,
}

impl<'a> Session<'a> {
    /// Begins a scrape of a page whose samples carry the time `now` unless they bring one.
    pub(crate) fn begin(
        treatment: &'a Treatment,
        memory: &'a mut Memory,
        appender: Box<dyn Appender>,
        (page, dialect): (&'a [u8], Dialect),
        now: TimestampMs,
    ) -> Session<'a> {
        memory.begin();
        Session {
            treatment,
            memory,
            appender,
            page,
            dialect,
            now,
            start: 0,
            counts: Counts::default(),
            samples: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Whether it is worth asking since when samples count.
    pub(crate) fn wants_starts(&self) -> bool {
        let StartTimes { stored, zeros } = self.treatment.starts;
        stored || zeros
    }

    /// Takes one sample that counts since `start`; zero where that is not known.
    pub(crate) fn sample_since(
        &mut self,
        start: TimestampMs,
        series: &Series<'_>,
    ) -> Result<(), SessionError> {
        // What waits began at other times.
        self.flush()?;
        self.start = start;
        let labels = || series.labels().map_err(|error| error.to_string());
        let taken = self.sample(series.raw, labels, series.timestamp, series.value);
        self.start = 0;
        taken
    }

    /// Takes one sample. `raw` names its series on the wire; `parse` makes labels of it when the
    /// line is new.
    pub(crate) fn sample(
        &mut self,
        raw: &[u8],
        parse: impl FnOnce() -> Result<Labels, String>,
        timestamp: Option<TimestampMs>,
        value: f64,
    ) -> Result<(), SessionError> {
        self.flush()?;
        self.counts.scraped += 1;
        let print = self.memory.print(SAMPLE, raw);
        let known = self.memory.find(print);
        match known.and_then(|id| Some((id, self.memory.get(id)?))) {
            Some((_, Line::Dropped | Line::Comment(_))) => return Ok(()),
            Some((id, Line::Series(number))) if number != SeriesRef(0) => {
                let Some((sample, tracked)) = self.admit(number, timestamp, value)? else {
                    return Ok(());
                };
                self.begin_at_zero(number, None, &sample);
                let mut result = Ok(number);
                self.appender.append_known(&[sample], &mut |_, error| result = Err(error));
                return match result {
                    Err(AppendError::UnknownSeries(_)) => {
                        let labels = self.treatment.labels(parse)?;
                        self.append(id, labels.as_ref(), sample, tracked)
                    }
                    result => {
                        self.tell_start(&result);
                        self.note(id, result, tracked)
                    }
                };
            }
            _ => {}
        }
        let labels = self.treatment.labels(parse)?;
        let line = labels.as_ref().map_or(Line::Dropped, |_| Line::Series(SeriesRef(0)));
        let id = known.unwrap_or_else(|| self.memory.insert(print, line));
        if labels.is_none() {
            return Ok(());
        }
        match self.admit(SeriesRef(0), timestamp, value)? {
            Some((sample, tracked)) => self.append(id, labels.as_ref(), sample, tracked),
            None => Ok(()),
        }
    }

    /// The line that should come next, when the target goes on as last time.
    #[inline]
    pub(crate) fn expected(&self) -> Option<Expected> {
        self.memory.expected()
    }

    /// Whether the expected line is the one with these bytes.
    #[inline]
    pub(crate) fn is(&self, expected: &Expected, raw: &[u8]) -> bool {
        let sort = match expected.line {
            Line::Comment(_) => comment_sort(self.dialect),
            _ => SAMPLE,
        };
        self.memory.is(expected, sort, raw)
    }

    /// Takes a sample of the expected line, whose series begins at `at` of the page.
    #[inline]
    pub(crate) fn expected_sample(
        &mut self,
        expected: &Expected,
        at: usize,
        series: &Series<'_>,
    ) -> Result<(), SessionError> {
        let Line::Series(number) = expected.line else {
            self.counts.scraped += 1;
            self.memory.follow(expected.id);
            return Ok(());
        };
        if number == SeriesRef(0) {
            let labels = || series.labels().map_err(|error| error.to_string());
            return self.sample(series.raw, labels, series.timestamp, series.value);
        }
        self.counts.scraped += 1;
        self.memory.follow(expected.id);
        let Some((sample, tracked)) = self.admit(number, series.timestamp, series.value)? else {
            return Ok(());
        };
        let is_new = tracked && !self.memory.is_live(expected.id);
        let raw = at..at + series.raw.len();
        self.samples.push(sample);
        self.waiting.push(Waiting { id: expected.id, raw, kind: series.kind, tracked, is_new });
        if self.samples.len() < TOGETHER { Ok(()) } else { self.flush() }
    }

    /// Passes over the expected comment.
    pub(crate) fn expected_comment(&mut self, expected: &Expected) {
        self.memory.follow(expected.id);
    }

    /// Remembers what the target says of a metric; `kind` is what a TYPE line declares.
    pub(crate) fn comment(&mut self, raw: &[u8], kind: Option<MetricType>) {
        let print = self.memory.print(comment_sort(self.dialect), raw);
        if self.memory.find(print).is_none() {
            self.memory.insert(print, Line::Comment(kind));
        }
    }

    /// Whether exemplars are worth reading.
    pub(crate) fn wants_exemplars(&self) -> bool {
        self.appender.wants_exemplars()
    }

    /// Takes an exemplar of the sample that came last.
    pub(crate) fn exemplar(&mut self, exemplar: &Exemplar) -> Result<(), SessionError> {
        self.flush()?;
        if let Some(Line::Series(number)) = self.memory.last() {
            // An exemplar the store does not take is no loss of data.
            let result = self.appender.append_known_exemplar(number, exemplar);
            let is_late = matches!(result, Err(AppendError::OutOfOrderExemplar));
            self.counts.exemplars_out_of_order += usize::from(is_late);
        }
        Ok(())
    }

    /// What came so far.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Hands over what waits, before something else goes to the store.
    pub(crate) fn flush(&mut self) -> Result<(), SessionError> {
        if self.samples.is_empty() {
            return Ok(());
        }
        let mut refused: Vec<(usize, AppendError)> = Vec::new();
        self.appender.append_known(&self.samples, &mut |at, error| refused.push((at, error)));
        refused.sort_by_key(|(at, _)| *at);
        let (mut waiting, mut samples) =
            (std::mem::take(&mut self.waiting), std::mem::take(&mut self.samples));
        let mut refused = refused.into_iter().peekable();
        for (at, (line, sample)) in waiting.iter().zip(&samples).enumerate() {
            match refused.next_if(|(place, _)| *place == at) {
                None if line.is_new => {
                    self.counts.series_added += usize::from(self.memory.appended(line.id));
                }
                None => {}
                Some((_, AppendError::UnknownSeries(_))) => self.append_anew(line, *sample)?,
                Some((_, error)) => self.note(line.id, Err(error), line.tracked)?,
            }
        }
        waiting.clear();
        samples.clear();
        (self.waiting, self.samples) = (waiting, samples);
        Ok(())
    }

    /// Ends a scrape that went well: series that did not come end, then everything is committed.
    pub(crate) fn finish(mut self) -> Result<Counts, SessionError> {
        self.flush()?;
        let mut ends = Ends::new(&mut *self.appender, self.now);
        self.memory.end(|series| ends.push(series));
        ends.flush();
        self.appender.commit().map_err(SessionError::Storage)?;
        Ok(self.counts)
    }

    /// Gives up: nothing of this scrape is kept. Says how far it came.
    pub(crate) fn abandon(self) -> Counts {
        self.appender.rollback();
        self.memory.abandon();
        self.counts
    }

    /// Counts a sample that is kept and gives it its time; `None` when that is too far ahead. Says
    /// also whether its series ends when it stays away.
    #[inline]
    fn admit(
        &mut self,
        series: SeriesRef,
        timestamp: Option<TimestampMs>,
        value: f64,
    ) -> Result<Option<(NumberedSample, bool)>, SessionError> {
        self.counts.kept += 1;
        if self.counts.kept > self.treatment.limits.samples {
            return Err(SessionError::SampleLimit);
        }
        let own_time = timestamp.filter(|_| self.treatment.honor_timestamps);
        // A series with timestamps of its own ends when its target says so, not when it stays away.
        let tracked = own_time.is_none() || self.treatment.track_timestamps_staleness;
        let timestamp = own_time.unwrap_or(self.now);
        if timestamp > self.now.saturating_add(FUTURE_MS_MAX) {
            self.counts.out_of_bounds += 1;
            return Ok(None);
        }
        Ok(Some((NumberedSample { series, timestamp, value }, tracked)))
    }

    /// Appends a sample whose number the store has forgotten.
    fn append_anew(&mut self, line: &Waiting, sample: NumberedSample) -> Result<(), SessionError> {
        let raw = self.page.get(line.raw.clone()).unwrap_or_default();
        let parse = || labels_of(raw, line.kind).map_err(|error| error.to_string());
        let labels = self.treatment.labels(parse)?;
        self.append(line.id, labels.as_ref(), sample, line.tracked)
    }

    /// Appends a sample by the labels of its series; of one that is dropped there are none.
    fn append(
        &mut self,
        id: LineId,
        labels: Option<&Labels>,
        sample: NumberedSample,
        tracked: bool,
    ) -> Result<(), SessionError> {
        let Some(labels) = labels else { return Ok(()) };
        let NumberedSample { timestamp, value, .. } = sample;
        self.begin_at_zero(SeriesRef(0), Some(labels), &sample);
        let result = self.appender.append(SeriesRef(0), labels, timestamp, value);
        if let Ok(number) = result {
            self.memory.renumber(id, number);
        }
        self.tell_start(&result);
        self.note(id, result, tracked)
    }

    /// Where zeros are wanted, lets the series begin with one before a sample.
    fn begin_at_zero(
        &mut self,
        series: SeriesRef,
        labels: Option<&Labels>,
        sample: &NumberedSample,
    ) {
        if self.start != 0 && self.treatment.starts.zeros {
            self.appender.append_zero(series, labels, self.start, sample.timestamp);
        }
    }

    /// Where start times are stored, tells that of a sample that was taken.
    fn tell_start(&mut self, taken: &Result<SeriesRef, AppendError>) {
        if self.start != 0 && self.treatment.starts.stored && taken.is_ok() {
            self.appender.set_start(self.start);
        }
    }

    fn note(
        &mut self,
        id: LineId,
        result: Result<SeriesRef, AppendError>,
        tracked: bool,
    ) -> Result<(), SessionError> {
        match result {
            Ok(_) if tracked => {
                self.counts.series_added += usize::from(self.memory.appended(id));
            }
            Ok(_) => {}
            Err(AppendError::OutOfOrder | AppendError::TooOld) => self.counts.out_of_order += 1,
            Err(AppendError::Duplicate) => self.counts.duplicate += 1,
            Err(AppendError::OutOfBounds) => self.counts.out_of_bounds += 1,
            Err(AppendError::Limit(_)) => self.counts.refused += 1,
            Err(AppendError::Storage(error)) => return Err(SessionError::Storage(error)),
            Err(error) => return Err(SessionError::Malformed(error.to_string())),
        }
        Ok(())
    }
}

/// Comments of different dialects are different lines.
fn comment_sort(dialect: Dialect) -> u8 {
    match dialect {
        Dialect::Text => 1,
        Dialect::OpenMetrics => 2,
    }
}

/// Stale markers on their way to the store.
struct Ends<'a> {
    appender: &'a mut dyn Appender,
    now: TimestampMs,
    markers: Vec<NumberedSample>,
}

impl Ends<'_> {
    fn new(appender: &mut dyn Appender, now: TimestampMs) -> Ends<'_> {
        Ends { appender, now, markers: Vec::new() }
    }

    fn push(&mut self, series: SeriesRef) {
        self.markers.push(NumberedSample { series, timestamp: self.now, value: stale_marker() });
        if self.markers.len() >= TOGETHER {
            self.flush();
        }
    }

    /// A series that cannot be ended has newer samples already, or none that the store still knows:
    /// nothing is lost.
    fn flush(&mut self) {
        self.appender.append_known(&self.markers, &mut |_, _| {});
        self.markers.clear();
    }
}

/// Ends every series of a target that failed or is gone.
pub(crate) fn end_all(memory: &mut Memory, appender: &mut dyn Appender, now: TimestampMs) {
    let mut ends = Ends::new(appender, now);
    memory.end_all(|series| ends.push(series));
    ends.flush();
}
