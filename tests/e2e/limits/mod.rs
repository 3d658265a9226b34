//! Requests that would take all memory or never end: refused quickly, and the program goes on.

mod table;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common_testkit::{Answer, FakeTarget, Tree};
use tokio::time::Instant;

use crate::support::api::encoded;
use crate::support::child::{Program, config, job};
use crate::support::{PATIENCE, eventually};
use table::Hostile;

/// A refusal that takes longer is no protection; unoptimized builds on busy machines included.
const QUICK: Duration = Duration::from_secs(10);
/// As in [`FLAGS`].
const BUDGET_BYTES: u64 = 64 << 20;
/// What the program may grow by, whatever it is asked: the budget and a quarter of it.
const GROWTH_BYTES_MAX: u64 = BUDGET_BYTES + BUDGET_BYTES / 4;
const FLAGS: &[&str] =
    &["server", "--query.max-memory=64MB", "--query.max-memory-total=64MB", "--query.timeout=1s"];
const INTERVAL: Duration = Duration::from_secs(2);
const SERIES: u64 = 20_000;
/// Requests under way at a time.
const CONNECTIONS: usize = 4;
/// So long a refusal may take, when nothing else goes on.
const REFUSAL_MAX: Duration = Duration::from_millis(50);
/// How often a request is asked alone: a scrape, or another program, may be in its way.
const ALONE: usize = 3;

/// Queries, and what the refusal contains. The first three kill or stall the original.
fn queries() -> Vec<(String, &'static str)> {
    let nested = |count: usize| format!("{}1{}", "(".repeat(count), ")".repeat(count));
    let strings = |queries: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
        queries.iter().map(|&(query, refusal)| (query.to_owned(), refusal)).collect()
    };
    let mut all = strings(&[
        ("sum_over_time(up[1y:1ms])", "query processing would"),
        ("absent_over_time(up[1y:1ms])", "query processing would"),
        ("max_over_time(up[1y:1ms])", "query processing would"),
        ("sum_over_time(vector(1)[10d:20ms])", "query processing would"),
        ("sum_over_time(vector(1)[100y:1ms])", "query processing would"),
        ("max_over_time(sum_over_time(vector(1)[1h:1ms])[1d:1s])", "query processing would"),
    ]);
    all.push((nested(500_000), "deeper than"));
    all.push((nested(1_000_000), "bytes long"));
    all.push(("-".repeat(500_000) + "1", "deeper than"));
    all.push(("sum(".repeat(100_000) + "up" + &")".repeat(100_000), "deeper than"));
    all.push((format!("up{{a=~\"{}\"}}", "(a{1000}){1000}".repeat(2)), "invalid repeat count"));
    all
}

/// Many series of one metric, and a histogram of many buckets.
fn page(_: u64) -> String {
    let series = (0..SERIES).map(|id| {
        let (group, value) = (id % 100, id * 7 % 1_000);
        format!("card{{id=\"{id}\",g=\"{group}\",z=\"abcdefghijklmnop{id}\"}} {value}\n")
    });
    let buckets = (0..2_000).map(|at| format!("hist_bucket{{le=\"{at}\"}} {at}\n"));
    series.chain(buckets).collect()
}

/// A program with samples in it, and the target they come from.
async fn program() -> (Program, FakeTarget, Tree) {
    let target = FakeTarget::start([("/metrics", Answer::Each(page))]).await;
    let tree = Tree::new();
    let job = job("t", &target.address().to_string(), "/metrics");
    tree.write("prometheus.yml", config(INTERVAL, &[job]));
    let program = Program::hearth(FLAGS, tree.path()).await;
    let api = program.api.clone();
    eventually("some scrapes", PATIENCE, async || {
        let count = api.value("sum(count_over_time(up[1m]))").await?;
        if count >= 4.0 { Ok(()) } else { Err(format!("{count} scrapes")) }
    })
    .await;
    (program, target, tree)
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_death_are_refused_quickly() {
    let (mut program, _target, _tree) = program().await;
    let api = program.api.clone();
    let base = program.memory_peak();
    for (query, refusal) in queries() {
        let shown: String = query.chars().take(60).collect();
        let begun = Instant::now();
        let (status, body) = api.post("/api/v1/query", &[("query", &query)]).await.unwrap();
        let took = begun.elapsed();
        let body: String = body.chars().take(300).collect();
        eprintln!("limits: {shown}: {status} in {took:?}: {body}");
        assert!(status == 400 || status == 422 || status == 503, "{shown}: {status}: {body}");
        assert!(body.contains(refusal), "{shown}: {body}");
        assert!(took < QUICK, "{shown}: {took:?}");
        assert_eq!(api.value("up").await, Ok(1.0), "after {shown}");
    }
    let begun = Instant::now();
    let mut answers = hostile(&program, base).await;
    assert!(program.is_alive(), "{}", program.log());
    assert_eq!(api.value("up").await, Ok(1.0), "after {} requests", answers.len());
    summary(&answers, begun.elapsed());
    refused_alone(&program, &mut answers, base).await;
    let peak = program.memory_peak();
    eprintln!("limits: peak of memory {} MiB, {} MiB before", peak >> 20, base >> 20);
    let grown = peak.saturating_sub(base);
    assert!(grown <= GROWTH_BYTES_MAX, "memory grew by {} MiB", grown >> 20);
}

/// Says what came of all requests.
fn summary(answers: &[Answered], time: Duration) {
    let counts = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    let ran_out = answers.iter().filter(|answer| answer.ran_out).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.is_refused()).collect();
    let quick = refused.iter().filter(|answer| answer.took < REFUSAL_MAX).count();
    eprintln!(
        "limits: {} requests in {time:?}, {CONNECTIONS} at a time: {} answered, {} bad, {} refused, \
         {} unavailable, {ran_out} out of time; {quick} of {} refusals within {REFUSAL_MAX:?}, the \
         slowest in {:?}",
        answers.len(),
        counts(200),
        counts(400),
        counts(422),
        counts(503),
        refused.len(),
        refused.iter().map(|answer| answer.took).max(),
    );
}

