//! What is written in each format, and which is chosen.

use common_exposition::{
    Dialect, Escaping, Event, Format, KeptText, Parser, Protocol, Sink, encode, for_each_series,
    negotiate, negotiate_text,
};
use common_instrument::{Family, Registry, SampleValue, Samples, SharedFamily, SharedSample};
use common_model::{Labels, MetricType};
use std::sync::Arc;

const INFO: Family = Family::gauge("my.info", "Quoted \"help\"\\\nsecond line.");

fn samples() -> Samples {
    let mut samples = Samples::default();
    samples.push(&INFO, &[("we.ird", "a\"b\\c\nd"), ("a", "é")], 1.0);
    samples.push_named("requests_total", "Requests.", MetricType::Counter, &[], 1e6);
    samples.push_named("plain", "Plain.", MetricType::Unknown, &[("b", ""), ("a", "2")], 0.5);
    let buckets = [(0.5, 1.0), (1.0, 2.0)];
    let value = SampleValue::Histogram { buckets: &buckets, sum: 1.25, count: 3.0 };
    samples.push_value("h", "H.", MetricType::Histogram, &[("z", "1")], value, Some(1500));
    let value = SampleValue::Summary { quantiles: &[(0.5, 2.0)], sum: 4.0, count: 2.0 };
    samples.push_value("s", "S.", MetricType::Summary, &[], value, None);
    samples.seal();
    samples
}

