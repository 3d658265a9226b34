//! What the flags mean: everything that holds until the process ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common_config::prometheus::FloatEncoding;
use common_config::{Config, byte_size, duration};
use common_re2::Regex;
use common_service::flags::{Matches, World};
use exporters_log::HostOptions;
use exporters_node::NodeOptions;
use server_promql::engine::{Engine, EngineOptions, Observer, SharedLimits, SubqueryStep};
use server_promql::parser;
use server_rules::Timing;
use server_scrape::StartTimes;

use super::loader;
use crate::allocator::Jemalloc;

/// Where `hearth run` keeps samples unless told otherwise.
const RUN_DIRECTORY: &str = "./hearth-data";

/// The file beside the samples that keeps how far logs were read.
const LOG_POSITIONS: &str = "log-positions.json";

/// Settings of the daemon.
pub(crate) struct Settings {
    pub(crate) files: loader::Files,
    /// Whether an alertmanager runs inside.
    pub(crate) has_alertmanager: bool,
    /// `None` where no exporter runs inside.
    pub(crate) node: Option<NodeOptions>,
    /// Logs that are read inside.
    pub(crate) logs: Option<HostOptions>,
    pub(crate) listen: Vec<String>,
    /// `--web.config.file`; empty where there is none.
    pub(crate) web_config: String,
    pub(crate) connections_max: usize,
    pub(crate) notification_subscribers: usize,
    pub(crate) read_timeout: Duration,
    pub(crate) external_url: String,
    pub(crate) route_prefix: String,
    pub(crate) lifecycle: bool,
    pub(crate) admin: bool,
    pub(crate) cors_origin: Regex,
    pub(crate) tsdb: server_tsdb::Options,
    pub(crate) retention_text: String,
    pub(crate) timing: Timing,
    pub(crate) queue_capacity: usize,
    pub(crate) lookback: Duration,
    pub(crate) query_timeout: Duration,
    pub(crate) query_concurrency: usize,
    pub(crate) query_samples: usize,
    pub(crate) query_bytes: usize,
    /// Follows `evaluation_interval`; shared by the engines of queries and rules.
    pub(crate) subquery_step: SubqueryStep,
    /// Shared by the engines of queries and rules.
    pub(crate) query_shared: Arc<SharedLimits>,
    pub(crate) parser: parser::Options,
    pub(crate) delayed_name_removal: bool,
    /// Whether `rate` and its kin look at start times.
    pub(crate) use_start_timestamps: bool,
    /// Whether names can be searched over the API.
    pub(crate) search: bool,
    /// Whether exemplars are stored; how many, the configuration says.
    pub(crate) exemplar_storage: bool,
    /// What becomes of start times that targets tell.
    pub(crate) starts: StartTimes,
    /// All flags as `/api/v1/status/flags` shows them.
    pub(crate) shown: Vec<(String, String)>,
    pub(crate) hostname: String,
}

impl Settings {
    /// Settings of `hearth server`.
    pub(crate) fn for_server(matches: &Matches) -> Result<Settings, String> {
        let source = loader::Source::File(matches.str("config.file").into());
        Settings::read(matches, source, matches.str("storage.tsdb.path").into())
    }

    /// Settings of `hearth run`: exporters and an alertmanager inside, a configuration bundled.
    pub(crate) fn for_run(matches: &Matches) -> Result<Settings, String> {
        let hostname = common_service::process::hostname();
        let source = match matches.opt_str("config.file") {
            Some(file) => loader::Source::Own { path: file.into(), hostname },
            None => loader::Source::Bundled { hostname },
        };
        let state_directory = (World::real().env)("STATE_DIRECTORY");
        let directory = match (matches.opt_str("storage.tsdb.path"), state_directory) {
            (Some(path), _) => path.into(),
            (None, Some(path)) if !path.is_empty() => path.into(),
            _ => PathBuf::from(RUN_DIRECTORY),
        };
        let positions = directory.join(LOG_POSITIONS);
        let mut settings = Settings::read(matches, source, directory)?;
        settings.logs = Some(HostOptions::new(matches, positions));
        settings.node = Some(exporters_node::command::options(matches));
        settings.has_alertmanager = true;
        settings.files.alertmanager =
            matches.opt_str("alertmanager.config.file").map(PathBuf::from);
        Ok(settings)
    }

