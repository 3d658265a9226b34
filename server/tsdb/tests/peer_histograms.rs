//! Native histograms go to Prometheus by remote write and to us through the seam: chunks are the
//! same bytes, logs say the same, and each reads the other's.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use common_model::{FloatHistogram, Labels, Span, is_stale_marker};
use server_storage::{SampleColumns, SeriesRef};
use server_tsdb::chunk::histogram::{Count, Fit, Histogram, HistogramReader, HistogramWriter};
use server_tsdb::chunk::{self, Encoding};
use server_tsdb::fs::RealFs;
use server_tsdb::{Db, Options};

use crate::histograms::{Source, all, meaning};
use crate::peers::{Prometheus, START, peer};
use crate::support::labels;

const SERIES: u64 = 16;
const STEPS: i64 = 420;
pub(crate) const RECEIVER: [&str; 3] = [
    "--web.enable-remote-write-receiver",
    "--web.enable-admin-api",
    "--enable-feature=native-histograms",
];

#[derive(Clone, Debug)]
enum Sample {
    Float(f64),
    Histogram(FloatHistogram),
}

/// Times and samples of every series; the series can be told from the milliseconds.
fn samples() -> Vec<Vec<(i64, Sample)>> {
    let series = |n: u64| {
        let mut source = Source::new(100 + n, is_integer(n));
        let sample = |step: i64| {
            let time = START + step * 15_000 + n as i64;
            // One series is now a float, now a histogram, and one always a float.
            let histogram = source.next();
            let float = n == 0 && step % 40 < 20 || n == 1;
            let value =
                if float { Sample::Float(step as f64 / 3.0) } else { Sample::Histogram(histogram) };
            (time, value)
        };
        (0..STEPS).map(sample).collect()
    };
    (0..SERIES).map(series).collect()
}

fn is_integer(n: u64) -> bool {
    n.is_multiple_of(2)
}

fn series_labels(n: u64) -> Labels {
    labels(&[("__name__", "histogram"), ("n", &n.to_string())])
}

