//! The configuration with everything it names: scrape jobs of other files, rule files, the
//! alertmanager's own file. All of it is read and checked before any of it is put in force.

use std::path::{Path, PathBuf};

use common_config::alertmanager::AlertmanagerFile;
use common_config::prometheus::{Config, ScrapeConfig};
use common_service::flags::World;
use exporters_blackbox::inside;
use server_promql::parser;
use server_rules::{Complaint, GroupSpec, LoadOptions};

/// The configuration of `hearth run` when none is given.
pub(crate) const BUNDLED_CONFIG: &str = include_str!("../../bundled/hearth.yml");

/// The rule files that it names: of the host, on what the bundled log programs count, for `probes`.
pub(crate) const BUNDLED_RULES: &[(&str, &str)] = &[
    ("host.yml", include_str!("../../bundled/host.yml")),
    ("logs.yml", include_str!("../../bundled/logs.yml")),
    ("probes.yml", include_str!("../../bundled/probes.yml")),
];

/// Begins the names of rule files that ship inside.
const BUNDLED_PREFIX: &str = "bundled:";

/// A configuration file larger than this is refused.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Mechanisms of discovery that are run; others are read and reported.
pub(crate) const DISCOVERIES: &[&str] = &["file"];

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The bundled one, for a host of this name.
    Bundled { hostname: String },
    /// A file.
    File(PathBuf),
    /// A file of `hearth run`, in which `${HOSTNAME}` becomes this host's name as in the bundled one.
    Own { path: PathBuf, hostname: String },
}

/// Everything that is read again on a reload.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) source: Source,
    /// The alertmanager.yml of the alertmanager inside; none leaves it without receivers.
    pub(crate) alertmanager: Option<PathBuf>,
    /// What expressions of rules may use.
    pub(crate) parser: parser::Options,
}

/// A configuration that can be put in force.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) scrape: Vec<ScrapeConfig>,
    pub(crate) groups: Vec<GroupSpec>,
    pub(crate) alertmanager: AlertmanagerFile,
    /// The modules that `probes` names.
    pub(crate) modules: inside::Files,
}

impl Files {
    /// Reads and checks everything; the error names the file and the place.
    pub(crate) fn load(&self) -> Result<Loaded, String> {
        let env = World::real().env;
        let (text, name) = match &self.source {
            Source::Bundled { hostname } => {
                (BUNDLED_CONFIG.replace("${HOSTNAME}", hostname), "bundled:hearth.yml".to_owned())
            }
            Source::File(path) => (read(path)?, path.display().to_string()),
            Source::Own { path, hostname } => {
                (read(path)?.replace("${HOSTNAME}", hostname), path.display().to_string())
            }
        };
        let config = Config::load(&text, &name, env).map_err(|error| error.to_string())?;
        let scrape = config.all_scrape_configs(&read_glob).map_err(|error| error.to_string())?;
        for discovery in config.unsupported(DISCOVERIES) {
            tracing::warn!(
                kind = discovery.kind,
                position = %discovery.position,
                "This discovery mechanism is not run; its targets are left out"
            );
        }
        let options = LoadOptions {
            parser: self.parser.clone(),
            scheme: config.global.metric_name_validation_scheme,
            ..LoadOptions::default()
        };
        let mut groups = Vec::new();
        for pattern in &config.rule_files {
            for (file, text) in rule_files(pattern)? {
                groups.extend(server_rules::load(&text, &file, &options).map_err(all)?);
            }
        }
        let alertmanager = match &self.alertmanager {
            Some(path) => AlertmanagerFile::load(&read(path)?, &path.display().to_string())
                .map_err(|error| error.to_string())?,
            None => AlertmanagerFile::default(),
        };
        let modules = modules(&config)?;
        Ok(Loaded { config, scrape, groups, alertmanager, modules })
    }
}

/// Reads the modules of all probes; each must be there, and its prober too.
pub(crate) fn modules(config: &Config) -> Result<inside::Files, String> {
    let mut files = inside::Files::new();
    for probe in &config.probes {
        if !files.contains_key(&probe.config_file) {
            let read = match probe.config_file.as_str() {
                "" => inside::bundled().map_err(|error| error.to_string()),
                file => exporters_blackbox::load_file(Path::new(file)).map_err(|e| e.to_string()),
            };
            files.insert(probe.config_file.clone(), read?);
        }
        let complain = |problem: String| format!("probes {}: {problem}", probe.position);
        let module = inside::module_of(&files, &probe.config_file, &probe.module);
        let name = &module.map_err(complain)?.prober;
        if exporters_blackbox::probe::prober(name).is_none() {
            return Err(complain(format!("Unknown prober {name:?}")));
        }
    }
    Ok(files)
}

/// All complaints about a file, a line each.
pub(crate) fn all(complaints: Vec<Complaint>) -> String {
    complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Names and texts of the rule files a pattern stands for.
pub(crate) fn rule_files(pattern: &str) -> Result<Vec<(String, String)>, String> {
    // Files of the bundled configuration get its folder in front, and so do these names.
    let name = Path::new(pattern).file_name().unwrap_or_default().to_string_lossy();
    let Some(bundled) = name.strip_prefix(BUNDLED_PREFIX) else { return read_glob(pattern) };
    match BUNDLED_RULES.iter().find(|(known, _)| *known == bundled) {
        Some((_, text)) => Ok(vec![(name.into_owned(), (*text).to_owned())]),
        None => Err(format!("no rules named {bundled:?} are bundled")),
    }
}

/// Names and texts of the files a pattern matches, sorted.
pub(crate) fn read_glob(pattern: &str) -> Result<Vec<(String, String)>, String> {
    let paths = glob::glob(pattern).map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    for path in paths.flatten() {
        files.push((path.display().to_string(), read(&path)?));
    }
    Ok(files)
}

/// The text of a file of reasonable size.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let complain = |error: std::io::Error| {
        format!("open {}: {}", path.display(), common_service::go_io_error(&error))
    };
    let length = std::fs::metadata(path).map_err(complain)?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("{}: {length} bytes are more than {FILE_BYTES_MAX}", path.display()));
    }
    std::fs::read_to_string(path).map_err(complain)
}
