//! Files that a configuration names: whether they are there, and what target files hold.

use std::path::Path;

use common_config::prometheus::{Config, ScrapeConfig, TargetGroup, parse_target_file};
use common_config::{HttpClientConfig, TlsConfig};
use common_model::LabelsBuilder;

use crate::commands::print;
use crate::server::read;

/// The rule files that are there; a name without wildcards must be.
pub(super) fn rule_files(config: &Config) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for pattern in &config.rule_files {
        let found = paths(pattern)?;
        if found.is_empty() && !pattern.contains(['*', '?', '[']) {
            return Err(format!("{pattern:?} does not point to an existing file"));
        }
        files.extend(found);
    }
    Ok(files)
}

/// Checks everything that the jobs and alertmanagers of a configuration name.
pub(super) fn check(
    config: &Config,
    jobs: &[ScrapeConfig],
    syntax_only: bool,
) -> Result<(), String> {
    for job in jobs {
        client(&job.http, syntax_only)?;
        for discovery in &job.discoveries {
            for group in discovery.groups().unwrap_or_default() {
                server_scrape::check_group(job, group)?;
            }
            let Some(file) = discovery.file().filter(|_| !syntax_only) else { continue };
            let whose = format!("scrape job {:?}", job.job_name);
            let mut check = |group: &TargetGroup| server_scrape::check_group(job, group);
            target_files(&file.files, &whose, &mut check)?;
        }
    }
    for managers in &config.alerting.alertmanagers {
        client(&managers.http, syntax_only)?;
        for discovery in &managers.discoveries {
            let mut check = |group: &TargetGroup| {
                for address in &group.targets {
                    let mut labels = LabelsBuilder::default();
                    for (name, value) in &group.labels {
                        labels.set(name, value);
                    }
                    labels.set("__address__", address);
                    let kept = server_relabel::process(&labels.build(), &managers.relabel_configs);
                    let kept = kept.as_ref().map(|labels| labels.value("__address__"));
                    if let Some(address) = kept.filter(|address| address.contains('/')) {
                        return Err(format!("{address:?} is not a valid hostname"));
                    }
                }
                Ok(())
            };
            discovery.groups().unwrap_or_default().iter().try_for_each(&mut check)?;
            if let Some(file) = discovery.file().filter(|_| !syntax_only) {
                target_files(&file.files, "alertmanager config", &mut check)?;
            }
        }
    }
    Ok(())
}

/// Reads the target files of a discovery; one that is not there may come later.
fn target_files(
    patterns: &[String],
    whose: &str,
    check: &mut dyn FnMut(&TargetGroup) -> Result<(), String>,
) -> Result<(), String> {
    for pattern in patterns {
        let files = paths(pattern)?;
        if files.is_empty() {
            print(&format!("  WARNING: file {pattern:?} for file_sd in {whose} does not exist\n"));
        }
        for file in files {
            let text = read(Path::new(&file))?;
            let groups = parse_target_file(&text, &file)
                .map_err(|error| format!("checking SD file {file:?}: {error}"))?;
            groups.iter().try_for_each(&mut *check)?;
        }
    }
    Ok(())
}

fn client(http: &HttpClientConfig, syntax_only: bool) -> Result<(), String> {
    if let Some(file) = http.authorization.as_ref().and_then(|a| a.credentials_file.as_ref())
        && !syntax_only
    {
        exists(file, "authorization credentials or bearer token file")?;
    }
    tls(&http.tls_config, syntax_only)
}

fn tls(tls: &TlsConfig, syntax_only: bool) -> Result<(), String> {
    match (&tls.cert_file, &tls.key_file) {
        (Some(cert), None) if tls.key.is_none() => {
            return Err(format!("client cert file {cert:?} specified without client key file"));
        }
        (None, Some(key)) if tls.cert.is_none() => {
            return Err(format!("client key file {key:?} specified without client cert file"));
        }
        _ => {}
    }
    for (file, what) in [(&tls.cert_file, "client cert file"), (&tls.key_file, "client key file")] {
        if let Some(file) = file.as_ref().filter(|_| !syntax_only) {
            exists(file, what)?;
        }
    }
    Ok(())
}

fn exists(file: &str, what: &str) -> Result<(), String> {
    match std::fs::metadata(file) {
        Ok(_) => Ok(()),
        Err(error) => {
            let reason = common_service::go_io_error(&error);
            Err(format!("error checking {what} {file:?}: stat {file}: {reason}"))
        }
    }
}

/// The files that match a pattern.
pub(super) fn paths(pattern: &str) -> Result<Vec<String>, String> {
    let found = glob::glob(pattern).map_err(|error| error.to_string())?;
    Ok(found.flatten().map(|path| path.display().to_string()).collect())
}
