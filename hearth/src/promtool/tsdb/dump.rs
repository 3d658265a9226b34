//! `tsdb dump` and `dump-openmetrics`: the samples of a data directory as text.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use common_model::{Labels, is_stale_marker};
use common_service::flags::Matches;
use server_promql::parser::parse_selector;
use server_storage::{SampleColumns, SelectHints, SeriesSet};
use server_tsdb::Db;

use super::{existing, fail, real_fs};

/// So many bytes are collected before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::promtool) enum Form {
    /// `{__name__="up"} 1 1700000000000`
    Samples,
    /// `up{} 1 1700000000.000`, without histograms and stale markers.
    OpenMetrics,
}

/// `tsdb dump` and `tsdb dump-openmetrics`
pub(in crate::promtool) fn dump(matches: &Matches, form: Form) -> ExitCode {
    match write(matches, form) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn write(matches: &Matches, form: Form) -> Result<(), String> {
    let dir = existing(matches)?;
    let db = Db::open_read_only(dir, real_fs()).map_err(|error| error.to_string())?;
    let (start, end) = (matches.int("min-time"), matches.int("max-time"));
    let querier = db.querier(start, end);
    let mut merged = Merged::default();
    for selector in matches.strs("match") {
        let matchers = parse_selector(selector).map_err(|error| error.to_string())?;
        let hints = SelectHints { start, end, ..SelectHints::default() };
        let set = querier.select(true, &hints, &matchers).map_err(|error| error.to_string())?;
        merged.add(set)?;
    }
    let mut out = Out::default();
    while let Some((labels, samples)) = merged.next()? {
        match form {
            Form::Samples => out.samples(&labels, &samples),
            Form::OpenMetrics => out.openmetrics(&labels, &samples),
        }
        .map_err(|error| error.to_string())?;
    }
    if form == Form::OpenMetrics {
        out.text.push_str("# EOF\n");
    }
    out.flush().map_err(|error| error.to_string())
}

/// A series and its samples.
type Selected = (Labels, SampleColumns);

/// Several sets of one store in one order, each series once.
#[derive(Default)]
struct Merged {
    /// With the series that each has come to.
    sets: Vec<(Box<dyn SeriesSet>, Option<Selected>)>,
}

impl Merged {
    fn add(&mut self, mut set: Box<dyn SeriesSet>) -> Result<(), String> {
        let first = advance(&mut *set)?;
        self.sets.push((set, first));
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Selected>, String> {
        let heads = self.sets.iter().filter_map(|(_, head)| head.as_ref());
        let Some(least) = heads.map(|(labels, _)| labels).min().cloned() else { return Ok(None) };
        let mut found = None;
        for (set, head) in &mut self.sets {
            if head.as_ref().is_some_and(|(labels, _)| *labels == least) {
                // The same series of the same store: the samples are the same too.
                found = std::mem::replace(head, advance(&mut **set)?);
            }
        }
        Ok(found)
    }
}

fn advance(set: &mut dyn SeriesSet) -> Result<Option<Selected>, String> {
    let mut samples = SampleColumns::default();
    let labels = set.next(&mut samples).map_err(|error| error.to_string())?;
    Ok(labels.map(|labels| (labels, samples)))
}

/// Text on its way to stdout.
#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn samples(&mut self, labels: &Labels, samples: &SampleColumns) -> std::io::Result<()> {
        let labels = labels.to_string();
        for (at, (time, value)) in samples.timestamps.iter().zip(&samples.values).enumerate() {
            let _ = match samples.histogram(at) {
                Some(histogram) => {
                    let histogram = server_promql::value::histogram_text(histogram);
                    writeln!(self.text, "{labels} {histogram} {time}")
                }
                None => writeln!(self.text, "{labels} {} {time}", go_g(*value)),
            };
            self.flush_when_full()?;
        }
        Ok(())
    }

    fn openmetrics(&mut self, labels: &Labels, samples: &SampleColumns) -> std::io::Result<()> {
        let name = labels.metric_name();
        let pairs = labels.without_name();
        let inside: Vec<String> = pairs.iter().map(label_text).collect();
        let series = format!("{name}{{{}}}", inside.join(","));
        for (at, (time, value)) in samples.timestamps.iter().zip(&samples.values).enumerate() {
            if samples.histogram(at).is_some() || is_stale_marker(*value) {
                continue;
            }
            let seconds = *time as f64 / 1000.0;
            let _ = writeln!(self.text, "{series} {} {seconds:.3}", go_g(*value));
            self.flush_when_full()?;
        }
        Ok(())
    }

    fn flush_when_full(&mut self) -> std::io::Result<()> {
        if self.text.len() < BUFFER_BYTES { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}

/// `name="value"`, quoted as in a selector.
fn label_text((name, value): (&str, &str)) -> String {
    let shown = Labels::from_pairs([(name, value)]).to_string();
    let inside = shown.strip_prefix('{').and_then(|shown| shown.strip_suffix('}'));
    inside.unwrap_or_default().to_owned()
}

/// A float as Go's `%g` prints it: with an exponent below 1e-4 and from 1e6 on.
pub(in crate::promtool) fn go_g(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_and_labels_print_as_go_prints_them() {
        for (value, printed) in [
            (123_456.0, "123456"),
            (1_234_567.0, "1.234567e+06"),
            (1e20, "1e+20"),
            (1e-300, "1e-300"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (-0.0, "-0"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(go_g(value), printed);
        }
        assert_eq!(label_text(("a", "{\"}")), r#"a="{\"}""#);
    }
}
