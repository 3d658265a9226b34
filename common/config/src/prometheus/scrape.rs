//! One entry of `scrape_configs`, with what it inherits from `global` already in it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::discovery::{self, Discovery};
use super::global::{GlobalConfig, Limits};
use super::names::{self, EscapingScheme, NameScheme, ScrapeProtocol};
use super::relabel::{self, RelabelConfig};
use crate::http::HttpClientConfig;
use crate::yaml::{self, MapOut, Node, Out, Section};
use crate::{Error, Position};

/// One scrape job.
#[derive(Clone, Debug, PartialEq)]
pub struct ScrapeConfig {
    /// `job_name`, unique.
    pub job_name: String,
    /// `honor_labels`: labels of the target win over ours.
    pub honor_labels: bool,
    /// `honor_timestamps`, on by default.
    pub honor_timestamps: bool,
    /// `track_timestamps_staleness`.
    pub track_timestamps_staleness: bool,
    /// `params` of the URL.
    pub params: BTreeMap<String, Vec<String>>,
    /// `scrape_interval`.
    pub scrape_interval: Duration,
    /// `scrape_timeout`, never more than the interval.
    pub scrape_timeout: Duration,
    /// `scrape_protocols`, most wanted first.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// `fallback_scrape_protocol` for answers without a usable content type.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// `scrape_native_histograms`.
    pub scrape_native_histograms: bool,
    /// `always_scrape_classic_histograms`.
    pub always_scrape_classic_histograms: bool,
    /// `convert_classic_histograms_to_nhcb`.
    pub convert_classic_histograms_to_nhcb: bool,
    /// `scrape_failure_log_file`, empty for none.
    pub scrape_failure_log_file: String,
    /// `metrics_path`.
    pub metrics_path: String,
    /// `scheme`.
    pub scheme: String,
    /// `enable_compression`, on by default.
    pub enable_compression: bool,
    /// What a scrape may bring.
    pub limits: Limits,
    /// `native_histogram_bucket_limit`, 0 for none.
    pub native_histogram_bucket_limit: u64,
    /// `native_histogram_min_bucket_factor`, 0 for none.
    pub native_histogram_min_bucket_factor: f64,
    /// `metric_name_validation_scheme`.
    pub metric_name_validation_scheme: NameScheme,
    /// `metric_name_escaping_scheme`.
    pub metric_name_escaping_scheme: EscapingScheme,
    /// `extra_scrape_metrics`.
    pub extra_scrape_metrics: bool,
    /// All `*_sd_configs` and `static_configs`.
    pub discoveries: Vec<Discovery>,
    /// The inline *http client* keys.
    pub http: HttpClientConfig,
    /// `relabel_configs`, for targets.
    pub relabel_configs: Vec<RelabelConfig>,
    /// `metric_relabel_configs`, for samples.
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// Where the entry stands.
    pub position: Position,
}

impl ScrapeConfig {
    pub(super) fn read(node: &Node, global: &GlobalConfig) -> Result<ScrapeConfig, Error> {
        let mut section = Section::open(node, "config.ScrapeConfig")?;
        let job_name: String = section.or_default("job_name")?;
        let whose = format!("scrape config with job name {job_name:?}");
        let (scrape_interval, scrape_timeout) = Self::timing(&mut section, global, &whose)?;
        let native = section.or("scrape_native_histograms", global.scrape_native_histograms)?;
        let protocols = names::protocols(&mut section, &whose)?
            .or_else(|| global.scrape_protocols.clone())
            .unwrap_or_else(|| ScrapeProtocol::defaults(native).to_vec());
        let (scheme, escaping) = Self::naming(&mut section, global)?;
        let relabel_node = section.take("relabel_configs");
        let metric_relabel_node = section.take("metric_relabel_configs");
        let log_file = section.filled("scrape_failure_log_file")?;
        let config = ScrapeConfig {
            honor_labels: section.or_default("honor_labels")?,
            honor_timestamps: section.or("honor_timestamps", true)?,
            track_timestamps_staleness: section.or_default("track_timestamps_staleness")?,
            params: section.or_default("params")?,
            scrape_interval,
            scrape_timeout,
            scrape_protocols: protocols,
            fallback_scrape_protocol: fallback(&mut section, &whose)?,
            scrape_native_histograms: native,
            always_scrape_classic_histograms: section
                .or("always_scrape_classic_histograms", global.always_scrape_classic_histograms)?,
            convert_classic_histograms_to_nhcb: section.or(
                "convert_classic_histograms_to_nhcb",
                global.convert_classic_histograms_to_nhcb,
            )?,
            scrape_failure_log_file: log_file
                .unwrap_or_else(|| global.scrape_failure_log_file.clone()),
            metrics_path: section.or("metrics_path", "/metrics".to_owned())?,
            scheme: section.or("scheme", "http".to_owned())?,
            enable_compression: section.or("enable_compression", true)?,
            limits: Limits::take(&mut section)?.or(global.limits),
            native_histogram_bucket_limit: section.or_default("native_histogram_bucket_limit")?,
            native_histogram_min_bucket_factor: section
                .or_default("native_histogram_min_bucket_factor")?,
            metric_name_validation_scheme: scheme,
            metric_name_escaping_scheme: escaping,
            extra_scrape_metrics: section
                .or("extra_scrape_metrics", global.extra_scrape_metrics)?,
            discoveries: discovery::take(&mut section)?,
            http: HttpClientConfig::take(&mut section, HttpClientConfig::default())?,
            relabel_configs: relabel::list(
                relabel_node,
                "empty or null target relabeling rule in scrape config",
                scheme,
            )?,
            metric_relabel_configs: relabel::list(
                metric_relabel_node,
                "empty or null metric relabeling rule in scrape config",
                scheme,
            )?,
            position: section.at(),
            job_name,
        };
        if config.job_name.is_empty() {
            return Err(section.complain("job_name", "job_name is empty"));
        }
        section.finish()?;
        if config.relabel_configs.is_empty() {
            discovery::check_addresses(&config.discoveries)?;
        }
        Ok(config)
    }