/// Writes what Prometheus' `prompb` calls `WriteRequest`.
#[derive(Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn uvarint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(crate) fn number(&mut self, field: u64, value: u64) {
        self.uvarint(field << 3);
        self.uvarint(value);
    }

    fn signed(&mut self, field: u64, value: i64) {
        self.number(field, zigzag(value));
    }

    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.uvarint(field << 3 | 1);
        self.0.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.uvarint(field << 3 | 2);
        self.uvarint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn part(&mut self, field: u64, fill: impl FnOnce(&mut Message)) {
        let mut part = Message::default();
        fill(&mut part);
        self.bytes(field, &part.0);
    }

    fn doubles(&mut self, field: u64, values: &[f64]) {
        self.part(field, |packed| {
            values.iter().for_each(|v| packed.0.extend_from_slice(&v.to_bits().to_le_bytes()));
        });
    }

    fn histogram(&mut self, time: i64, h: &FloatHistogram, integer: bool) {
        let spans = |m: &mut Message, field, spans: &[Span]| {
            for span in spans {
                m.part(field, |m| {
                    m.signed(1, i64::from(span.offset));
                    m.number(2, u64::from(span.length));
                });
            }
        };
        let deltas = |m: &mut Message, field, counts: &[f64]| {
            let mut below = 0;
            m.part(field, |packed| {
                for count in counts {
                    packed.uvarint(zigzag(*count as i64 - below));
                    below = *count as i64;
                }
            });
        };
        if integer {
            self.number(1, h.count as u64);
            self.number(6, h.zero_count as u64);
            deltas(self, 9, &h.negative_buckets);
            deltas(self, 12, &h.positive_buckets);
        } else {
            self.double(2, h.count);
            self.double(7, h.zero_count);
            self.doubles(10, &h.negative_buckets);
            self.doubles(13, &h.positive_buckets);
        }
        self.double(3, h.sum);
        self.signed(4, i64::from(h.schema));
        self.double(5, h.zero_threshold);
        spans(self, 8, &h.negative_spans);
        spans(self, 11, &h.positive_spans);
        self.number(14, h.counter_reset as u64);
        self.number(15, time as u64);
        self.doubles(16, &h.custom_values);
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Sends the samples to Prometheus, one step of all series at a time as a scraper has them: of several
/// in a request it logs floats, histograms and those with custom buckets in turn, and loses at the
/// next start what then stands behind newer samples.
fn push(prometheus: &Prometheus, samples: &[Vec<(i64, Sample)>]) {
    for step in 0..STEPS as usize {
        let mut request = Message::default();
        for (n, series) in (0..).zip(samples) {
            request.part(1, |m| {
                for (name, value) in &series_labels(n) {
                    m.part(1, |m| {
                        m.bytes(1, name.as_bytes());
                        m.bytes(2, value.as_bytes());
                    });
                }
                match &series[step] {
                    (time, Sample::Float(value)) => m.part(2, |m| {
                        m.double(1, *value);
                        m.number(2, *time as u64);
                    }),
                    (time, Sample::Histogram(h)) => {
                        m.part(4, |m| m.histogram(*time, h, is_integer(n)));
                    }
                }
            });
        }
        write(prometheus, &request.0);
    }
}

pub(crate) fn write(prometheus: &Prometheus, request: &[u8]) {
    let body = snap::raw::Encoder::new().compress_vec(request).unwrap();
    let mut stream = TcpStream::connect(&prometheus.address).unwrap();
    let head = format!(
        "POST /api/v1/write HTTP/1.0\r\nHost: {}\r\nContent-Type: application/x-protobuf\r\n\
         Content-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n\
         Content-Length: {}\r\n\r\n",
        prometheus.address,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 204"), "{answer}");
}

/// Gives ours the same samples, one batch for each step.
fn fill(db: &Db, samples: &[Vec<(i64, Sample)>]) {
    for step in 0..STEPS as usize {
        let mut batch = db.appender();
        for (n, series) in (0..).zip(samples) {
            let labels = series_labels(n);
            match &series[step] {
                (time, Sample::Float(value)) => batch.append(SeriesRef(0), &labels, *time, *value),
                (time, Sample::Histogram(h)) if is_integer(n) => {
                    batch.append_integer_histogram(SeriesRef(0), &labels, *time, h)
                }
                (time, Sample::Histogram(h)) => {
                    batch.append_histogram(SeriesRef(0), &labels, *time, h)
                }
            }
            .unwrap();
        }
        batch.commit().unwrap();
    }
}

/// Chunks of a block's file with their encodings.
fn chunks_of(file: &[u8]) -> Vec<(Encoding, Vec<u8>)> {
    let mut rest = &file[8..];
    let mut chunks = Vec::new();
    while !rest.is_empty() {
        let (mut len, mut shift) = (0_usize, 0);
        loop {
            let byte = rest[0];
            rest = &rest[1..];
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
        }
        chunks.push((Encoding::from_number(rest[0]).unwrap(), rest[1..=len].to_vec()));
        rest = &rest[1 + len + 4..];
    }
    chunks
}

fn snapshot(prometheus: &Prometheus, dir: &Path) -> Vec<(Encoding, Vec<u8>)> {
    let answer = prometheus.ask("POST", "/api/v1/admin/tsdb/snapshot").unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let name = answer["data"]["name"].as_str().unwrap();
    let blocks = std::fs::read_dir(dir.join("snapshots").join(name)).unwrap();
    let files = blocks.map(|block| std::fs::read(block.unwrap().path().join("chunks/000001")));
    files.flat_map(|file| chunks_of(&file.unwrap())).collect()
}

/// Writes the samples of a chunk as they were sent, and compares the bytes; how many there were.
fn rewrite<T: Count>(
    theirs: &[u8],
    sent: impl Fn(i64) -> Histogram<T>,
    columns: &mut SampleColumns,
) -> usize {
    let mut reader = HistogramReader::<T>::new(theirs).unwrap();
    let (mut writer, mut samples) = (None::<HistogramWriter<T>>, 0);
    while let Some(time) = reader.next_time().unwrap() {
        let next = sent(time);
        assert_eq!(meaning(&reader.histogram().into_float()), meaning(&next.clone().into_float()));
        match &mut writer {
            None => writer = Some(HistogramWriter::begin(reader.header(), time, &next)),
            Some(writer) => {
                let fit = writer.fit(&next);
                assert!(!matches!(fit, Fit::Apart { .. }), "sample {samples} fits for them");
                writer.append(&fit, time, &next);
            }
        }
        samples += 1;
    }
    chunk::read(T::ENCODING, theirs, i64::MIN, i64::MAX, columns).unwrap();
    assert_eq!(writer.unwrap().finish().as_ref(), theirs, "{samples} samples");
    samples
}

#[test]
fn histogram_chunks_are_byte_for_byte_those_of_prometheus() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let samples = samples();
    let prometheus = Prometheus::start(&program, &dir, "", &RECEIVER);
    push(&prometheus, &samples);
    let chunks = snapshot(&prometheus, &dir);
    drop(prometheus);
    let sent: BTreeMap<i64, &Sample> =
        samples.iter().flatten().map(|(time, sample)| (*time, sample)).collect();
    let histogram = |time: i64| match sent[&time] {
        Sample::Histogram(h) if is_stale_marker(h.sum) => {
            FloatHistogram { sum: h.sum, ..FloatHistogram::default() }
        }
        Sample::Histogram(h) => h.clone(),
        Sample::Float(_) => panic!("{time} is a float"),
    };
    let mut counts = BTreeMap::<u8, (usize, usize)>::new();
    for (encoding, bytes) in &chunks {
        let mut columns = SampleColumns::default();
        let found = match encoding {
            Encoding::Xor => usize::from(chunk::xor::count(bytes)),
            Encoding::Histogram => {
                let integer = |time| Histogram::<i64>::from_float(&histogram(time)).unwrap();
                rewrite(bytes, integer, &mut columns)
            }
            Encoding::FloatHistogram => {
                rewrite(bytes, |time| Histogram::<f64>::from(&histogram(time)), &mut columns)
            }
            other => panic!("{other:?} is only written when asked for"),
        };
        let count = counts.entry(*encoding as u8).or_default();
        *count = (count.0 + 1, count.1 + found);
    }
    println!("encoding, chunks and samples: {counts:?}");
    let total: usize = counts.values().map(|(_, samples)| samples).sum();
    assert_eq!(total as u64, SERIES * STEPS as u64);
    assert!(counts[&2].0 > 50 && counts[&3].0 > 50);
    // Ours are cut where theirs are.
    let db = Db::open(Options::new(place.path().join("ours")), Arc::new(RealFs)).unwrap();
    fill(&db, &samples);
    assert_eq!(db.stats().chunks, chunks.len() as u64);
    // A snapshot is a data directory of blocks.
    let snapshot = std::fs::read_dir(dir.join("snapshots")).unwrap().next().unwrap().unwrap();
    let blocks = Db::open(Options::new(snapshot.path()), Arc::new(RealFs)).unwrap();
    assert_eq!(blocks.stats().series, 0, "the head is empty");
    assert_eq!(all(&blocks), all(&db), "what their blocks hold");
}

/// What Prometheus answers for the samples behind a step; stale markers are not shown.
fn ask(prometheus: &Prometheus, first: i64) -> Vec<serde_json::Value> {
    let (end, range) = (START + STEPS * 15_000, (STEPS - first) * 15_000);
    let answer = prometheus.query(&format!("histogram[{range}ms]"), Some(end));
    let mut series = answer["data"]["result"].as_array().unwrap().clone();
    series.sort_by_key(|series| series["metric"]["n"].to_string());
    assert_eq!(series.len() as u64, SERIES);
    series
}

fn open_ours(dir: &Path) -> Db {
    let options = Options { wal_segment_bytes: 8 * 32 * 1024, ..Options::new(dir) };
    let db = Db::open(options, Arc::new(RealFs)).unwrap();
    assert_eq!(db.replay_report().records_invalid, 0);
    assert_eq!(db.replay_report().unknown_refs, 0);
    db
}

#[test]
fn logs_of_histograms_say_the_same_to_prometheus_and_to_us() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let (theirs, ours) = (place.path().join("theirs"), place.path().join("ours"));
    let samples = samples();
    let half = STEPS / 2;
    let prometheus = Prometheus::start(&program, &theirs, "", &RECEIVER);
    push(&prometheus, &samples);
    let (wanted, wanted_half) = (ask(&prometheus, -1), ask(&prometheus, half));
    // Killed: everything is in its log alone.
    drop(prometheus);
    let db = open_ours(&ours);
    fill(&db, &samples);
    let written = all(&db);
    assert!(db.map_head_chunks().unwrap() > 0);
    assert_eq!(all(&db), written);
    drop(db);
    assert_eq!(all(&open_ours(&ours)), written, "what we logged");
    assert_eq!(all(&open_ours(&theirs)), written, "what Prometheus logged");

    let prometheus = Prometheus::start(&program, &ours, "", &RECEIVER);
    assert!(ask(&prometheus, -1) == wanted, "Prometheus reads other samples than it was sent");
    drop(prometheus);

    // A checkpoint of ours is one to Prometheus, too.
    let db = open_ours(&ours);
    assert_eq!(all(&db), written, "Prometheus had the directory in between");
    assert!(db.replay_report().samples_mapped > 0);
    db.truncate(START + half * 15_000).unwrap();
    drop(db);
    let checkpoints = std::fs::read_dir(ours.join("wal")).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("checkpoint.")
    });
    assert_eq!(checkpoints.count(), 1, "the log was not long enough for a checkpoint");
    let prometheus = Prometheus::start(&program, &ours, "", &RECEIVER);
    assert!(ask(&prometheus, half) == wanted_half, "Prometheus reads another checkpoint");
    let corruptions = "prometheus_tsdb_wal_corruptions_total 0\n";
    assert!(prometheus.get("/metrics").unwrap().contains(corruptions));
}
