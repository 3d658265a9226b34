//! One test: its series stored step by step, the rules evaluated at each, alerts and queries seen.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common_config::unit_test::{AlertTest, TestGroup, UnitTestFile};
use common_instrument::Registry;
use common_model::{Labels, format_float_fixed, is_stale_marker};
use server_promql::engine::{Engine, EngineOptions, QueryOptions, SubqueryStep};
use server_promql::parser;
use server_promql::promqltest::{LazyLoader, histogram_text};
use server_promql::value::Value;
use server_rules::{
    Evaluator, Group, GroupSettings, ManagerOptions, QUERY_TIMEOUT_DEFAULT, Timing,
};

use super::{Options, alerts, millis, samples};
use crate::commands::print;
use crate::server::read;

/// Most evaluations of one test: a year of seconds.
const EVALUATIONS_MAX: i64 = 366 * 86_400;

/// Runs a test; what failed.
pub(super) fn run(
    test: &TestGroup,
    file: &UnitTestFile,
    rule_files: &[String],
    options: &Options,
) -> Vec<String> {
    match Running::new(test, file, rule_files, options) {
        Ok(mut running) => running.run(),
        Err(errors) => errors,
    }
}

/// A test on its way.
struct Running<'a> {
    test: &'a TestGroup,
    options: &'a Options,
    fuzzy: bool,
    /// Between evaluations, in milliseconds.
    interval_ms: i64,
    loader: LazyLoader,
    engine: Engine,
    evaluator: Evaluator,
    groups: Vec<Group>,
}

impl<'a> Running<'a> {
    fn new(
        test: &'a TestGroup,
        file: &UnitTestFile,
        rule_files: &[String],
        options: &'a Options,
    ) -> Result<Running<'a>, Vec<String>> {
        let lines: String = test
            .input_series
            .iter()
            .map(|one| format!("{} {}\n", one.series, one.values))
            .collect();
        let loader = LazyLoader::new(&lines, test.start, millis(test.interval).max(1))
            .map_err(|error| vec![error])?;
        let interval_ms = millis(file.evaluation_interval).max(1);
        let engine = Engine::new(EngineOptions {
            subquery_step: SubqueryStep::new(interval_ms),
            ..options.engine.clone()
        });
        let evaluator = evaluator(test, &loader, &engine, options);
        let mut groups = load_groups(test, rule_files, options, &evaluator)?;
        // Groups that the order does not name come with its first one, as upstream has it.
        groups.sort_by_key(|group| {
            file.group_eval_order.iter().position(|name| *name == group.spec().name).unwrap_or(0)
        });
        Ok(Running {
            test,
            options,
            fuzzy: file.fuzzy_compare,
            interval_ms,
            loader,
            engine,
            evaluator,
            groups,
        })
    }

    fn run(&mut self) -> Vec<String> {
        if let Some(error) = self.test.alert_tests.iter().find_map(|a| without_name(a, self.test)) {
            return vec![error];
        }
        let mut failures = Vec::new();
        if !self.evaluate(&mut failures) {
            return failures;
        }
        for one in &self.test.expr_tests {
            let time = self.test.start.saturating_add(millis(one.eval_time));
            let got = self.query(&one.expr, time).and_then(samples::vector);
            failures.extend(samples::check(one, got, self.fuzzy));
        }
        if self.options.debug {
            self.dump();
        }
        failures
    }

    /// Evaluates the rules up to the last time that is asked for, and compares the alerts; false
    /// where a rule failed.
    fn evaluate(&mut self, failures: &mut Vec<String>) -> bool {
        let by_time = self.alert_tests_by_time();
        let end = millis(self.last_time());
        if end / self.interval_ms > EVALUATIONS_MAX {
            failures.push(format!("more than {EVALUATIONS_MAX} evaluations"));
            return false;
        }
        let mut since_start = 0;
        while since_start <= end {
            let time = self.test.start.saturating_add(since_start);
            if let Err(error) = self.loader.load_till(time) {
                failures.push(error);
            } else if !self.evaluate_rules(time, since_start, failures) {
                return false;
            }
            // What is asked for between two evaluations is what the first of them gave.
            let next = since_start.saturating_add(self.interval_ms);
            for tests in by_time.range(since_start..next).map(|(_, tests)| tests) {
                for test in tests {
                    let name = &self.test.name;
                    failures.extend(alerts::check(name, test, &self.groups, self.options.diff));
                }
            }
            since_start = next;
        }
        true
    }

    /// Evaluates the rules once; false where one failed.
    fn evaluate_rules(&mut self, time: i64, since_start: i64, failures: &mut Vec<String>) -> bool {
        let mut all_well = true;
        for group in &mut self.groups {
            group.evaluate(time, &self.evaluator);
            for rule in group.status().rules.iter().filter(|rule| !rule.last_error.is_empty()) {
                all_well = false;
                let time = go_duration(since_start);
                failures.push(format!(
                    "    rule: {}, time: {time}, err: {}",
                    rule.name, rule.last_error
                ));
            }
        }
        all_well
    }

    fn alert_tests_by_time(&self) -> BTreeMap<i64, Vec<&'a AlertTest>> {
        let mut by_time: BTreeMap<i64, Vec<&AlertTest>> = BTreeMap::new();
        for test in &self.test.alert_tests {
            by_time.entry(millis(test.eval_time)).or_default().push(test);
        }
        by_time
    }

    fn last_time(&self) -> Duration {
        let alerts = self.test.alert_tests.iter().map(|test| test.eval_time);
        let exprs = self.test.expr_tests.iter().map(|test| test.eval_time);
        alerts.chain(exprs).max().unwrap_or_default()
    }

    fn query(&self, text: &str, time: i64) -> Result<Value, String> {
        let expr =
            parser::parse(text, &self.options.load.parser).map_err(|error| error.to_string())?;
        let options = QueryOptions { query: text, ..QueryOptions::default() };
        let output = self.engine.instant(self.loader.store(), &expr, time, &options);
        output.map(|output| output.value).map_err(|error| error.to_string())
    }

    /// Shows everything in the store.
    fn dump(&self) {
        // Up to the next whole second.
        let until = millis(self.last_time()).saturating_add(1000) / 1000 * 1000;
        let shown = go_duration(until);
        let expr = format!("{{__name__=~\".+\"}}[{shown}]");
        match self.query(&expr, self.test.start.saturating_add(until)) {
            Ok(Value::Matrix(mut series)) => {
                series.sort_by(|a, b| a.labels.cmp(&b.labels));
                print(&format!(
                    "DEBUG: Dump of all data (input_series and rules) at {shown}:\n{}\n",
                    series.iter().map(series_text).collect::<Vec<String>>().join("\n")
                ));
            }
            Ok(other) => print(&format!("DEBUG: Got unexpected type {}\n", other.type_name())),
            Err(error) => {
                print(&format!("DEBUG: Failed querying, expr: {expr:?}, err: {error}\n"));
            }
        }
    }
}

