//! Real Prometheus reads our directory and we read its: sample by sample, after clean ends and kills.
//!
//! Programs are looked for in `$HEARTH_PEERS` (default /opt/peers); without them a test prints one
//! line and passes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_model::{Labels, Matcher, Metadata, MetricType, parse_float, stale_marker};
use server_storage::SeriesRef;
use server_tsdb::chunk::xor::{XorReader, XorWriter};
use server_tsdb::fs::{FailingFs, FailureMode, RealFs};
use server_tsdb::{Db, Options};

use crate::support::{Contents, Random, contents, labels};

const DEADLINE: Duration = Duration::from_secs(30);
/// Some hour in 2023; chunks of two hours are aligned with it.
pub(crate) const START: i64 = 1_700_006_400_000;

pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HEARTH_PEERS").unwrap_or_else(|| "/opt/peers".into());
    let path = Path::new(&root).join("usr/bin").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no peers");
    None
}

pub(crate) struct Prometheus {
    child: Child,
    pub(crate) address: String,
}

impl Prometheus {
    pub(crate) fn start(program: &Path, data: &Path, config: &str, more: &[&str]) -> Prometheus {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let file = data.parent().unwrap().join("prometheus.yml");
        std::fs::write(&file, config.replace("ADDRESS", &address)).unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address={address}"))
            .args(["--log.level=warn", "--storage.tsdb.retention.time=100y"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Prometheus { child, address };
        prometheus.wait("it is ready", |p| p.get("/-/ready").is_some());
        prometheus
    }

    /// Ends it as an operator does, so that it writes what it holds back.
    pub(crate) fn stop(mut self) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
        self.child.wait().unwrap();
    }

    pub(crate) fn wait(&self, what: &str, done: impl Fn(&Prometheus) -> bool) {
        let start = Instant::now();
        while !done(self) {
            assert!(start.elapsed() < DEADLINE, "Prometheus never got there: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The body of a successful answer.
    pub(crate) fn get(&self, path: &str) -> Option<String> {
        self.ask("GET", path)
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let request = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.lines().next()?.contains(" 20").then(|| body.to_owned())
    }

    pub(crate) fn query(&self, query: &str, time_ms: Option<i64>) -> serde_json::Value {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let time = time_ms.map(|ms| format!("&time={}.{:03}", ms / 1000, ms % 1000));
        let path = format!("/api/v1/query?query={encoded}{}", time.unwrap_or_default());
        let body = self.get(&path).unwrap_or_default();
        serde_json::from_str(&body).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    /// Kills it, as `kill -9` does.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without stale markers, which queries do not show, and with one NaN for all.
pub(crate) fn visible(contents: &Contents) -> Contents {
    let mut visible = contents.clone();
    for samples in visible.values_mut() {
        samples.retain(|(_, bits)| *bits != stale_marker().to_bits());
        for (_, bits) in samples {
            if f64::from_bits(*bits).is_nan() {
                *bits = f64::NAN.to_bits();
            }
        }
    }
    visible.retain(|_, samples| !samples.is_empty());
    visible
}

pub(crate) fn from_json(answer: &serde_json::Value) -> Contents {
    let mut all = Contents::new();
    for series in answer["data"]["result"].as_array().into_iter().flatten() {
        let metric = series["metric"].as_object().unwrap();
        let pairs = metric.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
        let samples = series["values"].as_array().unwrap().iter().map(|pair| {
            let time = (pair[0].as_f64().unwrap() * 1000.0).round() as i64;
            (time, parse_float(pair[1].as_str().unwrap()).unwrap().to_bits())
        });
        all.insert(Labels::from_pairs(pairs), samples.collect());
    }
    all
}

fn wal_options(dir: &Path) -> Options {
    Options { wal_segment_bytes: 4 * 32 * 1024, ..Options::new(dir) }
}

/// Values that exercise the encodings: counters, noise, extremes, stale markers.
fn value(random: &mut Random, series: u64, step: i64) -> f64 {
    match series % 6 {
        0 => (step * 17) as f64,
        1 => random.next() as f64 / 1e10,
        2 => f64::from_bits(random.next()),
        3 if step % 50 == 49 => stale_marker(),
        3 => [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN][random.below(5) as usize],
        4 => 1.0,
        _ => f64::MAX / (random.below(1000) + 1) as f64,
    }
}

fn fill(db: &Db, random: &mut Random, series: &[Labels], steps: std::ops::Range<i64>) {
    let metadata =
        Metadata { kind: MetricType::Counter, help: "Helps.".to_owned(), unit: "seconds".into() };
    let mut references = vec![SeriesRef(0); series.len()];
    for step in steps {
        let mut batch = db.appender();
        for (at, labels) in series.iter().enumerate() {
            let time = START + step * 15_000 + random.below(3) as i64;
            let value = value(random, at as u64, step);
            references[at] = batch.append(references[at], labels, time, value).unwrap();
            batch.update_metadata(references[at], labels, &metadata).unwrap();
        }
        batch.commit().unwrap();
    }
}

fn many_series(count: usize) -> Vec<Labels> {
    let series = |n: usize| {
        let (id, long) = (n.to_string(), "ü/".repeat(n % 100 + 1));
        labels(&[("__name__", "metric_of_ours"), ("id", &id), ("long", &long), ("z.dot", "1")])
    };
    (0..count).map(series).collect()
}

#[test]
fn prometheus_reads_every_sample_we_wrote_and_we_read_on_behind_it() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let mut random = Random::new(1);
    let series = many_series(240);
    let mut removed = None;
    for session in 0..3 {
        let db = Db::open(wal_options(&dir), Arc::new(RealFs)).unwrap();
        if session == 0 {
            let gone = [labels(&[("__name__", "gone"), ("id", "1")])];
            fill(&db, &mut random, &gone, -90..-60);
            removed = Some(contents(&db));
        }
        fill(&db, &mut random, &series, session * 100..session * 100 + 100);
        if session == 1 {
            db.truncate(START - 60 * 15_000).unwrap();
        }
        db.map_head_chunks().unwrap();
        // Dropped without closing: a kill.
        drop(db);
    }
    let checkpoints = std::fs::read_dir(dir.join("wal")).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("checkpoint.")
    });
    assert_eq!(checkpoints.count(), 1, "the log was not long enough for a checkpoint");
    let db = Db::open(wal_options(&dir), Arc::new(RealFs)).unwrap();
    let ours = contents(&db);
    assert!(db.replay_report().samples_mapped > 240 * 200);
    db.close().unwrap();
    assert_eq!(ours.values().map(Vec::len).sum::<usize>(), 240 * 300);
    assert!(removed.unwrap().keys().all(|labels| !ours.contains_key(labels)));

    let prometheus = Prometheus::start(&program, &dir, "", &[]);
    let answer = prometheus.query("{__name__=~\".+\"}[3h]", Some(START + 7_200_000));
    assert_eq!(from_json(&answer), visible(&ours));
    assert_sound(&prometheus);
    drop(prometheus);

    // Files of head chunks that it writes itself are as good as ours.
    std::fs::remove_dir_all(dir.join("chunks_head")).unwrap();
    Prometheus::start(&program, &dir, "", &[]).stop();
    assert!(std::fs::read_dir(dir.join("chunks_head")).unwrap().count() > 0);

    let db = Db::open(wal_options(&dir), Arc::new(RealFs)).unwrap();
    assert_eq!(contents(&db), ours);
    assert!(db.replay_report().samples_mapped > 240 * 200);
    fill(&db, &mut random, &series, 300..310);
    assert_eq!(contents(&db).values().map(Vec::len).sum::<usize>(), 240 * 310);
}

/// It found nothing wrong with log and head chunks, and took chunks from our files.
fn assert_sound(prometheus: &Prometheus) {
    let metrics = prometheus.get("/metrics").unwrap();
    for metric in ["wal_corruptions_total", "mmap_chunk_corruptions_total"] {
        assert!(metrics.contains(&format!("prometheus_tsdb_{metric} 0\n")), "{metric}");
    }
    let bytes = metrics.lines().find(|line| {
        line.starts_with("prometheus_tsdb_head_chunks_storage_size_bytes ") && !line.ends_with(" 0")
    });
    assert!(bytes.is_some(), "no head chunks");
}

/// `{a="b", c="d"} 1.5 1700000000000` in every line.
pub(crate) fn from_dump(dump: &str) -> Contents {
    let mut all = Contents::new();
    for line in dump.lines().filter(|line| line.starts_with('{')) {
        let (rest, time) = line.rsplit_once(' ').unwrap();
        let (set, value) = rest.rsplit_once(' ').unwrap();
        let sample = (time.parse().unwrap(), parse_float(value).unwrap().to_bits());
        all.entry(parse_labels(set)).or_default().push(sample);
    }
    all
}

/// Label values here hold no escapes but those of Go's `%q` for quotes, backslashes and newlines.
fn parse_labels(set: &str) -> Labels {
    let mut rest = set.trim_start_matches('{').trim_end_matches('}');
    let mut pairs = Vec::new();
    while let Some((name, behind)) = rest.split_once("=\"") {
        let (mut value, mut chars) = (String::new(), behind.char_indices());
        let mut end = behind.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    end = at + 1;
                    break;
                }
                '\\' => match chars.next().unwrap().1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                other => value.push(other),
            }
        }
        pairs.push((name.trim_start_matches(", ").trim_matches('"').to_owned(), value));
        rest = &behind[end..];
    }
    Labels::from_pairs(pairs)
}

