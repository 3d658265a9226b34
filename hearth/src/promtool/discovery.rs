//! `check service-discovery`: the targets that a job would find, before and after relabeling.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use common_config::prometheus::{Config, Discovery, ScrapeConfig, TargetGroup, parse_target_file};
use common_service::flags::{Matches, World};
use serde::Serialize;
use server_scrape::Endpoint;

use super::{fail, references};
use crate::commands::{complain, print};
use crate::server::{read, read_glob};

/// `check service-discovery`. What the mechanisms find is there at once, so `--timeout` never runs
/// out; the original always waits that long.
pub(super) fn check(matches: &Matches) -> ExitCode {
    let arg = |name| matches.arg(name).unwrap_or_default();
    let found = scrape_config(arg("config-file"), arg("job")).and_then(|job| find(&job));
    match found {
        Ok(endpoints) => {
            print(&json(&endpoints));
            ExitCode::SUCCESS
        }
        Err(error) => fail(error.trim_end()),
    }
}

fn scrape_config(file: &str, job: &str) -> Result<ScrapeConfig, String> {
    let cannot = |what: &str, error: String| format!("Cannot load {what} {error}");
    let text = read(Path::new(file)).map_err(|error| cannot("config", error))?;
    let config = Config::load(&text, file, World::real().env)
        .map_err(|error| cannot("config", format!("parsing YAML file {error}")))?;
    let mut jobs = config
        .all_scrape_configs(&read_glob)
        .map_err(|error| cannot("scrape configs", error.to_string()))?;
    match jobs.iter().position(|one| one.job_name == job) {
        Some(at) => Ok(jobs.swap_remove(at)),
        None => {
            let names: String = jobs.iter().map(|one| format!("\t{}\n", one.job_name)).collect();
            Err(format!("Job {job} not found. Select one of:\n{names}"))
        }
    }
}

/// The endpoints of all mechanisms of a job, each once for its source.
fn find(job: &ScrapeConfig) -> Result<Vec<Endpoint>, String> {
    let mut endpoints = Vec::new();
    for discovery in &job.discoveries {
        for group in groups(discovery)? {
            let mut of_group: Vec<Endpoint> = Vec::new();
            for endpoint in server_scrape::endpoints(job, &group) {
                if !of_group.contains(&endpoint) {
                    of_group.push(endpoint);
                }
            }
            endpoints.append(&mut of_group);
        }
    }
    Ok(endpoints)
}

fn groups(discovery: &Discovery) -> Result<Vec<TargetGroup>, String> {
    if let Some(groups) = discovery.groups() {
        return Ok(groups.to_vec());
    }
    let Some(files) = discovery.file() else {
        let kind = discovery.kind;
        return Err(format!("Could not create new discoverer {kind}_sd_configs is not run yet"));
    };
    let mut groups = Vec::new();
    for pattern in &files.files {
        for file in references::paths(pattern)? {
            // As a server does it: a file that cannot be read costs its own targets.
            let parsed = read(Path::new(&file)).and_then(|text| {
                parse_target_file(&text, &file).map_err(|error| error.to_string())
            });
            match parsed {
                Ok(found) => groups.extend(found),
                Err(error) => complain(&format!("Error reading file {file}: {error}\n")),
            }
        }
    }
    Ok(groups)
}

/// An endpoint as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(rename = "discoveredLabels")]
    discovered: BTreeMap<&'a str, &'a str>,
    labels: BTreeMap<&'a str, &'a str>,
    /// Go's encoder has no words for an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<BTreeMap<&'a str, &'a str>>,
}

impl Shown<'_> {
    fn of(endpoint: &Endpoint) -> Shown<'_> {
        Shown {
            discovered: endpoint.discovered.iter().collect(),
            labels: endpoint.labels.iter().flatten().collect(),
            error: endpoint.labels.is_err().then(BTreeMap::new),
        }
    }
}

/// As Go's encoder writes it: `<`, `>` and `&` are escaped.
fn json(endpoints: &[Endpoint]) -> String {
    let list: Vec<Shown<'_>> = endpoints.iter().map(Shown::of).collect();
    // Keys and values are texts: nothing that JSON cannot say.
    let text = serde_json::to_string_pretty(&list).unwrap_or_default();
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
