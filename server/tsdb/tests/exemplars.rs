//! Exemplars through the log and back, ours and those of a real Prometheus.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use common_model::{Exemplar, Labels};
use server_storage::{AppendError, ExemplarQuerier, SeriesRef};
use server_tsdb::fs::{Fs, MemoryFs, RealFs};
use server_tsdb::wal::record::RecordKind;
use server_tsdb::wal::segments;
use server_tsdb::{Db, Options};

use crate::peers::{Prometheus, peer};
use crate::support::{DIR, commit, labels, open, open_with};

const START: i64 = 1_700_006_400_000;

fn options(max: usize) -> Options {
    Options { exemplars_max: max, wal_segment_bytes: 32 * 1024, ..Options::new(DIR) }
}

fn exemplar(id: &str, value: f64, timestamp: Option<i64>) -> Exemplar {
    Exemplar { labels: labels(&[("trace_id", id)]), value, timestamp }
}

fn series(name: &str) -> Labels {
    labels(&[("__name__", name)])
}

/// A sample and an exemplar of it, in a batch of their own.
fn append(db: &Db, name: &str, time: i64, exemplar: &Exemplar) -> Result<(), AppendError> {
    let mut batch = db.appender();
    let labels = series(name);
    let reference = batch.append(SeriesRef(0), &labels, time, 1.0).unwrap();
    let result = batch.append_exemplar(reference, &labels, exemplar);
    batch.commit().unwrap();
    result
}

/// `name: id value@time, ...` for every series.
fn shown(db: &Db) -> Vec<String> {
    let found = db.select(i64::MIN, i64::MAX, &[Vec::new()]).unwrap();
    let line = |found: &server_storage::SeriesExemplars| {
        let each = found.exemplars.iter();
        let texts =
            each.map(|e| format!("{} {}@{}", e.labels.value("trace_id"), e.value, e.timestamp));
        format!("{}: {}", found.series.metric_name(), texts.collect::<Vec<_>>().join(", "))
    };
    found.iter().map(line).collect()
}

#[test]
fn exemplars_survive_a_kill_and_come_once() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options(100));
    for (name, time, exemplar, result) in [
        ("a", 1000, exemplar("t1", 0.5, Some(900)), Ok(())),
        ("a", 2000, exemplar("t1", 0.5, Some(900)), Ok(())),
        ("a", 3000, exemplar("t2", 0.5, Some(950)), Ok(())),
        ("a", 4000, exemplar("t3", 0.5, Some(940)), Err(AppendError::OutOfOrderExemplar)),
        ("b", 1000, exemplar("u", f64::INFINITY, None), Ok(())),
        ("b", 2000, exemplar("u", f64::INFINITY, None), Ok(())),
        ("b", 3000, exemplar(&"é".repeat(121), 1.0, None), Err(AppendError::ExemplarTooLong(128))),
    ] {
        assert_eq!(append(&db, name, time, &exemplar), result, "{name} {time}");
    }
    let mut batch = db.appender();
    let unknown = batch.append_exemplar(SeriesRef(9), &series("z"), &exemplar("t", 1.0, Some(1)));
    assert_eq!(unknown, Err(AppendError::UnknownSeries(9)));
    drop(batch);
    let wanted = ["a: t1 0.5@900, t2 0.5@950", "b: u inf@1000"];
    assert_eq!(shown(&db), wanted);
    let again = open_with(Arc::new(fs.after_kill()), options(100));
    assert_eq!(shown(&again), wanted);
    assert_eq!(again.replay_report().unknown_refs, 0);
    // A smaller ring keeps the newest, one without room keeps none and is told of none.
    again.resize_exemplars(2);
    assert_eq!(shown(&again), ["a: t2 0.5@950", "b: u inf@1000"]);
    again.resize_exemplars(0);
    assert!(!again.appender().wants_exemplars());
    assert_eq!(append(&again, "a", 9000, &exemplar("t9", 1.0, Some(9000))), Ok(()));
    assert!(shown(&again).is_empty());
}

#[test]
fn a_batch_that_is_rolled_back_leaves_no_exemplars() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options(100));
    append(&db, "a", 1000, &exemplar("t1", 1.0, Some(1))).unwrap();
    let mut batch = db.appender();
    batch.append_exemplar(SeriesRef(0), &series("a"), &exemplar("t2", 1.0, Some(2))).unwrap();
    batch.rollback();
    assert_eq!(shown(&db), ["a: t1 1@1"]);
    assert_eq!(shown(&open_with(Arc::new(fs.after_kill()), options(100))), ["a: t1 1@1"]);
}

#[test]
fn without_the_feature_the_log_has_no_exemplars_and_old_ones_are_passed_over() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options(100));
    append(&db, "a", 1000, &exemplar("t1", 1.0, Some(1))).unwrap();
    let fs = fs.after_kill();
    let db = open(&fs);
    let skipped = &db.replay_report().records_skipped;
    assert_eq!(skipped.get(&RecordKind::Exemplars), Some(&1));
    append(&db, "a", 2000, &exemplar("t2", 1.0, Some(2))).unwrap();
    let again = open_with(Arc::new(fs.after_kill()), options(100));
    assert_eq!(shown(&again), ["a: t1 1@1"]);
}

