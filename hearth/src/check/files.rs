//! One check for each kind of file; the texts say what it holds, or what is wrong.

use std::path::Path;

use common_config::alertmanager::AlertmanagerFile;
use common_config::web::WebConfig;
use exporters_blackbox::config::Config as Modules;
use exporters_blackbox::inside::BUNDLED_MODULES;
use exporters_log::library;
use server_promql::parser;
use server_rules::LoadOptions;

use super::Finding;
use crate::server::loader::{self, Files, Source};
use crate::server::read;

type Outcome = Result<String, String>;

type Check = fn(&Path) -> Outcome;

/// The files of a directory, each with its check.
pub(super) const FILES: &[(&str, Check)] = &[
    ("hearth.yml", configuration),
    ("alertmanager.yml", receivers),
    ("blackbox.yml", modules),
    ("web.yml", web),
];

fn configuration(path: &Path) -> Outcome {
    loaded(Source::Own { path: path.to_owned(), hostname: "host".to_owned() })
}

fn loaded(source: Source) -> Outcome {
    let files = Files { source, alertmanager: None, parser: parser::Options::default() };
    let loaded = files.load()?;
    let rules: usize = loaded.groups.iter().map(|group| group.rules.len()).sum();
    Ok(format!("{} and {}", count(loaded.scrape.len(), "scrape job"), count(rules, "rule")))
}

fn receivers(path: &Path) -> Outcome {
    AlertmanagerFile::load(&read(path)?, &path.display().to_string())
        .map(|_| "receivers of alerts".to_owned())
        .map_err(|error| error.to_string())
}

fn web(path: &Path) -> Outcome {
    WebConfig::parse(&read(path)?, &path.display().to_string())
        .map(|_| "TLS and passwords of the pages".to_owned())
        .map_err(|error| error.to_string())
}

fn modules(path: &Path) -> Outcome {
    modules_in(&read(path)?, &path.display().to_string())
}

fn modules_in(text: &str, name: &str) -> Outcome {
    let modules = Modules::parse(text, name).map_err(|error| error.to_string())?;
    Ok(count(modules.modules.len(), "module"))
}

fn rules_in(text: &str, name: &str) -> Outcome {
    let groups = server_rules::load(text, name, &LoadOptions::default());
    let groups = groups.map_err(loader::all)?;
    Ok(count(groups.iter().map(|group| group.rules.len()).sum(), "rule"))
}

fn program_in(text: &str, name: &str) -> Outcome {
    exporters_log::compile(text.as_bytes(), Default::default(), &mut |_, _| {})
        .map(|_| "a log program".to_owned())
        .map_err(|complaints| complaints.text(name))
}

/// The log programs of a directory, sorted by name.
pub(super) fn programs(directory: &Path) -> Vec<Finding> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "mtail"));
    paths.sort();
    let check = |path: &std::path::PathBuf| {
        let name = path.display().to_string();
        let outcome = read(path).and_then(|text| program_in(&text, &name));
        Finding { name, outcome }
    };
    paths.iter().map(check).collect()
}

/// What ships inside.
pub(super) fn bundled() -> Vec<Finding> {
    let hostname = "host".to_owned();
    let finding = |name: &str, outcome| Finding { name: format!("bundled:{name}"), outcome };
    let mut findings = vec![finding("hearth.yml", loaded(Source::Bundled { hostname }))];
    let rules = loader::BUNDLED_RULES.iter();
    findings.extend(rules.map(|(name, text)| finding(name, rules_in(text, name))));
    findings.push(finding("modules.yml", modules_in(BUNDLED_MODULES, "modules.yml")));
    let programs = library::PROGRAMS.iter();
    findings.extend(programs.map(|p| finding(p.name, program_in(p.text, p.name))));
    findings
}

fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}
