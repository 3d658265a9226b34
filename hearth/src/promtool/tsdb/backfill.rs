//! `tsdb create-blocks-from rules`: what recording rules would have written, had they been there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use common_client::HeaderMap;
use common_model::{Labels, format_float_fixed, parse_float};
use common_service::flags::Matches;
use jiff::Timestamp;
use serde_json::Value;
use server_rules::{GroupSpec, LoadOptions, RuleKind, RuleSpec};
use server_tsdb::block::ChunkCutter;

use super::import::block_ms;
use super::{fail, write};
use crate::commands::complain;
use crate::promtool::api::Api;
use crate::promtool::parser_options;
use crate::promtool::query::{now_s, time};
use crate::server::read;

/// Without `--end` the last hours are left to the server, whose head holds them.
const END_DEFAULT_S: f64 = 3.0 * 3600.0;

/// What is asked for.
struct Backfill<'a> {
    api: Api,
    /// Whole seconds.
    start_s: i64,
    end_s: i64,
    /// Of groups that have no interval.
    interval: Duration,
    block_ms: i64,
    out: &'a Path,
}

/// `tsdb create-blocks-from rules`
pub(in crate::promtool) fn rules(matches: &Matches) -> ExitCode {
    match run(matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn run(matches: &Matches) -> Result<(), String> {
    let start = time(matches, "start", "start time")?.unwrap_or_default();
    let end = time(matches, "end", "end time")?.unwrap_or_else(|| now_s() - END_DEFAULT_S);
    if start >= end {
        return Err("start time is not before end time".to_owned());
    }
    let longest = matches.duration("max-block-duration").as_millis();
    let backfill = Backfill {
        api: Api::new(matches, matches.str("url"))?,
        start_s: start.floor() as i64,
        end_s: end.floor() as i64,
        interval: matches.duration("eval-interval"),
        block_ms: block_ms(i64::try_from(longest).unwrap_or(i64::MAX)),
        out: Path::new(matches.str("output-dir")),
    };
    let (from, to) = (rfc822(backfill.start_s), rfc822(backfill.end_s));
    log("INFO", "new rule importer", &[("start", &from), ("end", &to)]);
    let options = LoadOptions { parser: parser_options(matches), ..LoadOptions::default() };
    let mut groups = Vec::new();
    for file in matches.args("rule-files") {
        let loaded = read(Path::new(file))
            .and_then(|text| server_rules::load(&text, file, &options).map_err(first));
        groups.extend(loaded.map_err(|error| format!("rule importer parse error: {error}"))?);
    }
    let mut failures = Vec::new();
    for group in &groups {
        log("INFO", "processing group", &[("name", &format!("{};{}", group.file, group.name))]);
        for (id, rule) in group.rules.iter().enumerate() {
            if rule.kind != RuleKind::Record {
                continue;
            }
            log("INFO", "processing rule", &[("id", &id.to_string()), ("name", &rule.name)]);
            failures.extend(backfill.rule(group, rule).err());
        }
    }
    for failure in &failures {
        complain(&format!("rule importer error: {failure}\n"));
    }
    if failures.is_empty() { Ok(()) } else { Err("error importing rules".to_owned()) }
}

fn first(complaints: Vec<server_rules::Complaint>) -> String {
    complaints.first().map(ToString::to_string).unwrap_or_default()
}

impl Backfill<'_> {
    /// Writes the blocks of a rule, one for each span of time in which it has results.
    fn rule(&self, group: &GroupSpec, rule: &RuleSpec) -> Result<(), String> {
        let interval = group.interval.unwrap_or(self.interval);
        let step_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let span_s = self.block_ms / 1000;
        let mut begin_s = self.start_s.div_euclid(span_s).saturating_mul(span_s);
        while begin_s <= self.end_s {
            let from_s = begin_s.max(self.start_s);
            let to_s = begin_s.saturating_add(span_s - 1).min(self.end_s);
            let mut first_ms = group.slot(from_s.saturating_mul(1000), interval);
            // A server's clock starts groups in fractions of a second; the original looks at whole
            // ones.
            while first_ms.div_euclid(1000) < from_s {
                first_ms = first_ms.saturating_add(step_ms);
            }
            if to_s.saturating_mul(1000) < first_ms {
                break;
            }
            let series = self.results(rule, first_ms, to_s, step_ms)?;
            let cut = series.iter().map(|(labels, samples)| {
                let mut cutter = ChunkCutter::new(self.block_ms);
                for (time, value) in samples {
                    cutter.push(*time, *value);
                }
                (labels, cutter)
            });
            if !series.is_empty() {
                let dir = self.out;
                std::fs::create_dir_all(dir)
                    .map_err(|error| format!("new block writer: {error}"))?;
                write::block(dir, cut).map_err(|error| format!("flush and commit: {error}"))?;
            }
            let Some(next) = begin_s.checked_add(span_s) else { break };
            begin_s = next;
        }
        Ok(())
    }

    /// What the rule would have written in a span of time.
    fn results(
        &self,
        rule: &RuleSpec,
        from_ms: i64,
        to_s: i64,
        step_ms: i64,
    ) -> Result<Results, String> {
        let seconds = |ms: i64| format_float_fixed(ms as f64 / 1000.0);
        let form = vec![
            ("query", rule.query.clone()),
            ("start", seconds(from_ms)),
            ("end", to_s.to_string()),
            ("step", seconds(step_ms)),
        ];
        let answer = self
            .api
            .post("query_range", &form, HeaderMap::new())
            .map_err(|error| format!("query range: {error}"))?;
        if !answer.warnings.is_empty() {
            let warnings = format!("[{}]", answer.warnings.join(" "));
            log("WARN", "Range query returned warnings.", &[("warnings", &warnings)]);
        }
        let kind = answer.data["resultType"].as_str().unwrap_or_default();
        if kind != "matrix" {
            return Err(format!("rule result is wrong type {kind}"));
        }
        collect(rule, &answer.data["result"])
    }
}

/// Samples of series by time.
type Results = BTreeMap<Labels, BTreeMap<i64, f64>>;

/// The series of a matrix under the labels that the rule gives them.
fn collect(rule: &RuleSpec, result: &Value) -> Result<Results, String> {
    let mut results = Results::new();
    let mut histograms = 0;
    for one in result.as_array().into_iter().flatten() {
        let mut labels = Labels::default().to_builder();
        for (name, value) in one["metric"].as_object().into_iter().flatten() {
            labels.set(name, value.as_str().unwrap_or_default());
        }
        for (name, value) in &rule.labels {
            labels.set(name, value);
        }
        labels.set("__name__", &rule.name);
        let labels = labels.build();
        histograms += one["histograms"].as_array().map_or(0, Vec::len);
        for pair in one["values"].as_array().into_iter().flatten() {
            let time = pair[0].as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
            let value = pair[1].as_str().and_then(parse_float);
            let (Some(time), Some(value)) = (time, value) else {
                return Err(format!("query range: expected a sample, found {pair}"));
            };
            let samples = results.entry(labels.clone()).or_default();
            if samples.insert(time, value).is_some() {
                return Err(format!("add: two results at {time} with the labels {labels}"));
            }
        }
    }
    if histograms > 0 {
        // The API shows buckets by their bounds, which is not what is stored.
        let count = histograms.to_string();
        log("WARN", "Native histograms are left out.", &[("samples", &count)]);
    }
    Ok(results)
}

/// A line on stderr as the original's logger writes it.
fn log(level: &str, msg: &str, pairs: &[(&str, &str)]) {
    let now = Timestamp::from_millisecond((now_s() * 1000.0) as i64).unwrap_or_default();
    let quoted = |text: &str| {
        let is_plain = !text.is_empty() && !text.contains([' ', '"', '=', '\\', '\n']);
        if is_plain { text.to_owned() } else { format!("{text:?}") }
    };
    let mut line = format!(
        "time={} level={level} msg={} component=backfiller",
        now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
        quoted(msg)
    );
    for (name, value) in pairs {
        line.push_str(&format!(" {name}={}", quoted(value)));
    }
    line.push('\n');
    complain(&line);
}

fn rfc822(time_s: i64) -> String {
    let time = Timestamp::from_second(time_s);
    time.map_or_else(|_| time_s.to_string(), |t| t.strftime("%d %b %y %H:%M UTC").to_string())
}
