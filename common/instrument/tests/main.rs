//! The registry and its metrics as a program uses them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use common_instrument::{
    Clash, CollectError, Collector, Counter, Family, MetricVec, Registry, SampleValue, Samples,
    SharedFamily, SharedSample,
};
use common_model::MetricType;

const UP: Family = Family::gauge("up", "Up.");

/// Pushes one sample, then does as it is told.
struct Told(fn() -> Result<(), CollectError>);

impl Collector for Told {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        samples.push(&UP, &[("by", "told")], 1.0);
        (self.0)()
    }
}

/// Every sample on a line: name, labels, number.
fn lines(samples: &Samples) -> Vec<String> {
    let mut lines = Vec::new();
    for family in samples.families() {
        for sample in family.samples() {
            let labels: Vec<_> = sample.labels().map(|(n, v)| format!("{n}={v}")).collect();
            let SampleValue::Number(number) = sample.value() else { continue };
            lines.push(format!("{} {} {number}", family.name(), labels.join(",")));
        }
    }
    lines
}

#[test]
fn a_collector_that_fails_or_panics_takes_nobody_else_down() {
    let registry = Registry::new();
    registry.register("absent", Arc::new(Told(|| Err(CollectError::Absent("none".into())))));
    registry.register("fails", Arc::new(Told(|| Err(CollectError::failed("/x", "gone")))));
    registry.register("panics", Arc::new(Told(|| panic!("ouch"))));
    registry.counter("after_total", "After.").inc();
    let mut samples = Samples::default();
    for _ in 0..2 {
        samples.clear();
        let errors: Vec<_> =
            registry.gather(&mut samples).iter().map(ToString::to_string).collect();
        assert_eq!(errors, ["fails: /x: gone", "panics: panicked: ouch"]);
        assert_eq!(lines(&samples), ["after_total  1", "up by=told 1"]);
        // Three collectors pushed the same series: the first stays.
        assert_eq!(samples.rejected_count(), 2);
        assert_eq!(samples.rejected()[0], "up{by=\"told\"} was pushed twice");
    }
}

#[test]
fn clashes_are_refused_and_told_and_the_first_wins() {
    let mut samples = Samples::default();
    samples.push(&UP, &[("b", "1"), ("a", "2")], 1.0);
    samples.push_named("up", "Other help.", MetricType::Counter, &[], 2.0);
    samples.push(&UP, &[("a", "2"), ("b", "1")], 3.0);
    samples.push(&UP, &[("a", "1"), ("a", "2")], 4.0);
    samples.push(&UP, &[], 5.0);
    samples.seal();
    assert_eq!(lines(&samples), ["up  5", "up a=2,b=1 1"]);
    assert_eq!(samples.rejected_count(), 3);
    samples.clear();
    samples.push_named("up", "Now a counter.", MetricType::Counter, &[], 2.0);
    samples.push_named("app", "New.", MetricType::Gauge, &[], 1.0);
    assert_eq!(lines(&samples), ["app  1", "up  2"]);
    assert_eq!(samples.families().last().unwrap().help(), "Now a counter.");
}

#[test]
fn series_of_a_family_are_limited_and_refusals_counted() {
    let registry = Registry::new();
    let family = MetricVec::<Counter, 1>::new("hits_total", "Hits.", ["path"], ()).series_max(2);
    let hits = registry.add(family);
    for path in ["/a", "/b", "/c", "/a", "/d"] {
        hits.with([path]).inc();
    }
    assert_eq!((hits.len(), hits.refused()), (2, 2));
    let mut samples = Samples::default();
    registry.gather(&mut samples);
    assert_eq!(lines(&samples), ["hits_total path=/a 2", "hits_total path=/b 1"]);
    assert!(hits.remove(["/a"]) && !hits.remove(["/a"]));
}

#[test]
fn distributions_count_what_they_observe() {
    let registry = Registry::new();
    let histogram = registry.histogram("h", "H.", &[2.0, 1.0, f64::INFINITY, 1.0]);
    let summary = registry.summary("s", "S.", &[0.5, 0.99, 7.0]);
    for value in [0.5, 1.0, 1.5, 9.0] {
        histogram.observe(value);
        summary.observe(value);
    }
    let mut samples = Samples::default();
    registry.gather(&mut samples);
    let values: Vec<_> = samples.families().flat_map(|f| f.samples().map(|s| s.value())).collect();
    let buckets = [(1.0, 2.0), (2.0, 3.0), (f64::INFINITY, 4.0)];
    let quantiles = [(0.5, 1.0), (0.99, 9.0)];
    assert_eq!(values[0], SampleValue::Histogram { buckets: &buckets, sum: 12.0, count: 4.0 });
    assert_eq!(values[1], SampleValue::Summary { quantiles: &quantiles, sum: 12.0, count: 4.0 });
}