fn written(protocol: Protocol, escaping: Escaping) -> String {
    let mut out = Vec::new();
    encode(&samples(), Format { protocol, escaping }, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn text_is_written_as_client_libraries_write_it() {
    let wanted = r#"# HELP h H.
# TYPE h histogram
h_bucket{z="1",le="0.5"} 1 1500
h_bucket{z="1",le="1"} 2 1500
h_bucket{z="1",le="+Inf"} 3 1500
h_sum{z="1"} 1.25 1500
h_count{z="1"} 3 1500
# HELP my_info Quoted "help"\\\nsecond line.
# TYPE my_info gauge
my_info{a="é",we_ird="a\"b\\c\nd"} 1
# HELP plain Plain.
# TYPE plain untyped
plain{a="2",b=""} 0.5
# HELP requests_total Requests.
# TYPE requests_total counter
requests_total 1e+06
# HELP s S.
# TYPE s summary
s{quantile="0.5"} 2
s_sum 4
s_count 2
"#;
    assert_eq!(written(Protocol::Text004, Escaping::Underscores), wanted);
    let quoted = wanted
        .replace(r#"my_info{a="é",we_ird"#, r#"{"my.info",a="é","we.ird""#)
        .replace("my_info", "\"my.info\"");
    assert_eq!(written(Protocol::Text100, Escaping::AllowUtf8), quoted);
}

#[test]
fn openmetrics_is_written_as_client_libraries_write_it() {
    let text = written(Protocol::OpenMetrics100, Escaping::Values);
    for line in [
        r#"h_bucket{z="1",le="1.0"} 2 1.5"#,
        r#"h_sum{z="1"} 1.25 1.5"#,
        "# TYPE requests counter",
        "requests_total 1e+06",
        r#"# HELP U__my_2e_info Quoted \"help\"\\\nsecond line."#,
        r#"U__my_2e_info{a="é",U__we_2e_ird="a\"b\\c\nd"} 1.0"#,
        "# TYPE plain unknown",
        "s_count 2",
        r#"s{quantile="0.5"} 2.0"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn series_inside_the_process_are_those_a_scrape_would_give() {
    let mut direct: Vec<(Labels, f64, Option<i64>)> = Vec::new();
    for_each_series(&samples(), |series| {
        direct.push((series.to_labels(), series.value, series.timestamp));
    });
    for (protocol, dialect) in [
        (Protocol::Text004, Dialect::Text),
        (Protocol::Text100, Dialect::Text),
        (Protocol::OpenMetrics100, Dialect::OpenMetrics),
    ] {
        let text = written(protocol, Escaping::AllowUtf8);
        let mut parser = Parser::new(text.as_bytes(), dialect);
        let mut scraped = Vec::new();
        while let Some(event) = parser.next().unwrap() {
            if let Event::Series(series) = event {
                scraped.push((series.labels().unwrap(), series.value, series.timestamp));
            }
        }
        assert_eq!(scraped, direct);
    }
}

#[test]
fn the_accept_header_decides() {
    for (accept, wanted, text_only) in [
        ("", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", None),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores", None),
        (
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            None,
        ),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
        ),
        (
            "text/plain;q=0.9;escaping=dots, application/openmetrics-text; version=0.0.1; q=0.2",
            "text/plain; version=0.0.4; charset=utf-8; escaping=dots",
            None,
        ),
        (
            "application/openmetrics-text;version=9",
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            None,
        ),
        (
            "text/plain;escaping=nonsense",
            "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            None,
        ),
    ] {
        assert_eq!(negotiate(accept).content_type(), wanted, "{accept}");
        assert_eq!(negotiate_text(accept).content_type(), text_only.unwrap_or(wanted), "{accept}");
    }
}

#[test]
fn a_registry_goes_all_the_way() {
    let registry = Registry::new();
    registry.histogram("t_seconds", "T.", &[0.1, 1.0]).observe(0.5);
    let mut samples = Samples::default();
    assert!(registry.gather(&mut samples).is_empty());
    let mut out = Vec::new();
    encode(&samples, Format::default(), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("t_seconds_bucket{le=\"0.1\"} 0\nt_seconds_bucket{le=\"1\"} 1\n"));
    assert!(text.ends_with("t_seconds_sum 0.5\nt_seconds_count 1\n"));
}

/// [`samples`] without timestamps; with `is_shared` in families that are shared, every other one.
fn all_or_half_shared(is_shared: bool) -> Samples {
    let (all, mut copy) = (samples(), Samples::default());
    for (at, family) in all.families().enumerate() {
        let (name, help, kind) = (family.name(), family.help(), family.kind());
        let rows: Vec<SharedSample<'_>> = family
            .samples()
            .map(|sample| SharedSample { labels: sample.labels().collect(), value: sample.value() })
            .collect();
        if is_shared && at % 2 == 0 {
            let (family, refused) = SharedFamily::new(name, help, kind, rows);
            assert!(refused.is_empty());
            assert_eq!(copy.push_shared(&Arc::new(family)), Ok(()));
        } else {
            rows.iter()
                .for_each(|row| copy.push_value(name, help, kind, &row.labels, row.value, None));
        }
    }
    copy.seal();
    copy
}

#[test]
fn shared_families_are_written_like_others_and_their_text_is_kept() {
    let (own, shared) = (all_or_half_shared(false), all_or_half_shared(true));
    for protocol in
        [Protocol::Text004, Protocol::Text100, Protocol::OpenMetrics001, Protocol::OpenMetrics100]
    {
        for escaping in [Escaping::Underscores, Escaping::Values, Escaping::AllowUtf8] {
            let format = Format { protocol, escaping };
            let [wanted, first, second] = [&own, &shared, &shared].map(|samples| {
                let mut out = Vec::new();
                encode(samples, format, &mut out);
                String::from_utf8(out).unwrap()
            });
            assert_eq!((&first, &second), (&wanted, &wanted), "{format}");
        }
    }
    /// Counts what is handed over as kept.
    #[derive(Default)]
    struct Counting(Vec<u8>, usize);
    impl Sink for Counting {
        fn fresh(&mut self) -> &mut Vec<u8> {
            &mut self.0
        }
        fn kept(&mut self, text: &KeptText) {
            self.1 += 1;
            assert!(text.bytes().starts_with(b"# HELP "));
        }
    }
    let mut out = Counting::default();
    encode(&shared, Format::default(), &mut out);
    assert_eq!(out.1, 3, "h, plain and s; quoted names are written anew");
    let mut series = [Vec::new(), Vec::new()];
    for (into, samples) in series.iter_mut().zip([&own, &shared]) {
        for_each_series(samples, |one| into.push((one.to_labels(), one.value)));
    }
    assert_eq!(series[0], series[1]);
}
