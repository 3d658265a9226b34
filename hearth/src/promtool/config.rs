//! `check config`: whether a server would load a configuration and everything it names.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use common_config::duration;
use common_config::prometheus::{Config, ScrapeConfig};
use common_service::flags::{Matches, World};

use super::lint::Lint;
use super::references;
use super::rules::{Verdict, check_files, load_options};
use crate::commands::{complain, print};
use crate::server::{read, read_glob};

/// A configuration that may be used, with what else is to be checked.
struct Checked {
    rule_files: Vec<String>,
    scrape: Vec<ScrapeConfig>,
}

/// `check config`
pub(super) fn check(matches: &Matches) -> ExitCode {
    let lint = Lint::of(matches, true);
    let syntax_only = matches.bool("syntax-only");
    let options = load_options(matches);
    let lookback = matches.duration("query.lookback-delta");
    let mut verdict = Verdict::default();
    for file in matches.args("config-files") {
        print(&format!("Checking {file}\n"));
        let checked = match check_one(file, matches.bool("agent"), syntax_only) {
            Ok(checked) => checked,
            Err(error) => {
                complain(&format!("  FAILED: {error}\n"));
                print("\n");
                verdict = Verdict { failed: true, has_errors: true };
                continue;
            }
        };
        if !checked.rule_files.is_empty() {
            print(&format!("  SUCCESS: {} rule files found\n", checked.rule_files.len()));
        }
        print(&format!(" SUCCESS: {file} is valid prometheus config file syntax\n\n"));
        if syntax_only {
            continue;
        }
        verdict.failed |= lint.intervals && too_long_intervals(&checked.scrape, lookback);
        let rules = check_files(&checked.rule_files, &options, lint);
        verdict.failed |= rules.failed;
        verdict.has_errors |= rules.has_errors;
    }
    verdict.code(lint)
}

fn check_one(file: &str, agent: bool, syntax_only: bool) -> Result<Checked, String> {
    let unreadable = |error: String| format!("parsing YAML file {file}: {error}");
    let text = read(Path::new(file))?;
    let config =
        Config::load(&text, file, World::real().env).map_err(|error| unreadable(within(error)))?;
    if agent {
        refuse_in_agent_mode(&config)?;
    }
    let scrape = if syntax_only {
        config.scrape_configs.clone()
    } else {
        config
            .all_scrape_configs(&read_glob)
            .map_err(|error| format!("error loading scrape configs: {error}"))?
    };
    let rule_files = if syntax_only { Vec::new() } else { references::rule_files(&config)? };
    references::check(&config, &scrape, syntax_only)?;
    Ok(Checked { rule_files, scrape })
}

/// The complaint with its place but without the file's name, which stands before it already.
fn within(mut error: common_config::Error) -> String {
    error.file.clear();
    error.to_string()
}

fn refuse_in_agent_mode(config: &Config) -> Result<(), String> {
    let alerting = &config.alerting;
    for (key, is_used) in [
        (
            "alerting",
            !alerting.alertmanagers.is_empty() || !alerting.alert_relabel_configs.is_empty(),
        ),
        ("rule_files", !config.rule_files.is_empty()),
        ("remote_read", !config.remote_read.is_empty()),
    ] {
        if is_used {
            return Err(format!("field {key} is not allowed in agent mode"));
        }
    }
    Ok(())
}

/// Tells of jobs whose series would go stale between two scrapes.
fn too_long_intervals(jobs: &[ScrapeConfig], lookback: Duration) -> bool {
    let too_long = |job: &&ScrapeConfig| job.scrape_interval >= lookback;
    let mut found = false;
    for job in jobs.iter().filter(too_long) {
        found = true;
        complain(&format!(
            "  FAILED: too long scrape interval found, data point will be marked as stale - job: \
             {}, interval: {}\n",
            job.job_name,
            duration::format(job.scrape_interval)
        ));
    }
    found
}
