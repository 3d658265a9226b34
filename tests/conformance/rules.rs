//! `check rules` and `check config` on upstream's rule suite: exit codes and stdout as promtool's.

use crate::{ours, suite_and_peer, theirs, yaml_files};

/// promtool 3.5.3 asks Amazon for the region while it reads the file; Hearth does that when it runs.
const CONFIG_DIFFERS: [&str; 1] = ["prometheus-aws-sd-empty-region.good.yml"];

#[test]
fn every_rule_file_gets_promtools_verdict() {
    check(&["check", "rules"], &[]);
    check(&["check", "rules", "--lint=all", "--lint-fatal"], &[]);
    check(&["check", "rules", "--ignore-unknown-fields"], &[]);
}

#[test]
fn every_configuration_with_what_it_names_gets_promtools_verdict() {
    check(&["check", "config"], &CONFIG_DIFFERS);
    check(&["check", "config", "--lint=all", "--lint-fatal"], &CONFIG_DIFFERS);
}

#[track_caller]
fn check(command: &[&str], differ: &[&str]) {
    let Some((folder, promtool)) = suite_and_peer("rules") else { return };
    let mut wrong = Vec::new();
    for file in yaml_files(&folder).iter().filter(|file| !differ.contains(&file.as_str())) {
        let args: Vec<&str> = command.iter().copied().chain([file.as_str()]).collect();
        let (ours, theirs) = (ours(&folder, &args), theirs(&promtool, &folder, &args));
        if (ours.code, &ours.out) != (theirs.code, &theirs.out) {
            wrong.push(format!("{args:?}: {:?}\n{}{}", ours.code, ours.out, ours.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
