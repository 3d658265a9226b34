//! The flags of every command: names, defaults, short forms and which may be repeated.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{ours, theirs};

/// Flags that only Hearth has.
const OURS: &[(&str, &str)] = &[("push metrics", "protobuf_message")];

/// Commands of the original that Hearth has.
const COMMANDS: &[&str] = &[
    "check service-discovery",
    "check config",
    "check web-config",
    "check healthy",
    "check ready",
    "check rules",
    "check metrics",
    "query instant",
    "query range",
    "query series",
    "query labels",
    "query analyze",
    "debug pprof",
    "debug metrics",
    "debug all",
    "push metrics",
    "test rules",
    "tsdb analyze",
    "tsdb list",
    "tsdb dump",
    "tsdb dump-openmetrics",
    "tsdb create-blocks-from openmetrics",
    "tsdb create-blocks-from rules",
    "promql format",
    "promql label-matchers set",
    "promql label-matchers delete",
];

/// Flags of a help text: short form, default and whether there may be several, by name.
fn flags(help: &str) -> BTreeMap<String, (Option<String>, String, bool)> {
    let lines = help.lines().skip_while(|line| *line != "Flags:").skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with("  "));
    let mut flags = BTreeMap::new();
    for line in lines.filter(|line| line.starts_with("  -") || line.starts_with("      --")) {
        let (short, long) = line.split_once("--").unwrap();
        let short = short.trim().strip_suffix(',').map(str::to_owned);
        let long = long.split("  ").next().unwrap().trim();
        let (long, repeats) = long.strip_suffix(" ...").map_or((long, false), |l| (l, true));
        let (name, default) = long.split_once('=').unwrap_or((long, ""));
        let name = name.trim_start_matches("[no-]").to_owned();
        // The original shows some defaults in quotes and some without.
        flags.insert(name, (short, default.trim_matches('"').to_owned(), repeats));
    }
    flags
}

#[test]
fn every_command_takes_the_flags_that_promtool_takes() {
    let Some(promtool) = common_testkit::peer("promtool") else { return };
    for command in COMMANDS {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let folder = Path::new(".");
        let mut own = flags(&ours(folder, &args).out);
        let wanted = flags(&theirs(&promtool, folder, &args).out);
        assert!(wanted.contains_key("enable-feature"), "{command}: {wanted:?}");
        for (_, flag) in OURS.iter().filter(|(of, _)| of == command) {
            assert!(own.remove(*flag).is_some(), "{command} has no --{flag}");
        }
        assert_eq!(own, wanted, "{command}");
    }
}
