//! The `global` section and the limits that scrape configurations inherit from it.

use std::time::Duration;

use common_model::Labels;

use super::names::{self, EscapingScheme, NameScheme, ScrapeProtocol};
use super::targets::{label_set, labels_out};
use crate::yaml::{FromNode, MapOut, Node, Out, Section, Value};
use crate::{Error, byte_size};

const SCRAPE_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
const SCRAPE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
const EVALUATION_INTERVAL_DEFAULT: Duration = Duration::from_secs(60);

/// The `global` section.
#[derive(Clone, Debug, PartialEq)]
pub struct GlobalConfig {
    /// `scrape_interval`, 1m by default.
    pub scrape_interval: Duration,
    /// `scrape_timeout`, 10s by default, never more than the interval.
    pub scrape_timeout: Duration,
    /// `scrape_protocols`, where they are written.
    pub scrape_protocols: Option<Vec<ScrapeProtocol>>,
    /// `evaluation_interval`, 1m by default.
    pub evaluation_interval: Duration,
    /// `rule_query_offset`.
    pub rule_query_offset: Duration,
    /// `query_log_file`.
    pub query_log_file: String,
    /// `scrape_failure_log_file`.
    pub scrape_failure_log_file: String,
    /// `external_labels`, with environment variables put in.
    pub external_labels: Labels,
    /// What scrape configurations inherit.
    pub limits: Limits,
    /// `metric_name_validation_scheme`.
    pub metric_name_validation_scheme: NameScheme,
    /// `metric_name_escaping_scheme`, where it is written.
    pub metric_name_escaping_scheme: Option<EscapingScheme>,
    /// `scrape_native_histograms`.
    pub scrape_native_histograms: bool,
    /// `convert_classic_histograms_to_nhcb`.
    pub convert_classic_histograms_to_nhcb: bool,
    /// `always_scrape_classic_histograms`.
    pub always_scrape_classic_histograms: bool,
    /// `extra_scrape_metrics`.
    pub extra_scrape_metrics: bool,
}

impl Default for GlobalConfig {
    fn default() -> GlobalConfig {
        GlobalConfig {
            scrape_interval: SCRAPE_INTERVAL_DEFAULT,
            scrape_timeout: SCRAPE_TIMEOUT_DEFAULT,
            scrape_protocols: None,
            evaluation_interval: EVALUATION_INTERVAL_DEFAULT,
            rule_query_offset: Duration::ZERO,
            query_log_file: String::new(),
            scrape_failure_log_file: String::new(),
            external_labels: Labels::empty(),
            limits: Limits::default(),
            metric_name_validation_scheme: NameScheme::Utf8,
            metric_name_escaping_scheme: None,
            scrape_native_histograms: false,
            convert_classic_histograms_to_nhcb: false,
            always_scrape_classic_histograms: false,
            extra_scrape_metrics: false,
        }
    }
}

/// What a scrape may bring; zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// `body_size_limit`: bytes of an uncompressed answer.
    pub body_size: u64,
    /// `sample_limit`: samples of a scrape after relabeling.
    pub samples: u64,
    /// `target_limit`: targets of a job after relabeling.
    pub targets: u64,
    /// `label_limit`: labels of a sample.
    pub labels: u64,
    /// `label_name_length_limit`: bytes.
    pub label_name_length: u64,
    /// `label_value_length_limit`: bytes.
    pub label_value_length: u64,
    /// `keep_dropped_targets`: dropped targets that are remembered per job.
    pub keep_dropped_targets: u64,
}

impl Limits {
    pub(super) fn take(section: &mut Section<'_>) -> Result<Limits, Error> {
        Ok(Limits {
            body_size: section.or("body_size_limit", ByteSize(0))?.0,
            samples: section.or_default("sample_limit")?,
            targets: section.or_default("target_limit")?,
            labels: section.or_default("label_limit")?,
            label_name_length: section.or_default("label_name_length_limit")?,
            label_value_length: section.or_default("label_value_length_limit")?,
            keep_dropped_targets: section.or_default("keep_dropped_targets")?,
        })
    }

    /// These limits, and another's where there is none.
    pub(super) fn or(self, other: Limits) -> Limits {
        let pick = |mine: u64, theirs: u64| if mine == 0 { theirs } else { mine };
        Limits {
            body_size: pick(self.body_size, other.body_size),
            samples: pick(self.samples, other.samples),
            targets: pick(self.targets, other.targets),
            labels: pick(self.labels, other.labels),
            label_name_length: pick(self.label_name_length, other.label_name_length),
            label_value_length: pick(self.label_value_length, other.label_value_length),
            keep_dropped_targets: pick(self.keep_dropped_targets, other.keep_dropped_targets),
        }
    }

    /// The keys up to the label lengths; the last one stands elsewhere in a scrape configuration.
    pub(super) fn render(self, out: &mut MapOut) {
        if self.body_size > 0 {
            out.text("body_size_limit", &byte_size::format(self.body_size));
        }
        out.number("sample_limit", self.samples);
        out.number("target_limit", self.targets);
        out.number("label_limit", self.labels);
        out.number("label_name_length_limit", self.label_name_length);
        out.number("label_value_length_limit", self.label_value_length);
    }
}

/// A size in bytes, read from `15MB`.
#[derive(Clone, Copy, Default)]
pub(super) struct ByteSize(pub(super) u64);

impl FromNode for ByteSize {
    fn from_node(node: &Node) -> Result<ByteSize, Error> {
        let text = String::from_node(node)?;
        let size = byte_size::parse(&text).map_err(|e| Error::at(node.at, e.to_string()))?;
        Ok(ByteSize(size))
    }
}