    fn read(
        matches: &Matches,
        source: loader::Source,
        directory: PathBuf,
    ) -> Result<Settings, String> {
        let hostname = common_service::process::hostname();
        let listen: Vec<String> =
            matches.strs("web.listen-address").into_iter().map(str::to_owned).collect();
        let (tsdb, retention_text) = tsdb_options(matches, directory)?;
        let cors_origin = Regex::anchored(matches.str("web.cors.origin"))
            .map_err(|error| format!("could not compile CORS regex string: {error}"))?;
        let external_url = external_url(matches, &listen, &hostname);
        let features: Vec<&str> =
            matches.strs("enable-feature").iter().flat_map(|list| list.split(',')).collect();
        let has = |feature: &str| features.contains(&feature);
        let parser = parser::Options {
            experimental_functions: has("promql-experimental-functions"),
            extended_selectors: has("promql-extended-range-selectors"),
            fill_modifiers: has("promql-binop-fill-modifiers"),
            ..parser::Options::default()
        };
        Ok(Settings {
            files: loader::Files { source, alertmanager: None, parser: parser.clone() },
            has_alertmanager: false,
            node: None,
            logs: None,
            web_config: matches.str("web.config.file").to_owned(),
            connections_max: size(matches.int("web.max-connections")),
            notification_subscribers: size(matches.int("web.max-notifications-subscribers")),
            read_timeout: matches.duration("web.read-timeout"),
            route_prefix: route_prefix(matches, &external_url),
            lifecycle: matches.bool("web.enable-lifecycle"),
            admin: matches.bool("web.enable-admin-api"),
            cors_origin,
            tsdb,
            retention_text,
            timing: Timing {
                outage_tolerance_ms: millis(matches.duration("rules.alert.for-outage-tolerance")),
                grace_period_ms: millis(matches.duration("rules.alert.for-grace-period")),
                resend_delay_ms: millis(matches.duration("rules.alert.resend-delay")),
            },
            queue_capacity: size(matches.int("alertmanager.notification-queue-capacity")),
            lookback: matches.duration("query.lookback-delta"),
            query_timeout: matches.duration("query.timeout"),
            query_concurrency: size(matches.int("query.max-concurrency")),
            query_samples: size(matches.int("query.max-samples")),
            query_bytes: bytes(matches.bytes("query.max-memory")),
            subquery_step: SubqueryStep::default(),
            query_shared: Arc::new(
                SharedLimits::new(bytes(matches.bytes("query.max-memory-total")))
                    .with_heap(Arc::new(Jemalloc)),
            ),
            parser,
            delayed_name_removal: has("promql-delayed-name-removal"),
            use_start_timestamps: has("use-start-timestamps"),
            search: has("search-api"),
            exemplar_storage: has("exemplar-storage"),
            starts: StartTimes {
                stored: has("st-storage"),
                zeros: has("created-timestamp-zero-ingestion"),
            },
            shown: matches.shown().map(|(name, value)| (name.to_owned(), value)).collect(),
            external_url,
            listen,
            hostname,
        })
    }
}

/// What flags say of the database, and of its retention as one shows it.
fn tsdb_options(
    matches: &Matches,
    directory: PathBuf,
) -> Result<(server_tsdb::Options, String), String> {
    let mut tsdb = server_tsdb::Options::new(directory);
    let retention_text;
    (tsdb.retention_ms, tsdb.retention_bytes, retention_text) = retention(matches)?;
    tsdb.chunk_bytes_max = matches.bytes("storage.memory.chunks-max");
    tsdb.series_max = size(matches.int("storage.series-max"));
    if matches.is_given("storage.tsdb.wal-segment-size") {
        tsdb.wal_segment_bytes = matches.bytes("storage.tsdb.wal-segment-size");
    }
    for (flag, range_ms) in [
        ("storage.tsdb.min-block-duration", &mut tsdb.chunk_range_ms),
        ("storage.tsdb.max-block-duration", &mut tsdb.block_range_max_ms),
    ] {
        if matches.is_given(flag) {
            *range_ms = millis(matches.duration(flag));
        }
    }
    Ok((tsdb, retention_text))
}

