//! What records say: series, samples, exemplars, metadata; others are recognised and left alone.

use common_model::{Labels, Metadata, MetricType};

use super::histograms::KINDS;
use super::started::Places;
use crate::codec::{Cursor, push_text, push_uvarint, push_varint};

/// First byte of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// New series and their labels.
    Series,
    /// Float samples, with start times or without.
    Samples,
    /// Deleted ranges of time.
    Tombstones,
    /// Exemplars.
    Exemplars,
    /// Positions of head chunks.
    MmapMarkers,
    /// Type, unit and help of series.
    Metadata,
    /// Histogram samples; see [`super::histograms`].
    Histograms,
    /// Anything else.
    Unknown,
}

/// First byte of a record of floats.
const SAMPLES: u8 = 2;
/// The same where they have start times, which Prometheus reads from 3.11 on.
const STARTED_SAMPLES: u8 = 11;

/// The kind of a record; an empty one is unknown.
#[must_use]
pub fn kind(record: &[u8]) -> RecordKind {
    match record.first() {
        Some(1) => RecordKind::Series,
        Some(&SAMPLES | &STARTED_SAMPLES) => RecordKind::Samples,
        Some(3) => RecordKind::Tombstones,
        Some(4) => RecordKind::Exemplars,
        Some(5) => RecordKind::MmapMarkers,
        Some(6) => RecordKind::Metadata,
        Some(kind) if KINDS.contains(kind) => RecordKind::Histograms,
        _ => RecordKind::Unknown,
    }
}

/// One float sample of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefSample {
    /// Number of the series.
    pub series: u64,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// The value.
    pub value: f64,
}

/// Starts a series record.
pub fn begin_series(out: &mut Vec<u8>) {
    out.push(1);
}

/// Adds a series to a record; `labels` are sorted and `count` of them.
pub fn push_series<'a>(
    out: &mut Vec<u8>,
    series: u64,
    count: usize,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
) {
    out.extend_from_slice(&series.to_be_bytes());
    push_uvarint(out, count as u64);
    for (name, value) in labels {
        push_text(out, name);
        push_text(out, value);
    }
}

/// Bytes of most samples: of one scrape, and of series that are neighbours.
const SAMPLE_BYTES: usize = 12;

/// Writes a record of samples; none write none.
pub fn encode_samples(out: &mut Vec<u8>, samples: impl IntoIterator<Item = RefSample>) {
    let mut samples = samples.into_iter().peekable();
    let Some(first) = samples.peek().copied() else { return };
    out.push(SAMPLES);
    out.extend_from_slice(&first.series.to_be_bytes());
    out.extend_from_slice(&first.time.to_be_bytes());
    out.reserve(samples.size_hint().0 * SAMPLE_BYTES);
    for sample in samples {
        push_varint(out, sample.series.wrapping_sub(first.series) as i64);
        push_varint(out, sample.time.wrapping_sub(first.time));
        out.extend_from_slice(&sample.value.to_bits().to_be_bytes());
    }
}

/// Writes a record of samples and since when they count, zero where that is not known; none write
/// none. Where it is known of none the record is one that every version reads.
pub fn encode_started_samples<I>(out: &mut Vec<u8>, samples: I)
where
    I: IntoIterator<Item = (RefSample, i64)>,
    I::IntoIter: Clone,
{
    let samples = samples.into_iter();
    if samples.clone().all(|(_, start)| start == 0) {
        return encode_samples(out, samples.map(|(sample, _)| sample));
    }
    out.push(STARTED_SAMPLES);
    let mut places = Places::default();
    for (sample, start) in samples {
        places.push(out, (sample.series, sample.time, start));
        out.extend_from_slice(&sample.value.to_bits().to_be_bytes());
    }
}

/// One exemplar of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefExemplar<'a> {
    /// Number of the series.
    pub series: u64,
    /// Milliseconds since the epoch.
    pub time: i64,
    /// The observed value.
    pub value: f64,
    /// Labels of the exemplar itself.
    pub labels: &'a Labels,
}