impl GlobalConfig {
    pub(super) fn read(
        node: &Node,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<GlobalConfig, Error> {
        let default = GlobalConfig::default();
        if node.value == Value::Null {
            return Ok(default);
        }
        let mut section = Section::open(node, "config.GlobalConfig")?;
        let scheme = names::scheme(&mut section)?.unwrap_or_default();
        let external = expand(&label_set(section.take("external_labels"))?, env);
        if let Some((name, _)) = external.iter().find(|(name, _)| !scheme.is_valid_label_name(name))
        {
            let message = format!("{name:?} is not a valid label name");
            return Err(section.complain("external_labels", message));
        }
        let or_default = |span: Duration, default| if span.is_zero() { default } else { span };
        let interval = or_default(section.or_default("scrape_interval")?, default.scrape_interval);
        let timeout: Duration = section.or_default("scrape_timeout")?;
        if timeout > interval {
            let message = "global scrape timeout greater than scrape interval";
            return Err(section.complain("scrape_timeout", message));
        }
        let evaluation = section.or_default("evaluation_interval")?;
        let global = GlobalConfig {
            scrape_interval: interval,
            scrape_timeout: or_default(timeout, default.scrape_timeout.min(interval)),
            scrape_protocols: names::protocols(&mut section, "global config")?,
            evaluation_interval: or_default(evaluation, default.evaluation_interval),
            rule_query_offset: section.or_default("rule_query_offset")?,
            query_log_file: section.or_default("query_log_file")?,
            scrape_failure_log_file: section.or_default("scrape_failure_log_file")?,
            external_labels: external,
            limits: Limits::take(&mut section)?,
            metric_name_validation_scheme: scheme,
            metric_name_escaping_scheme: names::escaping(&mut section, "global")?,
            scrape_native_histograms: section.or_default("scrape_native_histograms")?,
            convert_classic_histograms_to_nhcb: section
                .or_default("convert_classic_histograms_to_nhcb")?,
            always_scrape_classic_histograms: section
                .or_default("always_scrape_classic_histograms")?,
            extra_scrape_metrics: section.or_default("extra_scrape_metrics")?,
        };
        section.finish()?;
        Ok(global)
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        crate::paths::join(dir, &mut self.query_log_file);
        crate::paths::join(dir, &mut self.scrape_failure_log_file);
    }

    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.span("scrape_interval", self.scrape_interval);
        out.span("scrape_timeout", self.scrape_timeout);
        let protocols = match &self.scrape_protocols {
            Some(protocols) => protocols,
            None => ScrapeProtocol::defaults(self.scrape_native_histograms),
        };
        let names: Vec<&str> = protocols.iter().map(|protocol| protocol.name()).collect();
        out.texts("scrape_protocols", &names);
        out.span("evaluation_interval", self.evaluation_interval);
        out.span("rule_query_offset", self.rule_query_offset);
        out.text("query_log_file", &self.query_log_file);
        out.text("scrape_failure_log_file", &self.scrape_failure_log_file);
        out.map("external_labels", labels_out(&self.external_labels));
        self.limits.render(&mut out);
        out.number("keep_dropped_targets", self.limits.keep_dropped_targets);
        out.text("metric_name_validation_scheme", self.metric_name_validation_scheme.name());
        out.text(
            "metric_name_escaping_scheme",
            self.metric_name_escaping_scheme.map_or("", EscapingScheme::name),
        );
        out.put("scrape_native_histograms", Out::Bare(self.scrape_native_histograms.to_string()));
        out.flag_if("convert_classic_histograms_to_nhcb", self.convert_classic_histograms_to_nhcb);
        out.flag_if("always_scrape_classic_histograms", self.always_scrape_classic_histograms);
        out.flag_if("extra_scrape_metrics", self.extra_scrape_metrics);
        out
    }
}

fn expand(labels: &Labels, env: &dyn Fn(&str) -> Option<String>) -> Labels {
    Labels::from_pairs(labels.iter().map(|(name, value)| (name, expand_text(value, env))))
}

/// Puts environment variables in for `$NAME` and `${NAME}`, and one `$` for two, as Go's
/// `os.Expand` does.
fn expand_text(text: &str, env: &dyn Fn(&str) -> Option<String>) -> String {
    let value =
        |name: &str| if name == "$" { "$".to_owned() } else { env(name).unwrap_or_default() };
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(first) = rest.chars().next() else {
            out.push('$');
            break;
        };
        if first == '{' {
            // A brace that is not closed, or holds nothing, is swallowed.
            let end = rest.find('}');
            let name = end.map_or("", |end| &rest[1..end]);
            if !name.is_empty() {
                out.push_str(&value(name));
            }
            rest = end.map_or(&rest[1..], |end| &rest[end + 1..]);
        } else if first.is_ascii_digit() || "*#$@!?-".contains(first) {
            out.push_str(&value(&rest[..1]));
            rest = &rest[1..];
        } else {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if end == 0 {
                out.push('$');
            } else {
                out.push_str(&value(&rest[..end]));
            }
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_variables_stand_in_external_labels() {
        let env = |name: &str| (name == "HOST").then(|| "db1".to_owned());
        let check =
            |text: &str, wanted: &str| assert_eq!(expand_text(text, &env), wanted, "{text}");
        check("plain", "plain");
        check("$HOST", "db1");
        check("a${HOST}b", "a db1b".replace(' ', "").as_str());
        check("$HOST.$OTHER.", "db1..");
        check("$$HOST", "$HOST");
        check("$", "$");
        check("a$ b", "a$ b");
        check("${", "");
        check("${}x", "x");
        check("$1x", "x");
        check("é$HOSTé", "édb1é");
    }
}
