//! Targets that mean harm beside an honest one: each is refused for its own reason, the honest one
//! is scraped on time, and the process stays small.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::Duration;

use common_testkit::{Answer, FakeTarget, Tree};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};

const INTERVAL: Duration = Duration::from_secs(1);
/// Scrapes of the honest target that are looked at.
const SCRAPES: usize = 12;
/// The honest target may be this late: half of the interval, on a machine that is busy.
const LATE_MS_MAX: i64 = 1_500;
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// Name, answer, and how its error begins.
type Hostile = (&'static str, fn() -> Answer, &'static str);

const TOO_MUCH: &str = "body size limit exceeded";
const TOO_LATE: &str = "context deadline exceeded";

#[rustfmt::skip]
const HOSTILE: &[Hostile] = &[
    ("endless", || Answer::pieces(|at| Some(lines(at))), TOO_MUCH),
    ("bomb", bomb, TOO_MUCH),
    ("million", || Answer::pieces(|at| (at < 100).then(|| lines(at))), TOO_MUCH),
    ("long", || Answer::pieces(long_label), TOO_MUCH),
    ("utf8", || Answer::metrics(b"ok 1\nbad{l=\"\xff\xfe\"} 1\nafter 1\n"), "invalid UTF-8 label value"),
    ("repeated", || Answer::metrics("d{a=\"1\",a=\"2\"} 1\nok 1\n"), "label name \"a\" is not unique"),
    ("drip", || Answer::Drip(Duration::from_millis(200)), TOO_LATE),
    ("silence", || Answer::Silence, "Get \"http://127.0.0.1:"),
    ("binary", || Answer::metrics((1..=255).cycle().take(100_000).collect::<Vec<u8>>()), ""),
];

/// Ten thousand series of their own.
fn lines(at: u64) -> Vec<u8> {
    let ids = at * 10_000..(at + 1) * 10_000;
    ids.flat_map(|id| format!("card{{id=\"{id}\",z=\"abcdefghij\"}} 1\n").into_bytes()).collect()
}

/// A label of 64 MiB.
fn long_label(at: u64) -> Option<Vec<u8>> {
    match at {
        0 => Some(b"long{a=\"".to_vec()),
        1..=64 => Some(vec![b'y'; 1 << 20]),
        65 => Some(b"\"} 1\n".to_vec()),
        _ => None,
    }
}

/// 256 MiB of a comment in a quarter of one.
fn bomb() -> Answer {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| {
        let mut encoder = GzEncoder::new(b"".to_vec(), Compression::fast());
        encoder.write_all(b"# ").unwrap();
        for _ in 0..256 {
            encoder.write_all(&vec![b'a'; 1 << 20]).unwrap();
        }
        encoder.finish().unwrap()
    });
    let headers = vec![
        ("Content-Type", "text/plain; version=0.0.4".to_owned()),
        ("Content-Encoding", "gzip".to_owned()),
    ];
    Answer::Page("200 OK", headers, bytes.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_targets_harm_nobody_but_themselves() {
    let target = FakeTarget::start([("/honest", Answer::Each(|n| format!("honest {n}\n")))]).await;
    let address = target.address().to_string();
    let mut jobs = vec![job("honest", &address, "/honest")];
    for (name, answer, _) in HOSTILE {
        target.set(&format!("/{name}"), answer());
        jobs.push(job(name, &address, &format!("/{name}")));
    }
    let tree = Tree::new();
    tree.write("prometheus.yml", config(INTERVAL, &jobs));
    let program = Program::hearth(&["server"], tree.path()).await;
    let api = &program.api;
    let times: Vec<i64> = eventually("the honest target is scraped", PATIENCE, async || {
        let series = api.samples("honest[1h]", None).await?;
        let times: Vec<i64> = series.values().flat_map(|points| points.keys().copied()).collect();
        if times.len() < SCRAPES { Err(format!("{} scrapes", times.len())) } else { Ok(times) }
    })
    .await;
    for pair in times.windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap <= LATE_MS_MAX, "the honest target was scraped {gap} ms after the last time");
    }
    for (name, _, expected) in HOSTILE {
        let (health, error) = api.health(name).await.unwrap();
        eprintln!("hostile: {name}: {health}: {error}");
        assert_eq!(health, "down", "{name}");
        // On a busy machine what has no end may meet its deadline before its limit.
        let was_late = *expected == TOO_MUCH && error.starts_with(TOO_LATE);
        let is_expected = !error.is_empty() && error.starts_with(expected);
        assert!(is_expected || was_late, "{name}: {error}");
        assert_eq!(api.value(&format!("up{{job='{name}'}}")).await, Ok(0.0), "{name}");
        let left = api.values(&format!("{{job='{name}',__name__!~'up|scrape_.*'}}")).await;
        assert_eq!(left, Ok(vec![]), "a refused scrape leaves no sample: {name}");
    }
    let peak = program.memory_peak();
    eprintln!("hostile: peak of memory {} MiB", peak >> 20);
    assert!(peak < MEMORY_BYTES_MAX, "peak of memory: {} MiB", peak >> 20);
}
