//! Files of unit tests for rules: series to begin with, and what rules and queries then give.

use std::collections::BTreeMap;
use std::time::Duration;

use common_model::TimestampMs;

use crate::yaml::{self, Node, Section};
use crate::{Error, Position};

/// How often rules are evaluated where the file does not say.
const EVALUATION_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);

/// Reads a text as a time; the caller knows how.
pub type ReadTime<'a> = &'a dyn Fn(&str) -> Option<TimestampMs>;

/// A file of unit tests.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitTestFile {
    /// `rule_files`, patterns relative to the file.
    pub rule_files: Vec<String>,
    /// `evaluation_interval`, one minute by default; never zero.
    pub evaluation_interval: Duration,
    /// `group_eval_order`, names of groups, each at most once.
    pub group_eval_order: Vec<String>,
    /// `fuzzy_compare`: neighbouring floats count as equal.
    pub fuzzy_compare: bool,
    /// `tests`.
    pub tests: Vec<TestGroup>,
}

/// Series and what is to come of them.
#[derive(Clone, Debug, PartialEq)]
pub struct TestGroup {
    /// `name`, may be empty.
    pub name: String,
    /// `interval` between samples, the file's evaluation interval by default; never zero.
    pub interval: Duration,
    /// `start_timestamp`, 1970 by default: times of the group count from there.
    pub start: TimestampMs,
    /// `input_series`.
    pub input_series: Vec<InputSeries>,
    /// `alert_rule_test`.
    pub alert_tests: Vec<AlertTest>,
    /// `promql_expr_test`.
    pub expr_tests: Vec<ExprTest>,
    /// `external_labels`, for templates.
    pub external_labels: BTreeMap<String, String>,
    /// `external_url`, for templates.
    pub external_url: String,
}

/// A series as written, not parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSeries {
    /// `series`: name and labels.
    pub series: String,
    /// `values` in series notation.
    pub values: String,
}

/// The alerts that fire at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertTest {
    /// `eval_time` since the start.
    pub eval_time: Duration,
    /// `alertname`, may be missing.
    pub alertname: String,
    /// `exp_alerts`.
    pub expected: Vec<ExpectedAlert>,
}

/// One alert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectedAlert {
    /// `exp_labels`, without the alert's name.
    pub labels: BTreeMap<String, String>,
    /// `exp_annotations`.
    pub annotations: BTreeMap<String, String>,
}

/// What a query gives at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct ExprTest {
    /// `expr`, not parsed.
    pub expr: String,
    /// `eval_time` since the start.
    pub eval_time: Duration,
    /// `exp_samples`.
    pub expected: Vec<ExpectedSample>,
}

/// One sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedSample {
    /// `labels`, not parsed.
    pub labels: String,
    /// `value`.
    pub value: f64,
    /// `histogram` in series notation; empty for a float.
    pub histogram: String,
}

impl UnitTestFile {
    /// Reads a file of unit tests.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, read_time: ReadTime<'_>) -> Result<UnitTestFile, Error> {
        let node = yaml::compose(text)?;
        let mut section = Section::open(&node, "main.unitTestFile")?;
        let interval = section.get::<Duration>("evaluation_interval")?;
        let evaluation_interval = nonzero(interval, EVALUATION_INTERVAL_DEFAULT);
        let file = UnitTestFile {
            rule_files: section.or_default("rule_files")?,
            evaluation_interval,
            group_eval_order: section.or_default("group_eval_order")?,
            fuzzy_compare: section.or_default("fuzzy_compare")?,
            tests: list(section.take("tests"), "[]main.testGroup", |node| {
                test_group(node, evaluation_interval, read_time)
            })?,
        };
        let order_at = section.position_of("group_eval_order");
        section.finish()?;
        for (i, name) in file.group_eval_order.iter().enumerate() {
            if file.group_eval_order[..i].contains(name) {
                let message = format!("group name repeated in evaluation order: {name}");
                return Err(Error::at(order_at, message));
            }
        }
        Ok(file)
    }
}

fn nonzero(interval: Option<Duration>, default: Duration) -> Duration {
    interval.filter(|interval| !interval.is_zero()).unwrap_or(default)
}

/// The elements of a list; nothing is an empty one.
fn list<T>(
    node: Option<&Node>,
    kind: &str,
    read: impl FnMut(&Node) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    node.map_or(Ok(&[][..]), |node| node.elements(kind))?.iter().map(read).collect()
}

fn test_group(
    node: &Node,
    evaluation_interval: Duration,
    read_time: ReadTime<'_>,
) -> Result<TestGroup, Error> {
    let mut section = Section::open(node, "main.testGroup")?;
    let start: String = section.or_default("start_timestamp")?;
    let start_at: Position = section.position_of("start_timestamp");
    let group = TestGroup {
        name: section.or_default("name")?,
        interval: nonzero(section.get("interval")?, evaluation_interval),
        start: if start.is_empty() {
            0
        } else {
            read_time(&start).ok_or_else(|| {
                Error::at(start_at, format!("cannot parse {start:?} to a valid timestamp"))
            })?
        },
        input_series: list(section.take("input_series"), "[]main.series", input_series)?,
        alert_tests: list(section.take("alert_rule_test"), "[]main.alertTestCase", alert_test)?,
        expr_tests: list(section.take("promql_expr_test"), "[]main.promqlTestCase", expr_test)?,
        external_labels: section.or_default("external_labels")?,
        external_url: section.or_default("external_url")?,
    };
    section.finish()?;
    Ok(group)
}