impl Settings {
    /// The port of the first address.
    pub(crate) fn listen_port(&self) -> &str {
        self.listen.first().and_then(|address| address.rsplit(':').next()).unwrap_or_default()
    }

    /// The engine of queries and rules; subqueries without a step take that of the rules.
    pub(crate) fn engine(&self, observer: Arc<dyn Observer>) -> Engine {
        Engine::new(EngineOptions {
            subquery_step: self.subquery_step.clone(),
            lookback_delta_ms: millis(self.lookback),
            samples_max: self.query_samples,
            memory_bytes_max: self.query_bytes,
            delayed_name_removal: self.delayed_name_removal,
            use_start_timestamps: self.use_start_timestamps,
            shared: self.query_shared.clone(),
            observer,
            ..EngineOptions::default()
        })
    }
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// `--web.external-url`, or this host's name with the port of the first address.
fn external_url(matches: &Matches, listen: &[String], hostname: &str) -> String {
    if let Some(url) = matches.opt_str("web.external-url").filter(|url| !url.is_empty()) {
        return url.trim_end_matches('/').to_owned();
    }
    let port = listen.first().and_then(|address| address.rsplit(':').next()).unwrap_or("9090");
    format!("http://{hostname}:{port}")
}

/// `--web.route-prefix`, or the path of the external URL: empty or `/prefix`.
fn route_prefix(matches: &Matches, external_url: &str) -> String {
    let prefix = match matches.opt_str("web.route-prefix") {
        Some(prefix) => prefix,
        None => {
            let rest = external_url.split_once("://").map_or(external_url, |(_, rest)| rest);
            rest.split_once('/').map_or("", |(_, path)| path)
        }
    };
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("/{prefix}"),
    }
}

/// How long and how many bytes samples are kept, and both as they are shown. Where only the size is
/// limited, samples may be as old as they like.
fn retention(matches: &Matches) -> Result<(i64, u64, String), String> {
    let text = matches.str("storage.tsdb.retention.time");
    let time =
        duration::parse(text).map_err(|error| format!("storage.tsdb.retention.time: {error}"))?;
    let bytes = matches.bytes("storage.tsdb.retention.size");
    let by_time = bytes == 0 || matches.is_given("storage.tsdb.retention.time");
    let mut shown: Vec<String> = by_time.then(|| text.to_owned()).into_iter().collect();
    if bytes > 0 {
        shown.push(byte_size::format(bytes));
    }
    let time_ms = if by_time { retention_ms(time) } else { i64::MAX };
    Ok((time_ms, bytes, shown.join(" or ")))
}

/// Zero is no limit.
fn retention_ms(time: Duration) -> i64 {
    if time.is_zero() { i64::MAX } else { i64::try_from(time.as_millis()).unwrap_or(i64::MAX) }
}

/// How far behind the newest sample others may be, in milliseconds.
pub(crate) fn out_of_order_window_ms(config: &Config) -> i64 {
    let window = config.storage.tsdb.as_ref().map(|tsdb| tsdb.out_of_order_time_window);
    millis(window.unwrap_or_default())
}

/// Whether floats are encoded as XOR2.
pub(crate) fn wants_xor2(config: &Config) -> bool {
    let floats = config.storage.tsdb.as_ref().and_then(|tsdb| tsdb.chunk_encoding_floats);
    floats == Some(FloatEncoding::Xor2)
}

/// Share of the series in memory, and least number, of those that ended, from which on they go to
/// blocks; zero keeps them. Of a few nobody would notice it.
const STALE_SERIES: (f64, usize) = (0.25, 20_000);

/// What the configuration says of that holds however few they are.
pub(crate) fn stale_series_limit(config: &Config) -> (f64, usize) {
    let share = config.storage.tsdb.as_ref().and_then(|t| t.stale_series_compaction_threshold);
    share.map_or(STALE_SERIES, |share| (share, 1))
}

/// How long, how many bytes and what part of the disk samples are kept: what the configuration says
/// wins over flags.
pub(crate) fn retention_of(config: &Config, (time_ms, bytes): (i64, u64)) -> (i64, u64, f64) {
    match config.storage.tsdb.as_ref().and_then(|tsdb| tsdb.retention) {
        Some(retention) => (retention_ms(retention.time), retention.size, retention.percentage),
        None => (time_ms, bytes, 0.0),
    }
}