pub(crate) fn promtool_dump(promtool: &Path, dir: &Path) -> Contents {
    let output = Command::new(promtool).args(["tsdb", "dump"]).arg(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    from_dump(&String::from_utf8(output.stdout).unwrap())
}

fn one_nan(mut all: Contents) -> Contents {
    for (_, bits) in all.values_mut().flatten() {
        if f64::from_bits(*bits).is_nan() {
            *bits = f64::NAN.to_bits();
        }
    }
    all
}

#[test]
fn we_read_every_sample_a_killed_prometheus_wrote() {
    let (Some(program), Some(promtool)) = (peer("prometheus"), peer("promtool")) else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let config = "global: {scrape_interval: 200ms, scrape_timeout: 200ms}\n\
                  scrape_configs: [{job_name: self, static_configs: [{targets: [ADDRESS]}]}]\n";
    for (round, compression) in (1..).zip(["snappy", "zstd"]) {
        let wal = format!("--storage.tsdb.wal-compression-type={compression}");
        let more = [wal.as_str(), "--web.enable-admin-api"];
        let prometheus = Prometheus::start(&program, &dir, config, &more);
        prometheus.wait("some scrapes", |p| {
            let answer = p.query("sum(count_over_time(up[1m]))", None);
            let count = answer["data"]["result"][0]["value"][1].as_str().unwrap_or("0").to_owned();
            count.parse::<u64>().unwrap() >= 6 * round
        });
        // Deleted samples must not come back.
        let delete = "/api/v1/admin/tsdb/delete_series?match[]=go_goroutines";
        assert!(prometheus.ask("POST", delete).is_some());
        drop(prometheus);
        let theirs = promtool_dump(&promtool, &dir);
        let db = Db::open(Options::new(&dir), Arc::new(RealFs)).unwrap();
        assert_eq!(db.replay_report().unknown_refs, 0);
        assert_eq!(db.replay_report().corruptions, 0);
        let ours = contents(&db);
        println!("{} series, {} samples", ours.len(), ours.values().map(Vec::len).sum::<usize>());
        assert!(ours.len() > 300);
        assert_eq!(one_nan(ours), one_nan(theirs));
        db.close().unwrap();
    }
}

#[test]
pub(crate) fn promtool_dumps_our_log() {
    let Some(promtool) = peer("promtool") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let db = Db::open(wal_options(&dir), Arc::new(RealFs)).unwrap();
    fill(&db, &mut Random::new(2), &many_series(50), 0..200);
    // What we deleted does not come back there either.
    let before = contents(&db).values().map(Vec::len).sum::<usize>();
    for (id, steps) in [("7", 0..200), ("8", 50..60), ("8", 58..70), ("9", 199..200)] {
        let (first, last) = (START + steps.start * 15_000, START + steps.end * 15_000);
        assert_eq!(db.delete(first, last, &[Matcher::equal("id", id)]).unwrap(), 1);
    }
    let ours = contents(&db);
    let after = ours.values().map(Vec::len).sum::<usize>();
    assert!((before - 225..before - 215).contains(&after), "{before} {after}");
    drop(db);
    assert_eq!(one_nan(promtool_dump(&promtool, &dir)), one_nan(ours));
}

/// The chunks of a block's chunk file: head of 8 bytes, then length, encoding, data, checksum.
fn chunks_of(file: &[u8]) -> Vec<&[u8]> {
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
        assert_eq!(rest[0], 1, "XOR encoding");
        chunks.push(&rest[1..=len]);
        rest = &rest[1 + len + 4..];
    }
    chunks
}

