//! The sections `storage`, `tracing`, `otlp` and `runtime`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::global::ByteSize;
use super::names::NameScheme;
use super::remote::check_headers;
use crate::http::TlsConfig;
use crate::yaml::{FromNode, MapOut, Node, Out, Section};
use crate::{Error, byte_size};

/// Exemplars that are kept by default.
const EXEMPLARS_DEFAULT: i64 = 100_000;

/// The `storage` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StorageConfig {
    /// `tsdb`, where it is written.
    pub tsdb: Option<TsdbConfig>,
    /// `exemplars.max_exemplars`, where it is written; zero or less turns exemplars off.
    pub max_exemplars: Option<i64>,
}

/// How floats are stored in chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatEncoding {
    /// `xor`
    #[default]
    Xor,
    /// `xor2`
    Xor2,
}

/// The `storage.tsdb` section.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TsdbConfig {
    /// `out_of_order_time_window`.
    pub out_of_order_time_window: Duration,
    /// `retention`, where it is written; it wins over the flags.
    pub retention: Option<Retention>,
    /// `stale_series_compaction_threshold`, where it is written: a share of all series.
    pub stale_series_compaction_threshold: Option<f64>,
    /// `chunk_encoding.floats`, where it is written.
    pub chunk_encoding_floats: Option<FloatEncoding>,
}

/// The `storage.tsdb.retention` section; what is zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Retention {
    /// `time`.
    pub time: Duration,
    /// `size` in bytes.
    pub size: u64,
    /// `percentage` of the disk.
    pub percentage: f64,
}

impl FromNode for StorageConfig {
    fn from_node(node: &Node) -> Result<StorageConfig, Error> {
        let mut section = Section::open(node, "config.StorageConfig")?;
        let tsdb = section.get("tsdb")?;
        let max_exemplars = match section.take("exemplars").filter(|node| !node.is_null()) {
            None => None,
            Some(node) => {
                let mut inner = Section::open(node, "config.ExemplarsConfig")?;
                let count = inner.or_default("max_exemplars")?;
                inner.finish()?;
                Some(count)
            }
        };
        section.finish()?;
        Ok(StorageConfig { tsdb, max_exemplars })
    }
}

impl FromNode for TsdbConfig {
    fn from_node(node: &Node) -> Result<TsdbConfig, Error> {
        let mut section = Section::open(node, "config.TSDBConfig")?;
        // What a shown configuration holds is accepted again; the other key decides.
        let _: Option<i64> = section.get("outofordertimewindow")?;
        let tsdb = TsdbConfig {
            out_of_order_time_window: section.or_default("out_of_order_time_window")?,
            retention: section.get("retention")?,
            stale_series_compaction_threshold: section.get("stale_series_compaction_threshold")?,
            chunk_encoding_floats: chunk_encoding(section.take("chunk_encoding"))?,
        };
        section.finish()?;
        Ok(tsdb)
    }
}

fn chunk_encoding(node: Option<&Node>) -> Result<Option<FloatEncoding>, Error> {
    let Some(node) = node else {
        return Ok(None);
    };
    let mut section = Section::open(node, "config.TSDBChunkEncodingConfig")?;
    let encoding = match section.filled("floats")?.as_deref() {
        None => None,
        Some("xor") => Some(FloatEncoding::Xor),
        Some("xor2") => Some(FloatEncoding::Xor2),
        Some(other) => {
            let message =
                format!("unsupported chunk encoding for floats {other:?}, must be 'xor' or 'xor2'");
            return Err(section.complain("floats", message));
        }
    };
    section.finish()?;
    Ok(encoding)
}

impl FromNode for Retention {
    fn from_node(node: &Node) -> Result<Retention, Error> {
        let mut section = Section::open(node, "config.TSDBRetentionConfig")?;
        let retention = Retention {
            time: section.or_default("time")?,
            size: section.or("size", ByteSize(0))?.0,
            percentage: section.or_default("percentage")?,
        };
        if !(0.0..=100.0).contains(&retention.percentage) {
            let message = format!(
                "'storage.tsdb.retention.percentage' must be in the range [0, 100], got {}",
                retention.percentage
            );
            return Err(section.complain("percentage", message));
        }
        section.finish()?;
        Ok(retention)
    }
}