/// Writes a record of exemplars; none write none.
pub fn encode_exemplars<'a>(
    out: &mut Vec<u8>,
    exemplars: impl IntoIterator<Item = RefExemplar<'a>>,
) {
    let mut exemplars = exemplars.into_iter().peekable();
    let Some(first) = exemplars.peek().copied() else { return };
    out.push(4);
    out.extend_from_slice(&first.series.to_be_bytes());
    out.extend_from_slice(&first.time.to_be_bytes());
    for exemplar in exemplars {
        push_varint(out, exemplar.series.wrapping_sub(first.series) as i64);
        push_varint(out, exemplar.time.wrapping_sub(first.time));
        out.extend_from_slice(&exemplar.value.to_bits().to_be_bytes());
        push_uvarint(out, exemplar.labels.len() as u64);
        for (name, value) in exemplar.labels {
            push_text(out, name);
            push_text(out, value);
        }
    }
}

/// Starts a metadata record.
pub fn begin_metadata(out: &mut Vec<u8>) {
    out.push(6);
}

/// Adds what is known of one series to a metadata record.
pub fn push_metadata(out: &mut Vec<u8>, series: u64, metadata: &Metadata) {
    push_uvarint(out, series);
    out.push(metadata.kind as u8);
    push_uvarint(out, 2);
    for (name, text) in [("UNIT", &metadata.unit), ("HELP", &metadata.help)] {
        push_text(out, name);
        push_text(out, text);
    }
}

/// Starts a record of deleted ranges.
pub fn begin_tombstones(out: &mut Vec<u8>) {
    out.push(3);
}

/// Adds a range, first and last time, that was deleted of a series.
pub fn push_tombstone(out: &mut Vec<u8>, series: u64, first: i64, last: i64) {
    out.extend_from_slice(&series.to_be_bytes());
    push_varint(out, first);
    push_varint(out, last);
}

/// Reads a series record, calling `each` with number and labels; says what is wrong with it.
pub fn decode_series<'a>(
    record: &'a [u8],
    mut each: impl FnMut(u64, &[(&'a str, &'a str)]),
) -> Result<(), String> {
    let mut outcome = Ok(());
    decode_series_bytes(record, |series, labels| match texts(series, labels) {
        Ok(texts) => each(series, &texts),
        Err(problem) => outcome = Err(problem),
    })?;
    outcome
}

/// Labels of a series as texts, where they are some.
pub(crate) fn texts<'a>(
    series: u64,
    labels: &[(&'a [u8], &'a [u8])],
) -> Result<Vec<(&'a str, &'a str)>, String> {
    let text = |bytes| {
        std::str::from_utf8(bytes).map_err(|error| format!("label of series {series}: {error}"))
    };
    labels.iter().map(|(name, value)| Ok((text(name)?, text(value)?))).collect()
}

/// The same with labels as they stand there, which may be no UTF-8.
pub(crate) fn decode_series_bytes<'a>(
    record: &'a [u8],
    mut each: impl FnMut(u64, &[(&'a [u8], &'a [u8])]),
) -> Result<(), String> {
    let mut cursor = body(record);
    let mut labels = Vec::new();
    while !cursor.rest.is_empty() {
        let parsed = (|| {
            let series = cursor.be64()?;
            labels.clear();
            for _ in 0..cursor.uvarint()? {
                labels.push((cursor.bytes()?, cursor.bytes()?));
            }
            Some(series)
        })();
        each(parsed.ok_or("series record ends inside a series")?, &labels);
    }
    Ok(())
}

/// Reads a record of samples, calling `each` with them and with since when they count: zero where
/// that is not known.
pub fn decode_samples(record: &[u8], mut each: impl FnMut(RefSample, i64)) -> Result<(), String> {
    let mut cursor = body(record);
    if record.first() == Some(&STARTED_SAMPLES) {
        return decode_started(cursor, each);
    }
    if cursor.rest.is_empty() {
        return Ok(());
    }
    let (Some(series), Some(time)) = (cursor.be64(), cursor.be64()) else {
        return Err("samples record ends inside its head".to_owned());
    };
    while !cursor.rest.is_empty() {
        let sample = (|| {
            let series = series.wrapping_add(cursor.varint()? as u64);
            let time = (time as i64).wrapping_add(cursor.varint()?);
            Some(RefSample { series, time, value: f64::from_bits(cursor.be64()?) })
        })();
        each(sample.ok_or("samples record ends inside a sample")?, 0);
    }
    Ok(())
}

