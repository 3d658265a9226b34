//! `check rules` and `check config` on upstream's rule suite: exit codes and stdout as promtool's.

use std::path::Path;

use common_testkit::peer;

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

/// What Prometheus 3.5.3 does not know yet: `start_timestamp` in tests.
const NEWER: [&str; 1] = ["start-time-test.yml"];

#[test]
fn every_unit_test_gets_promtools_verdict() {
    check(&["test", "rules"], &NEWER);
    check(&["test", "rules", "--diff", "--run=test"], &NEWER);
    check(&["test", "rules", "--ignore-unknown-fields"], &NEWER);
    let Some((folder, _)) = suite_and_peer("rules") else { return };
    for file in NEWER {
        let run = ours(&folder, &["test", "rules", file]);
        assert_eq!(run.code, Some(0), "{file}: {}", run.err);
    }
}

#[test]
fn unit_tests_of_every_kind_are_run_and_told_as_promtool_does() {
    let folder = std::path::Path::new("../tests/conformance/unit");
    let good = ours(folder, &["test", "rules", "good.test.yml", "start.test.yml"]);
    assert_eq!((good.code, good.out.as_str()), (Some(0), "  SUCCESS\n\n  SUCCESS\n\n"));
    assert_eq!(good.err, "  WARNING: no file match pattern none*.yml\n");
    let (plain, diff) =
        (["test", "rules", "failing.test.yml"], ["test", "rules", "--diff", "failing.test.yml"]);
    for (args, name) in [(&plain[..], "failing"), (&diff[..], "failing.diff")] {
        let run = ours(folder, args);
        assert_eq!(run.code, Some(1));
        common_testkit::golden(folder.join(format!("{name}.txt")), &run.err);
        if let Some(promtool) = common_testkit::peer("promtool") {
            let theirs = theirs(&promtool, folder, args);
            assert_eq!((run.code, run.out, run.err), (theirs.code, theirs.out, theirs.err));
        }
    }
}

/// Unit tests of the alerts that ship inside.
const BUNDLED: [&str; 2] = ["bundled_logs.test.yml", "bundled_probes.test.yml"];

#[test]
fn bundled_alerts_come_and_go_as_their_unit_tests_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/unit");
    let promtool = peer("promtool");
    for test in BUNDLED {
        let args = ["test", "rules", test];
        let runs =
            [Some(ours(&folder, &args)), promtool.as_ref().map(|p| theirs(p, &folder, &args))];
        for run in runs.into_iter().flatten() {
            assert_eq!(run.code, Some(0), "{test}: {}{}", run.out, run.err);
        }
    }
}
