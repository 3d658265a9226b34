//! Dependencies between crates point downwards only; a new edge is a reviewed line here.

use std::collections::BTreeMap;

use tests_tidy::{files, relative, root};

/// Crate, and what it may depend on inside the workspace (tests excepted).
const EDGES: &[(&str, &[&str])] = &[
    ("common-model", &[]),
    ("common-re2", &["common-model"]),
    ("common-template", &["common-model", "common-re2"]),
    ("common-instrument", &["common-model"]),
    ("common-exposition", &["common-model", "common-instrument"]),
    ("common-config", &["common-model", "common-re2"]),
    ("common-web", &["common-model", "common-instrument", "common-exposition", "common-config"]),
    ("common-client", &["common-config"]),
    ("common-service", &["common-model", "common-instrument"]),
    ("common-testkit", &["common-model", "common-service"]),
    (
        "exporters-textfile",
        &[
            "common-model",
            "common-instrument",
            "common-exposition",
            "common-config",
            "common-web",
            "common-service",
        ],
    ),
    (
        "exporters-node",
        &[
            "common-model",
            "common-re2",
            "common-template",
            "common-instrument",
            "common-exposition",
            "common-config",
            "common-web",
            "common-client",
            "common-service",
            "exporters-textfile",
        ],
    ),
    (
        "exporters-blackbox",
        &[
            "common-model",
            "common-re2",
            "common-instrument",
            "common-exposition",
            "common-config",
            "common-web",
            "common-client",
            "common-service",
        ],
    ),
    (
        "exporters-log",
        &[
            "common-model",
            "common-re2",
            "common-instrument",
            "common-exposition",
            "common-config",
            "common-web",
            "common-service",
        ],
    ),
    ("server-storage", &["common-model"]),
    ("server-relabel", &["common-model", "common-re2", "common-config"]),
    (
        "server-scrape",
        &[
            "common-model",
            "common-instrument",
            "common-exposition",
            "common-config",
            "common-client",
            "common-service",
            "server-storage",
            "server-relabel",
        ],
    ),
    ("server-tsdb", &["common-model", "common-instrument", "server-storage"]),
    ("server-promql", &["common-model", "common-re2", "server-storage"]),
    (
        "server-alertmanager",
        &[
            "common-model",
            "common-re2",
            "common-template",
            "common-instrument",
            "common-config",
            "common-client",
        ],
    ),
    (
        "server-notify",
        &[
            "common-model",
            "common-instrument",
            "common-config",
            "common-client",
            "server-relabel",
            "server-alertmanager",
        ],
    ),
    (
        "server-rules",
        &[
            "common-model",
            "common-re2",
            "common-template",
            "common-instrument",
            "common-config",
            "server-storage",
            "server-promql",
            "server-notify",
        ],
    ),
    ("server-ui", &[]),
    (
        "server-api",
        &[
            "common-model",
            "common-re2",
            "common-instrument",
            "common-exposition",
            "common-config",
            "common-web",
            "server-storage",
            "server-relabel",
            "server-scrape",
            "server-tsdb",
            "server-promql",
            "server-rules",
            "server-notify",
            "server-alertmanager",
            "server-ui",
        ],
    ),
    ("tests-tidy", &[]),
];

/// The binary wires everything together, and the whole-system tests may look anywhere.
const MAY_USE_ALL: &[&str] = &["hearth", "tests-e2e", "tests-conformance", "tests-simulation"];

/// Package name and the workspace crates under `[dependencies]`.
fn manifest(text: &str) -> (String, Vec<String>) {
    let mut section = "";
    let (mut name, mut dependencies) = (String::new(), Vec::new());
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[package]" && line.starts_with("name = ") {
            name = line.trim_start_matches("name = ").trim_matches('"').to_owned();
        } else if section == "[dependencies]" {
            let key: String = line
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
                .collect();
            let inside = ["common-", "exporters-", "server-", "hearth", "tests-"];
            if inside.iter().any(|prefix| key.starts_with(prefix)) {
                dependencies.push(key);
            }
        }
    }
    (name, dependencies)
}

#[test]
fn crates_depend_only_on_what_the_table_permits() {
    let edges: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let mut complaints = Vec::new();
    for path in files(&root(), "Cargo.toml") {
        let place = relative(&path);
        if place == "Cargo.toml" || place.starts_with("fuzz/") {
            continue;
        }
        let (name, dependencies) = manifest(&std::fs::read_to_string(&path).unwrap());
        assert_eq!(place, format!("{}/Cargo.toml", name.replacen('-', "/", 1)), "name = path");
        if MAY_USE_ALL.contains(&name.as_str()) {
            continue;
        }
        let Some(permitted) = edges.get(name.as_str()) else {
            complaints.push(format!("{name} is not in the table"));
            continue;
        };
        for dependency in dependencies.iter().filter(|d| !permitted.contains(&d.as_str())) {
            complaints.push(format!("{name} must not depend on {dependency}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_table_itself_has_no_cycle() {
    // Every crate may only name crates that stand before it, or the table could hide a cycle.
    let mut seen = Vec::new();
    let mut rest: Vec<_> = EDGES.to_vec();
    while !rest.is_empty() {
        let before = rest.len();
        rest.retain(|(name, permitted)| {
            let ready = permitted.iter().all(|p| seen.contains(p));
            if ready {
                seen.push(name);
            }
            !ready
        });
        assert!(rest.len() < before, "a cycle among {rest:?}");
    }
}