/// The complaint about a test of an alert that is not named.
fn without_name(alert: &AlertTest, test: &TestGroup) -> Option<String> {
    let time = common_config::duration::format(alert.eval_time);
    let of =
        if test.name.is_empty() { String::new() } else { format!(" (in TestGroup {})", test.name) };
    alert.alertname.is_empty().then(|| {
        format!(
            "an item under alert_rule_test misses required attribute alertname at eval_time \
             {time}{of}"
        )
    })
}

fn evaluator(
    test: &TestGroup,
    loader: &LazyLoader,
    engine: &Engine,
    options: &Options,
) -> Evaluator {
    let start = test.start;
    let store = Arc::new(loader.store().clone());
    let options = ManagerOptions {
        engine: engine.clone(),
        storage: store.clone(),
        appendable: store,
        notify: Arc::new(|_| {}),
        // Time stands still: nothing in a test depends on how long it takes.
        now: Arc::new(move || start),
        external_url: test.external_url.clone(),
        parser: options.load.parser.clone(),
        query_timeout: QUERY_TIMEOUT_DEFAULT,
        timing: Timing::default(),
    };
    Evaluator::new(options, &Registry::new())
}

/// The groups of the rule files in their order; what is wrong with the first bad file.
fn load_groups(
    test: &TestGroup,
    rule_files: &[String],
    options: &Options,
    evaluator: &Evaluator,
) -> Result<Vec<Group>, Vec<String>> {
    let external_labels = Labels::from_pairs(&test.external_labels);
    let (mut groups, mut seen) = (Vec::new(), HashSet::new());
    for file in rule_files.iter().filter(|file| seen.insert(*file)) {
        let text = read(Path::new(file)).map_err(|error| vec![format!("{file}: {error}")])?;
        let specs = server_rules::load(&text, file, &options.load).map_err(|complaints| {
            let shown = complaints.into_iter().map(|complaint| match complaint.position {
                Some(at) => format!("{file}: {}:{}: {}", at.line, at.column, complaint.message),
                None => format!("{file}: {}", complaint.message),
            });
            shown.collect::<Vec<String>>()
        })?;
        for spec in specs {
            let settings = GroupSettings {
                interval: spec.interval.unwrap_or(test.interval),
                query_offset: spec.query_offset.unwrap_or_default(),
                external_labels: external_labels.clone(),
            };
            groups.push(Group::new(spec, settings, evaluator, true));
        }
    }
    Ok(groups)
}

fn series_text(series: &server_promql::value::Series) -> String {
    let points = &series.points;
    let mut floats = String::new();
    let mut histograms = String::new();
    for at in 0..points.len() {
        let time = points.timestamps[at];
        match points.histogram(at) {
            Some(histogram) => {
                histograms.push_str(&format!("\n{} @[{time}]", histogram_text(histogram)));
            }
            None if is_stale_marker(points.values[at]) => {}
            None => {
                let value = format_float_fixed(points.values[at]);
                floats.push_str(&format!("\n{value} @[{time}]"));
            }
        }
    }
    format!("{} =>{floats}{histograms}", series.labels)
}

/// Milliseconds as Go writes durations: `0s`, `1.5s`, `1h0m0s`.
fn go_duration(ms: i64) -> String {
    if ms != 0 && ms.abs() < 1000 {
        return format!("{ms}ms");
    }
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    let seconds = (ms % 60_000) as f64 / 1000.0;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_look_as_go_writes_them() {
        for (ms, wanted) in [
            (0, "0s"),
            (5, "5ms"),
            (1500, "1.5s"),
            (60_000, "1m0s"),
            (61_001, "1m1.001s"),
            (3_600_000, "1h0m0s"),
            (86_400_000, "24h0m0s"),
        ] {
            assert_eq!(go_duration(ms), wanted);
        }
    }
}