impl StorageConfig {
    /// Exemplars to keep.
    #[must_use]
    pub fn exemplars(&self) -> i64 {
        self.max_exemplars.unwrap_or(EXEMPLARS_DEFAULT)
    }

    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        if let Some(tsdb) = &self.tsdb {
            let mut map = MapOut::default();
            // Upstream shows its own field, in milliseconds, beside the key it was written with.
            let window = tsdb.out_of_order_time_window;
            map.put("outofordertimewindow", Out::Bare(window.as_millis().to_string()));
            map.span("out_of_order_time_window", window);
            let threshold = tsdb.stale_series_compaction_threshold;
            map.float("stale_series_compaction_threshold", threshold.unwrap_or_default());
            if let Some(retention) = &tsdb.retention {
                let mut inner = MapOut::default();
                inner.span("time", retention.time);
                if retention.size > 0 {
                    inner.text("size", &byte_size::format(retention.size));
                }
                inner.float("percentage", retention.percentage);
                map.put("retention", Out::Map(inner));
            }
            if let Some(encoding) = tsdb.chunk_encoding_floats {
                let mut inner = MapOut::default();
                let name = if encoding == FloatEncoding::Xor { "xor" } else { "xor2" };
                inner.text("floats", name);
                map.put("chunk_encoding", Out::Map(inner));
            }
            out.put("tsdb", Out::Map(map));
        }
        if let Some(count) = self.max_exemplars {
            let mut map = MapOut::default();
            map.number("max_exemplars", count);
            out.put("exemplars", Out::Map(map));
        }
        out
    }
}

/// The `tracing` section; this program sends no traces, but the section is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct TracingConfig {
    /// `client_type`: `grpc` or `http`.
    pub client_type: String,
    /// `endpoint`.
    pub endpoint: String,
    /// `sampling_fraction`.
    pub sampling_fraction: f64,
    /// `insecure`.
    pub insecure: bool,
    /// `tls_config`.
    pub tls_config: TlsConfig,
    /// `headers`.
    pub headers: BTreeMap<String, String>,
    /// `compression`: `gzip` or empty.
    pub compression: String,
    /// `timeout`.
    pub timeout: Duration,
}

impl FromNode for TracingConfig {
    fn from_node(node: &Node) -> Result<TracingConfig, Error> {
        let mut section = Section::open(node, "config.TracingConfig")?;
        let tracing = TracingConfig {
            client_type: section.or("client_type", "grpc".to_owned())?,
            endpoint: section.or_default("endpoint")?,
            sampling_fraction: section.or_default("sampling_fraction")?,
            insecure: section.or_default("insecure")?,
            tls_config: section.or_default("tls_config")?,
            headers: section.or_default("headers")?,
            compression: section.or_default("compression")?,
            timeout: section.or_default("timeout")?,
        };
        if !matches!(tracing.client_type.as_str(), "grpc" | "http") {
            let kind = &tracing.client_type;
            let message =
                format!("expected tracing client type to be to be http or grpc, but got {kind}");
            return Err(section.complain("client_type", message));
        }
        let refused = "custom authorization header configuration is not yet supported";
        check_headers(&tracing.headers, refused)
            .map_err(|message| section.complain("headers", message))?;
        if tracing.endpoint.is_empty() {
            return Err(Error::at(node.at, "tracing endpoint must be set"));
        }
        if !matches!(tracing.compression.as_str(), "" | "gzip") {
            let message = format!(
                "invalid compression type {} provided, valid options: gzip",
                tracing.compression
            );
            return Err(section.complain("compression", message));
        }
        section.finish()?;
        Ok(tracing)
    }
}

impl TracingConfig {
    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.text("client_type", &self.client_type).text("endpoint", &self.endpoint);
        out.float("sampling_fraction", self.sampling_fraction);
        out.flag_if("insecure", self.insecure);
        if self.tls_config != TlsConfig::default() {
            out.map("tls_config", self.tls_config.render());
        }
        out.text_map("headers", &self.headers);
        out.text("compression", &self.compression).span("timeout", self.timeout);
        out
    }
}

/// How OpenTelemetry names become Prometheus names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtlpTranslation {
    /// `UnderscoreEscapingWithSuffixes`
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// `UnderscoreEscapingWithoutSuffixes`
    UnderscoreEscapingWithoutSuffixes,
    /// `NoUTF8EscapingWithSuffixes`
    NoUtf8EscapingWithSuffixes,
    /// `NoTranslation`
    NoTranslation,
}

impl OtlpTranslation {
    const ALL: [(OtlpTranslation, &'static str); 4] = [
        (OtlpTranslation::UnderscoreEscapingWithSuffixes, "UnderscoreEscapingWithSuffixes"),
        (OtlpTranslation::UnderscoreEscapingWithoutSuffixes, "UnderscoreEscapingWithoutSuffixes"),
        (OtlpTranslation::NoUtf8EscapingWithSuffixes, "NoUTF8EscapingWithSuffixes"),
        (OtlpTranslation::NoTranslation, "NoTranslation"),
    ];

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }
}

/// The `otlp` section.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpConfig {
    /// `promote_all_resource_attributes`.
    pub promote_all_resource_attributes: bool,
    /// `promote_resource_attributes`.
    pub promote_resource_attributes: Vec<String>,
    /// `ignore_resource_attributes`.
    pub ignore_resource_attributes: Vec<String>,
    /// `translation_strategy`.
    pub translation_strategy: OtlpTranslation,
    /// `keep_identifying_resource_attributes`.
    pub keep_identifying_resource_attributes: bool,
    /// `convert_histograms_to_nhcb`.
    pub convert_histograms_to_nhcb: bool,
    /// `promote_scope_metadata`.
    pub promote_scope_metadata: bool,
    /// `label_name_underscore_sanitization`, on by default.
    pub label_name_underscore_sanitization: bool,
    /// `label_name_preserve_multiple_underscores`, on by default.
    pub label_name_preserve_multiple_underscores: bool,
}

