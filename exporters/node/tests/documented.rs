//! The page of all collectors is written from their table, and the flags are the original's.

use std::fmt::Write as _;

use common_service::flags::{Flag, Kind};
use common_testkit::{golden, suites};
use exporters_node::{COLLECTORS, command};

const HEAD: &str = "\
# Collectors of the node exporter

Written from the table in `exporters/node/src/collectors/mod.rs` (`UPDATE_GOLDEN=1 cargo test -p exporters-node`).
`--collector.NAME` and `--no-collector.NAME` switch a collector on and off, `--collector.disable-defaults` all that are not named.
What `cgroup` and `process` give is told in [collectors-own.md](collectors-own.md).

| collector | default | what it measures |
|---|---|---|
";

#[test]
fn the_page_of_collectors_is_what_the_table_says() {
    let mut page = HEAD.to_owned();
    for entry in COLLECTORS {
        let default = if entry.on_by_default { "on" } else { "off" };
        writeln!(page, "| `{}` | {default} | {} |", entry.name, entry.about).unwrap();
    }
    page.push_str("\n## Flags\n\n| flag | default | |\n|---|---|---|\n");
    let flags = || command::collector_flags().filter(|flag| !flag.hidden);
    for flag in flags() {
        let default = flag.default.unwrap_or("");
        let default = if default.is_empty() { String::new() } else { code(default) };
        writeln!(
            page,
            "| {} | {default} | {} |",
            code(&format!("--{}", flag.name)),
            cell(flag.help)
        )
        .unwrap();
    }
    golden("../../docs/collectors.md", &page);
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The flags of 1.12 on Linux, as recorded: name, type, whether repeatable, default, hidden.
#[test]
fn every_flag_of_the_original_is_there_with_its_default() {
    let Some(suites) = suites() else { return };
    let recorded = std::fs::read_to_string(suites.join("node/flags_linux.tsv")).unwrap();
    let groups = command::program().root.flags;
    let find = |name: &str| groups.iter().copied().flatten().find(|flag| flag.name == name);
    let mut wrong = Vec::new();
    for line in recorded.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        match find(columns[0]) {
            Some(flag) if is_as_recorded(flag, &columns) => {}
            Some(flag) => wrong.push(format!("{flag:?} is not {line:?}")),
            None => wrong.push(format!("{line:?} is missing")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn is_as_recorded(flag: &Flag, columns: &[&str]) -> bool {
    let default = columns[3].trim_matches('"');
    let ours = match (flag.kind, flag.default) {
        (Kind::Bool, None) => "false",
        (_, default) => default.unwrap_or(""),
    };
    let repeatable = columns[2] == "yes";
    let hidden = columns[4] == "hidden";
    ours == default && flag.repeatable == repeatable && (flag.hidden == hidden || !hidden)
}