fn decode_started(
    mut cursor: Cursor<'_>,
    mut each: impl FnMut(RefSample, i64),
) -> Result<(), String> {
    let mut places = Places::default();
    while !cursor.rest.is_empty() {
        let parsed = (|| {
            let (series, time, start) = places.next(&mut cursor)?;
            Some((RefSample { series, time, value: f64::from_bits(cursor.be64()?) }, start))
        })();
        let (sample, start) = parsed.ok_or("samples record ends inside a sample")?;
        each(sample, start);
    }
    Ok(())
}

/// Reads a record of exemplars.
pub fn decode_exemplars(
    record: &[u8],
    mut each: impl FnMut(RefExemplar<'_>),
) -> Result<(), String> {
    let mut cursor = body(record);
    if cursor.rest.is_empty() {
        return Ok(());
    }
    let (Some(series), Some(time)) = (cursor.be64(), cursor.be64()) else {
        return Err("exemplars record ends inside its head".to_owned());
    };
    let mut pairs = Vec::new();
    while !cursor.rest.is_empty() {
        let parsed = (|| {
            let series = series.wrapping_add(cursor.varint()? as u64);
            let time = (time as i64).wrapping_add(cursor.varint()?);
            let value = f64::from_bits(cursor.be64()?);
            pairs.clear();
            for _ in 0..cursor.uvarint()? {
                pairs.push((cursor.text()?, cursor.text()?));
            }
            Some((series, time, value))
        })();
        let (series, time, value) = parsed.ok_or("exemplars record ends inside an exemplar")?;
        let labels = &Labels::from_pairs(pairs.iter().copied());
        each(RefExemplar { series, time, value, labels });
    }
    Ok(())
}

/// Reads a metadata record; fields other than unit and help are passed over.
pub fn decode_metadata(record: &[u8], mut each: impl FnMut(u64, Metadata)) -> Result<(), String> {
    let mut cursor = body(record);
    while !cursor.rest.is_empty() {
        let parsed = (|| {
            let series = cursor.uvarint()?;
            let mut metadata =
                Metadata { kind: metric_type(cursor.byte()?), ..Metadata::default() };
            for _ in 0..cursor.uvarint()? {
                let (name, text) = (cursor.text()?, cursor.text()?);
                match name {
                    "UNIT" => text.clone_into(&mut metadata.unit),
                    "HELP" => text.clone_into(&mut metadata.help),
                    _ => {}
                }
            }
            Some((series, metadata))
        })();
        let (series, metadata) = parsed.ok_or("metadata record ends inside an entry")?;
        each(series, metadata);
    }
    Ok(())
}

/// Reads a record of deleted ranges: series, first and last time.
pub fn decode_tombstones(record: &[u8], mut each: impl FnMut(u64, i64, i64)) -> Result<(), String> {
    let mut cursor = body(record);
    while !cursor.rest.is_empty() {
        let parsed = (|| Some((cursor.be64()?, cursor.varint()?, cursor.varint()?)))();
        let (series, first, last) = parsed.ok_or("tombstones record ends inside an entry")?;
        each(series, first, last);
    }
    Ok(())
}

fn body(record: &[u8]) -> Cursor<'_> {
    Cursor { rest: record.get(1..).unwrap_or_default() }
}

fn metric_type(code: u8) -> MetricType {
    use MetricType::{Counter, Gauge, GaugeHistogram, Histogram, Info, StateSet, Summary};
    let known = [Counter, Gauge, Histogram, GaugeHistogram, Summary, Info, StateSet];
    let at = usize::from(code).checked_sub(1);
    at.and_then(|at| known.get(at)).copied().unwrap_or(MetricType::Unknown)
}