    fn timing(
        section: &mut Section<'_>,
        global: &GlobalConfig,
        whose: &str,
    ) -> Result<(Duration, Duration), Error> {
        let or = |span: Duration, default| if span.is_zero() { default } else { span };
        let interval = or(section.or_default("scrape_interval")?, global.scrape_interval);
        let timeout: Duration = section.or_default("scrape_timeout")?;
        if timeout > interval {
            let message = format!("scrape timeout greater than scrape interval for {whose}");
            return Err(section.complain("scrape_timeout", message));
        }
        Ok((interval, or(timeout, global.scrape_timeout.min(interval))))
    }

    fn naming(
        section: &mut Section<'_>,
        global: &GlobalConfig,
    ) -> Result<(NameScheme, EscapingScheme), Error> {
        let global_scheme = global.metric_name_validation_scheme;
        let written = names::scheme(section)?;
        let scheme = written.unwrap_or(global_scheme);
        let inherited = match written {
            None => global
                .metric_name_escaping_scheme
                .unwrap_or_else(|| EscapingScheme::for_scheme(global_scheme)),
            Some(scheme) => EscapingScheme::for_scheme(scheme),
        };
        let escaping = names::escaping(section, "scrape config")?.unwrap_or(inherited);
        if escaping == EscapingScheme::AllowUtf8 && scheme == NameScheme::Legacy {
            let message = "utf8 metric names requested but validation scheme is not set to UTF8";
            return Err(section.complain("metric_name_escaping_scheme", message));
        }
        Ok((scheme, escaping))
    }

    pub(super) fn set_directory(&mut self, dir: &str) {
        self.discoveries.iter_mut().for_each(|discovery| discovery.set_directory(dir));
        self.http.set_directory(dir);
        crate::paths::join(dir, &mut self.scrape_failure_log_file);
    }

    /// The job as YAML, secrets hidden: what `/api/v1/scrape_pools/config` shows.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        match self.render() {
            Out::Map(map) => yaml::write(&map),
            // A job is a map.
            _ => String::new(),
        }
    }

    pub(super) fn render(&self) -> Out {
        let mut out = MapOut::default();
        out.put("job_name", Out::Text(self.job_name.clone()));
        out.flag_if("honor_labels", self.honor_labels);
        out.flag("honor_timestamps", self.honor_timestamps);
        out.flag("track_timestamps_staleness", self.track_timestamps_staleness);
        let params = self.params.iter().map(|(name, values)| {
            (name.clone(), Out::List(values.iter().cloned().map(Out::Text).collect()))
        });
        out.map("params", MapOut(params.collect()));
        out.span("scrape_interval", self.scrape_interval);
        out.span("scrape_timeout", self.scrape_timeout);
        let names: Vec<&str> = self.scrape_protocols.iter().map(|p| p.name()).collect();
        out.texts("scrape_protocols", &names);
        let fallback = self.fallback_scrape_protocol.map_or("", ScrapeProtocol::name);
        out.text("fallback_scrape_protocol", fallback);
        out.flag("scrape_native_histograms", self.scrape_native_histograms);
        out.flag("always_scrape_classic_histograms", self.always_scrape_classic_histograms);
        out.flag("convert_classic_histograms_to_nhcb", self.convert_classic_histograms_to_nhcb);
        out.text("scrape_failure_log_file", &self.scrape_failure_log_file);
        out.text("metrics_path", &self.metrics_path);
        out.text("scheme", &self.scheme);
        out.flag("enable_compression", self.enable_compression);
        self.limits.render(&mut out);
        out.number("native_histogram_bucket_limit", self.native_histogram_bucket_limit);
        let factor = self.native_histogram_min_bucket_factor;
        out.float("native_histogram_min_bucket_factor", factor);
        out.number("keep_dropped_targets", self.limits.keep_dropped_targets);
        out.text("metric_name_validation_scheme", self.metric_name_validation_scheme.name());
        out.text("metric_name_escaping_scheme", self.metric_name_escaping_scheme.name());
        out.flag("extra_scrape_metrics", self.extra_scrape_metrics);
        out.inline(self.http.render());
        out.list("relabel_configs", relabel::render(&self.relabel_configs));
        out.list("metric_relabel_configs", relabel::render(&self.metric_relabel_configs));
        discovery::render(&self.discoveries, &mut out);
        Out::Map(out)
    }
}

fn fallback(section: &mut Section<'_>, whose: &str) -> Result<Option<ScrapeProtocol>, Error> {
    let key = "fallback_scrape_protocol";
    let Some(name) = section.filled(key)? else {
        return Ok(None);
    };
    ScrapeProtocol::parse(&name)
        .map(Some)
        .map_err(|message| section.complain(key, format!("invalid {key} for {whose}: {message}")))
}
