//! Blocks that promtool made are read, with and without a head beside them.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use common_model::{Labels, Matcher};
use server_storage::{Querier, SampleColumns, SelectHints};
use server_tsdb::fs::{MemoryFs, RealFs};
use server_tsdb::{Db, Options};

use crate::peers::peer;
use crate::support::{Contents, Random, commit, contents, labels, read};

/// Midnight of some day in 2024.
pub(crate) const START: i64 = 1_711_929_600_000;
const HOUR: i64 = 60 * 60 * 1000;

/// Series of several metrics, with gaps and odd values, over some hours at a minute each.
pub(crate) fn sample_data(seed: u64, series: usize, hours: i64) -> Contents {
    let mut random = Random::new(seed);
    let mut all = Contents::new();
    for at in 0..series {
        let host = format!("host{}", at % 7);
        let set = labels(&[
            ("__name__", ["up", "load", "bytes_total"][at % 3]),
            ("instance", &host),
            ("n", &format!("{}", at / 3)),
        ]);
        let mut samples = Vec::new();
        let mut value = random.below(1000) as f64;
        for minute in 0..hours * 60 {
            if random.below(10) == 0 {
                continue;
            }
            value += random.below(100) as f64 / 8.0;
            let value = if random.below(50) == 0 { f64::INFINITY } else { value };
            samples.push((START + minute * 60_000, value.to_bits()));
        }
        all.insert(set, samples);
    }
    all
}

/// The text promtool makes blocks of.
pub(crate) fn open_metrics(contents: &Contents) -> String {
    let mut text = String::new();
    let mut metrics: Vec<&str> = contents.keys().map(Labels::metric_name).collect();
    metrics.dedup();
    for metric in metrics {
        let _ = writeln!(text, "# TYPE {metric} unknown");
        for (labels, samples) in contents.iter().filter(|(l, _)| l.metric_name() == metric) {
            for (time, bits) in samples {
                let value = f64::from_bits(*bits);
                let value = if value.is_infinite() { "+Inf".to_owned() } else { value.to_string() };
                let set = labels.without_name().to_string().replace(", ", ",");
                let _ = writeln!(text, "{metric}{set} {value} {}.{:03}", time / 1000, time % 1000);
            }
        }
    }
    text + "# EOF\n"
}

/// Lets promtool make blocks.
pub(crate) fn create_blocks(promtool: &Path, contents: &Contents, dir: &Path) {
    let file = dir.with_extension("txt");
    std::fs::write(&file, open_metrics(contents)).unwrap();
    let made = Command::new(promtool)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&file, dir])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn open(dir: &Path) -> Db {
    let mut options = Options::new(dir);
    options.retention_ms = i64::MAX;
    Db::open(options, Arc::new(RealFs)).unwrap()
}

/// A copy of a directory in memory.
pub(crate) fn in_memory(dir: &Path, to: &Path, fs: &MemoryFs) {
    for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            in_memory(&entry.path(), &to, fs);
        } else {
            fs.put(&to, &std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn blocks_of_promtool_are_read_back_sample_by_sample() {
    let Some(promtool) = peer("promtool") else { return };
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let wanted = sample_data(1, 60, 7);
    create_blocks(&promtool, &wanted, &data);
    let db = open(&data);
    assert_eq!(db.blocks().len(), 4);
    assert_eq!(contents(&db), wanted);
    for (name, value) in [("instance", "host3"), ("__name__", "load"), ("n", "none")] {
        let matcher = [Matcher::equal(name, value)];
        let mut some = wanted.clone();
        some.retain(|labels, _| labels.value(name) == value);
        assert_eq!(read(&*db.querier(i64::MIN, i64::MAX), &matcher), some, "{name}={value}");
        let matcher = [Matcher::not_equal(name, value)];
        let mut others = wanted.clone();
        others.retain(|labels, _| labels.value(name) != value);
        assert_eq!(read(&*db.querier(i64::MIN, i64::MAX), &matcher), others, "{name}!={value}");
    }
    let (start, end) = (START + HOUR, START + 3 * HOUR);
    let mut part = wanted;
    for samples in part.values_mut() {
        samples.retain(|(time, _)| (start..=end).contains(time));
    }
    assert_eq!(read(&*db.querier(start, end), &[]), part);
    let querier = db.querier(start, end);
    assert_eq!(querier.label_names(&[], 0).unwrap(), ["__name__", "instance", "n"]);
    assert_eq!(querier.label_values("__name__", &[], 0).unwrap(), ["bytes_total", "load", "up"]);
    let up = [Matcher::equal("__name__", "up")];
    assert_eq!(querier.label_values("__name__", &up, 0).unwrap(), ["up"]);
    assert_eq!(querier.label_values("n", &up, 2).unwrap(), ["0", "1"]);
}