/// Repeats the refusals that took long beside the others: the time of the fastest of some trials,
/// and what the whole program computed meanwhile.
async fn refused_alone(program: &Program, answers: &mut [Answered], base: u64) {
    let slow = |answer: &&mut Answered| answer.is_refused() && answer.took >= REFUSAL_MAX;
    let (mut repeated, mut late, mut costly) = (0, 0, 0);
    for answer in answers.iter_mut().filter(slow) {
        let (mut took, mut computed) = (Duration::MAX, Duration::MAX);
        for _ in 0..ALONE {
            let before = program.cpu();
            let again = send(program, &answer.request, base).await;
            computed = computed.min(program.cpu().saturating_sub(before));
            took = took.min(again.took);
            if took < REFUSAL_MAX {
                break;
            }
        }
        repeated += 1;
        late += usize::from(took >= REFUSAL_MAX);
        costly += usize::from(computed >= REFUSAL_MAX);
        let (shown, beside) = (&answer.shown, answer.took);
        eprintln!(
            "limits: alone: {took:?}, computing {computed:?}, beside others {beside:?} {shown}"
        );
    }
    eprintln!(
        "limits: {repeated} refusals repeated alone: {late} still took {REFUSAL_MAX:?} or more, \
         {costly} by computing"
    );
}

/// What came of a request.
struct Answered {
    request: Hostile,
    shown: String,
    status: u16,
    took: Duration,
    /// It was refused because its time was over.
    ran_out: bool,
}

impl Answered {
    fn is_refused(&self) -> bool {
        self.status != 200 && !self.ran_out
    }
}

/// Sends all hostile requests over a few connections.
async fn hostile(program: &Program, base: u64) -> Vec<Answered> {
    let mut lanes: Vec<Vec<Hostile>> = (0..CONNECTIONS).map(|_| Vec::new()).collect();
    for (at, request) in table::all().into_iter().enumerate() {
        lanes[at % CONNECTIONS].push(request);
    }
    let mut answers = Vec::new();
    let lanes = lanes.into_iter().map(|lane| async move {
        let mut answers = Vec::new();
        for request in lane {
            answers.push(send(program, &request, base).await);
        }
        answers
    });
    for lane in futures(lanes).await {
        answers.extend(lane);
    }
    answers
}

/// Runs all at a time.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, result) in &mut pending {
            if result.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *result = Some(value),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    pending.into_iter().filter_map(|(_, result)| result).collect()
}

async fn send(program: &Program, request: &Hostile, base: u64) -> Answered {
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 5;
    let Hostile { path, form } = request;
    let first = form.first().map_or("", |(_, value)| value.as_str());
    let shown = format!("{path} {}", first.chars().take(70).collect::<String>());
    let time = |value: &str| match value.strip_prefix("START") {
        Some("") => start.to_string(),
        Some(plus) => (start + plus[1..].parse::<u64>().unwrap()).to_string(),
        None => value.to_owned(),
    };
    let form: Vec<(&str, String)> = form.iter().map(|(name, v)| (*name, time(v))).collect();
    let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let form = encoded(&form);
    let begun = Instant::now();
    let answer = if path == "/federate" || path.ends_with("/values") {
        program.api.get(&format!("{path}?{form}")).await
    } else {
        program.api.post_form(path, form).await
    };
    let took = begun.elapsed();
    let (status, body) = answer.unwrap_or_else(|error| panic!("{shown}: {error}"));
    let head: String = body.chars().take(160).collect();
    let grown = program.memory_peak().saturating_sub(base) >> 20;
    eprintln!("limits: {status} {} ms +{grown} MiB {shown}: {head}", took.as_millis());
    let known = [200, 400, 414, 422, 431, 503];
    assert!(known.contains(&status), "{shown}: {status}: {head}");
    assert!(took < QUICK, "{shown}: {took:?}");
    let request = request.clone();
    Answered { request, shown, status, took, ran_out: head.contains("timed out") }
}