/// A family `up` of these samples, and how many were left out.
fn shared(kind: MetricType, samples: &[(&[(&str, &str)], f64)]) -> (Arc<SharedFamily>, Vec<usize>) {
    let samples = samples.iter().map(|(labels, value)| SharedSample {
        labels: labels.to_vec(),
        value: SampleValue::Number(*value),
    });
    let (family, refused) = SharedFamily::new("up", "Shared.", kind, samples.collect());
    (Arc::new(family), refused)
}

#[test]
fn a_shared_family_is_sorted_once_and_holds_each_series_once() {
    let (family, refused) = shared(
        MetricType::Gauge,
        &[
            (&[("b", "2"), ("a", "1")], 1.0),
            (&[("a", "0"), ("b", "9")], 2.0),
            (&[("a", "1"), ("b", "2")], 3.0),
            (&[("c", "1")], 4.0),
            (&[("c", "1"), ("d", "")], 5.0),
            (&[("c", "1"), ("c", "2")], 6.0),
            (&[], 7.0),
        ],
    );
    assert_eq!(refused, [2, 4, 5]);
    let mut samples = Samples::default();
    for _ in 0..2 {
        samples.clear();
        assert_eq!(samples.push_shared(&family), Ok(()));
        samples.seal();
        assert_eq!(lines(&samples), ["up  7", "up c=1 4", "up a=0,b=9 2", "up a=1,b=2 1"]);
        assert_eq!((samples.len(), samples.rejected_count()), (4, 0));
        assert!(samples.families().all(|family| family.shared().is_some()));
    }
    samples.clear();
    assert!(samples.is_empty() && lines(&samples).is_empty());
}

#[test]
fn what_is_there_wins_over_a_shared_family() {
    fn check(kind: MetricType, expected: Result<(), Clash>, served: &[&str]) {
        let (family, _) = shared(kind, &[(&[("a", "1")], 1.0), (&[("a", "2")], 2.0)]);
        let mut samples = Samples::default();
        samples.push(&UP, &[("a", "2")], 7.0);
        assert_eq!(samples.push_shared(&family), expected);
        samples.push(&UP, &[("a", "3")], 3.0);
        samples.seal();
        assert_eq!(lines(&samples), served);
        assert_eq!(samples.rejected_count(), 0);
        assert_eq!(samples.families().next().map(|family| family.help()), Some("Up."));
    }
    check(MetricType::Gauge, Err(Clash::Repeated(1)), &["up a=1 1", "up a=2 7", "up a=3 3"]);
    check(MetricType::Counter, Err(Clash::Type(MetricType::Gauge)), &["up a=2 7", "up a=3 3"]);
}

#[test]
fn a_shared_family_that_is_pushed_to_is_taken_apart() {
    let (family, _) = shared(MetricType::Gauge, &[(&[("a", "2")], 2.0)]);
    let mut samples = Samples::default();
    assert_eq!(samples.push_shared(&family), Ok(()));
    assert_eq!(samples.push_shared(&family), Err(Clash::Repeated(1)));
    samples.push(&UP, &[("a", "1")], 1.0);
    samples.push(&UP, &[("a", "2")], 9.0);
    samples.seal();
    assert_eq!(lines(&samples), ["up a=1 1", "up a=2 2"]);
    assert_eq!(samples.rejected_count(), 1);
    let kept = family.kept();
    assert_eq!(kept.get_or_make(|| 1_u8), Some(&1));
    assert_eq!(kept.get_or_make(|| 2_u8), Some(&1));
    assert_eq!(kept.get_or_make(|| "another"), None);
}

#[test]
fn an_order_that_is_remembered_serves_only_what_it_fits() {
    const FAMILY: Family = Family::gauge("x", "X.");
    let mut samples = Samples::default();
    let mut check = |pushed: &[&str], expected: &[&str], rejected: u64| {
        samples.clear();
        for value in pushed {
            samples.push(&FAMILY, &[("l", value)], 1.0);
        }
        samples.seal();
        let family = samples.families().next().unwrap();
        let found: Vec<&str> =
            family.samples().map(|sample| sample.labels().next().unwrap().1).collect();
        assert_eq!((found.as_slice(), samples.rejected_count()), (expected, rejected));
    };
    for _ in 0..3 {
        check(&["c", "a", "b"], &["a", "b", "c"], 0);
    }
    check(&["b", "c", "a"], &["a", "b", "c"], 0);
    check(&["c", "a", "c"], &["a", "c"], 1);
    check(&["c", "a", "b"], &["a", "b", "c"], 0);
    check(&["a", "b"], &["a", "b"], 0);
    check(&["d", "c", "b", "a"], &["a", "b", "c", "d"], 0);
}