#[test]
fn a_checkpoint_keeps_exemplars_that_are_not_too_old() {
    let fs = MemoryFs::default();
    let db = open_with(Arc::new(fs.clone()), options(10_000));
    let long = "x".repeat(100);
    for step in 0..2000 {
        let time = START + step * 15_000;
        append(&db, "a", time, &exemplar(&format!("{long}{step}"), 1.0, Some(time))).unwrap();
    }
    assert!(commit(&db, &[series("a")], START + 2001 * 15_000, 1.0));
    let before = segments::bytes(&fs, Path::new("/data/wal")).unwrap();
    let cut = START + 1000 * 15_000;
    db.truncate(cut).unwrap();
    assert!(segments::bytes(&fs, Path::new("/data/wal")).unwrap() < before);
    let names = fs.list(Path::new("/data/wal")).unwrap();
    assert!(format!("{names:?}").contains("checkpoint."), "{names:?}");
    let again = open_with(Arc::new(fs.after_kill()), options(10_000));
    let found = again.select(i64::MIN, i64::MAX, &[Vec::new()]).unwrap();
    let times: Vec<i64> = found[0].exemplars.iter().map(|e| e.timestamp).collect();
    // What is newer is there whole; what is older went with the segments the checkpoint covers.
    let newer: Vec<i64> = (1000..2000).map(|step| START + step * 15_000).collect();
    assert!(times.ends_with(&newer), "{} exemplars", times.len());
    assert!(times.len() < 1700, "{} exemplars", times.len());
}

/// `name: id value@time, ...` of what Prometheus answers.
fn theirs(prometheus: &Prometheus, query: &str) -> Vec<String> {
    let path = format!("/api/v1/query_exemplars?query={query}");
    let body = prometheus.get(&path).unwrap_or_default();
    let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
    let series = answer["data"].as_array().unwrap().iter().map(|series| {
        let each = series["exemplars"].as_array().unwrap().iter().map(|e| {
            let time = (e["timestamp"].as_f64().unwrap() * 1000.0).round() as i64;
            let value = common_model::parse_float(e["value"].as_str().unwrap()).unwrap();
            format!("{} {value}@{time}", e["labels"]["trace_id"].as_str().unwrap())
        });
        let name = series["seriesLabels"]["__name__"].as_str().unwrap();
        format!("{name}: {}", each.collect::<Vec<_>>().join(", "))
    });
    series.collect()
}

const FEATURE: &[&str] = &["--enable-feature=exemplar-storage"];

#[test]
fn prometheus_reads_our_exemplars() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let options = Options { exemplars_max: 1000, ..Options::new(&dir) };
    let db = Db::open(options, Arc::new(RealFs)).unwrap();
    for step in 0..50 {
        let time = START + step * 15_000;
        let name = ["ours_a", "ours_b", "ours_c"][step as usize % 3];
        let own_time = (step % 2 == 0).then_some(time - 7);
        append(&db, name, time, &exemplar(&format!("é{step}"), step as f64 / 3.0, own_time))
            .unwrap();
    }
    let ours = shown(&db);
    drop(db);
    let prometheus = Prometheus::start(&program, &dir, "", FEATURE);
    assert_eq!(theirs(&prometheus, "{__name__=~%22ours_.%22}"), ours);
    println!("{} series", ours.len());
}

/// Serves pages whose counter has another exemplar each time.
fn pages() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let page = format!(
                "# TYPE theirs counter\ntheirs_total {n} # {{trace_id=\"t{n}\"}} {n}.5 {}.25\n\
                 # TYPE fixed counter\nfixed_total 1 # {{trace_id=\"f\"}} 1\n# EOF\n",
                START / 1000 + n as i64
            );
            let head =
                "HTTP/1.0 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        }
    });
    address
}

#[test]
fn we_read_the_exemplars_of_a_killed_prometheus() {
    let Some(program) = peer("prometheus") else { return };
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data");
    let config = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         scrape_configs: [{{job_name: t, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        pages()
    );
    let prometheus = Prometheus::start(&program, &dir, &config, FEATURE);
    let query = "theirs_total%20or%20fixed_total";
    prometheus
        .wait("some exemplars", |p| theirs(p, query).iter().any(|s| s.matches('@').count() > 9));
    let known = theirs(&prometheus, query);
    drop(prometheus);
    let options = Options { exemplars_max: 100_000, ..Options::new(&dir) };
    let db = Db::open(options, Arc::new(RealFs)).unwrap();
    assert_eq!(db.replay_report().unknown_refs, 0);
    let ours = shown(&db);
    assert_eq!(ours.len(), 2);
    // Scrapes went on between the question and the kill.
    for (ours, known) in ours.iter().zip(&known) {
        assert!(ours.starts_with(known.as_str()), "{ours}\n{known}");
    }
    assert_eq!(ours[0], known[0], "an exemplar that does not change is stored once");
}