#[test]
fn chunks_are_byte_for_byte_those_of_prometheus() {
    let Some(promtool) = peer("promtool") else { return };
    let place = tempfile::tempdir().unwrap();
    let mut random = Random::new(11);
    let mut text = String::new();
    for series in 0..60 {
        let mut time = START;
        for step in 0..300 {
            // Steady, with jitter, and with gaps of all sizes up to most of two hours.
            time += match series % 3 {
                0 => 15_000,
                1 => 15_000 + random.below(50) as i64,
                _ => {
                    let bits = random.below(23);
                    1 + random.below(1 << bits) as i64
                }
            };
            let value = common_model::format_float(value(&mut random, series, step));
            let seconds = format!("{}.{:03}", time / 1000, time % 1000);
            text.push_str(&format!("m{{series=\"{series}\"}} {value} {seconds}\n"));
        }
    }
    text.push_str("# EOF\n");
    let (input, blocks) = (place.path().join("in.txt"), place.path().join("blocks"));
    std::fs::write(&input, text).unwrap();
    let made = Command::new(promtool)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&input, &blocks])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let (mut compared, mut samples) = (0, 0);
    for block in std::fs::read_dir(&blocks).unwrap() {
        let path = block.unwrap().path().join("chunks/000001");
        let Ok(file) = std::fs::read(path) else { continue };
        for chunk in chunks_of(&file) {
            let (mut reader, mut writer) = (XorReader::new(chunk), XorWriter::default());
            while let Some((time, value)) = reader.next_sample().unwrap() {
                writer.append(time, value);
                samples += 1;
            }
            assert_eq!(writer.finish().as_ref(), chunk);
            compared += 1;
        }
    }
    println!("{compared} chunks, {samples} samples");
    assert_eq!(samples, 60 * 300);
}

#[test]
fn promtool_reads_a_log_whose_segments_had_to_be_given_up() {
    let Some(promtool) = peer("promtool") else { return };
    for fail_at in [9, 14, 20, 31] {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("data");
        let kind = std::io::ErrorKind::StorageFull;
        let fs = FailingFs::new(Arc::new(RealFs), fail_at, FailureMode::Once, kind);
        let db = Db::open(wal_options(&dir), Arc::new(fs.clone())).unwrap();
        let series = many_series(20);
        for step in 0..40 {
            let mut batch = db.appender();
            for labels in &series {
                batch.append(SeriesRef(0), labels, START + step * 15_000, step as f64).unwrap();
            }
            // One of these fails, and one only.
            let _ = batch.commit();
            let _ = db.sync();
        }
        let ours = contents(&db);
        assert!(fs.calls() > fail_at);
        drop(db);
        assert_eq!(promtool_dump(&promtool, &dir), ours, "call {fail_at} failed");
    }
}