fn input_series(node: &Node) -> Result<InputSeries, Error> {
    let mut section = Section::open(node, "main.series")?;
    let series = InputSeries {
        series: section.or_default("series")?,
        values: section.or_default("values")?,
    };
    section.finish()?;
    Ok(series)
}

fn alert_test(node: &Node) -> Result<AlertTest, Error> {
    let mut section = Section::open(node, "main.alertTestCase")?;
    let test = AlertTest {
        eval_time: section.or_default("eval_time")?,
        alertname: section.or_default("alertname")?,
        expected: list(section.take("exp_alerts"), "[]main.alert", |node| {
            let mut section = Section::open(node, "main.alert")?;
            let alert = ExpectedAlert {
                labels: section.or_default("exp_labels")?,
                annotations: section.or_default("exp_annotations")?,
            };
            section.finish()?;
            Ok(alert)
        })?,
    };
    section.finish()?;
    Ok(test)
}

fn expr_test(node: &Node) -> Result<ExprTest, Error> {
    let mut section = Section::open(node, "main.promqlTestCase")?;
    let test = ExprTest {
        expr: section.or_default("expr")?,
        eval_time: section.or_default("eval_time")?,
        expected: list(section.take("exp_samples"), "[]main.sample", |node| {
            let mut section = Section::open(node, "main.sample")?;
            let sample = ExpectedSample {
                labels: section.or_default("labels")?,
                value: section.or_default("value")?,
                histogram: section.or_default("histogram")?,
            };
            section.finish()?;
            Ok(sample)
        })?,
    };
    section.finish()?;
    Ok(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<UnitTestFile, Error> {
        UnitTestFile::parse(text, &|text| text.parse().ok())
    }

    #[test]
    fn every_key_is_read() {
        let file = parse(
            "rule_files: [a.yml]\nevaluation_interval: 30s\ngroup_eval_order: [b, a]\n\
             fuzzy_compare: true\ntests:\n- name: n\n  interval: 5s\n  start_timestamp: 17\n  \
             input_series: [{series: up, values: 1 2}]\n  external_labels: {a: b}\n  \
             external_url: http://x\n  alert_rule_test:\n  - eval_time: 1m\n    alertname: A\n    \
             exp_alerts: [{exp_labels: {c: d}, exp_annotations: {e: f}}, {}]\n  \
             promql_expr_test:\n  - {expr: up, eval_time: 2m, exp_samples: [{labels: up, value: \
             .inf}, {histogram: '{{}}'}]}\n- {}\n",
        )
        .unwrap();
        assert_eq!(file.rule_files, ["a.yml"]);
        assert_eq!((file.evaluation_interval.as_secs(), file.fuzzy_compare), (30, true));
        assert_eq!(file.group_eval_order, ["b", "a"]);
        let [test, empty] = file.tests.as_slice() else { panic!("two tests") };
        assert_eq!((test.name.as_str(), test.interval.as_secs(), test.start), ("n", 5, 17));
        assert_eq!(test.input_series[0].values, "1 2");
        assert_eq!((test.external_labels["a"].as_str(), &*test.external_url), ("b", "http://x"));
        let alert = &test.alert_tests[0];
        assert_eq!((alert.eval_time.as_secs(), &*alert.alertname), (60, "A"));
        assert_eq!(alert.expected[0].labels["c"], "d");
        assert_eq!(alert.expected[0].annotations["e"], "f");
        assert_eq!(alert.expected[1], ExpectedAlert::default());
        let expr = &test.expr_tests[0];
        assert_eq!((expr.expr.as_str(), expr.eval_time.as_secs()), ("up", 120));
        assert_eq!((&*expr.expected[0].labels, expr.expected[0].value), ("up", f64::INFINITY));
        assert_eq!(expr.expected[1].histogram, "{{}}");
        assert_eq!((empty.interval.as_secs(), empty.start), (30, 0));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(parse(text).unwrap_err().to_string(), wanted, "{text}");
        };
        check("groups: []", "1:1: field groups not found in type main.unitTestFile");
        check("tests: 5", "1:8: cannot unmarshal !!int `5` into []main.testGroup");
        check("tests: [{a: 1}]", "1:10: field a not found in type main.testGroup");
        check("group_eval_order: [a, a]", "1:19: group name repeated in evaluation order: a");
        check("tests: [{start_timestamp: x}]", "1:27: cannot parse \"x\" to a valid timestamp");
        check(
            "tests: [{promql_expr_test: [{exp_samples: [{value: '1'}]}]}]",
            "1:52: value: cannot unmarshal !!str `1` into float64",
        );
    }

    #[test]
    fn an_empty_file_has_no_tests() {
        assert_eq!(parse("").unwrap().tests, []);
    }
}