impl Default for OtlpConfig {
    fn default() -> OtlpConfig {
        OtlpConfig {
            promote_all_resource_attributes: false,
            promote_resource_attributes: Vec::new(),
            ignore_resource_attributes: Vec::new(),
            translation_strategy: OtlpTranslation::default(),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}

impl OtlpConfig {
    pub(super) fn read(node: &Node, scheme: NameScheme) -> Result<OtlpConfig, Error> {
        let mut section = Section::open(node, "config.OTLPConfig")?;
        let all = section.or_default("promote_all_resource_attributes")?;
        let promoted: Vec<String> = section.or_default("promote_resource_attributes")?;
        let ignored: Vec<String> = section.or_default("ignore_resource_attributes")?;
        if all && !promoted.is_empty() {
            let message = "'promote_all_resource_attributes' and 'promote_resource_attributes' \
                           cannot be configured simultaneously";
            return Err(section.complain("promote_resource_attributes", message));
        }
        if !all && !ignored.is_empty() {
            let message = "'ignore_resource_attributes' cannot be configured unless \
                           'promote_all_resource_attributes' is true";
            return Err(section.complain("ignore_resource_attributes", message));
        }
        let config = OtlpConfig {
            promote_all_resource_attributes: all,
            promote_resource_attributes: attributes(&section, promoted, "promote", "promoted")?,
            ignore_resource_attributes: attributes(&section, ignored, "ignore", "ignored")?,
            translation_strategy: translation(&mut section, scheme)?,
            keep_identifying_resource_attributes: section
                .or_default("keep_identifying_resource_attributes")?,
            convert_histograms_to_nhcb: section.or_default("convert_histograms_to_nhcb")?,
            promote_scope_metadata: section.or_default("promote_scope_metadata")?,
            label_name_underscore_sanitization: section
                .or("label_name_underscore_sanitization", true)?,
            label_name_preserve_multiple_underscores: section
                .or("label_name_preserve_multiple_underscores", true)?,
        };
        section.finish()?;
        Ok(config)
    }

    pub(super) fn render(&self) -> MapOut {
        let mut out = MapOut::default();
        out.flag_if("promote_all_resource_attributes", self.promote_all_resource_attributes);
        out.texts("promote_resource_attributes", &self.promote_resource_attributes);
        out.texts("ignore_resource_attributes", &self.ignore_resource_attributes);
        out.text("translation_strategy", self.translation_strategy.name());
        let keep = self.keep_identifying_resource_attributes;
        out.flag_if("keep_identifying_resource_attributes", keep);
        out.flag_if("convert_histograms_to_nhcb", self.convert_histograms_to_nhcb);
        out.flag_if("promote_scope_metadata", self.promote_scope_metadata);
        out.flag_if("label_name_underscore_sanitization", self.label_name_underscore_sanitization);
        let preserve = self.label_name_preserve_multiple_underscores;
        out.flag_if("label_name_preserve_multiple_underscores", preserve);
        out
    }
}

fn attributes(
    section: &Section<'_>,
    names: Vec<String>,
    verb: &str,
    adjective: &str,
) -> Result<Vec<String>, Error> {
    let key = format!("{verb}_resource_attributes");
    let mut trimmed: Vec<String> = Vec::with_capacity(names.len());
    for name in &names {
        let name = name.trim();
        let problem = if name.is_empty() {
            format!("empty {adjective} OTel resource attribute")
        } else if trimmed.iter().any(|known| known == name) {
            format!("duplicated {adjective} OTel resource attribute {name:?}")
        } else {
            trimmed.push(name.to_owned());
            continue;
        };
        return Err(section.complain(&key, format!("invalid '{key}': {problem}")));
    }
    Ok(trimmed)
}

fn translation(section: &mut Section<'_>, scheme: NameScheme) -> Result<OtlpTranslation, Error> {
    let key = "translation_strategy";
    let Some(name) = section.filled(key)? else {
        return Ok(OtlpTranslation::default());
    };
    let known = OtlpTranslation::ALL.iter().find(|(_, known)| *known == name);
    let Some((strategy, _)) = known else {
        let message = format!("unsupported OTLP translation strategy {name:?}");
        return Err(section.complain(key, message));
    };
    let keeps_utf8 = matches!(
        strategy,
        OtlpTranslation::NoTranslation | OtlpTranslation::NoUtf8EscapingWithSuffixes
    );
    if keeps_utf8 && scheme == NameScheme::Legacy {
        let message =
            format!("OTLP translation strategy {name:?} is not allowed when UTF8 is disabled");
        return Err(section.complain(key, message));
    }
    Ok(*strategy)
}
