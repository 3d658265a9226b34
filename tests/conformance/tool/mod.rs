//! Commands of promtool that need no server: stdout and exit code as the original's.

mod flags;
mod served;
mod tsdb;

use std::path::Path;

use crate::{ours, theirs};

/// Where the files of these tests are.
const FOLDER: &str = "../tests/conformance/tool";

/// Runs both; where the original is not there, only what is `wanted` is compared.
#[track_caller]
fn check(args: &[&str], code: i32, wanted: Option<&str>) {
    let folder = Path::new(FOLDER);
    let run = ours(folder, args);
    assert_eq!(run.code, Some(code), "{args:?}: {}", run.err);
    if let Some(wanted) = wanted {
        assert_eq!(run.out, wanted, "{args:?}");
    }
    if let Some(promtool) = common_testkit::peer("promtool") {
        let peer = theirs(&promtool, folder, args);
        assert_eq!((run.code, run.out), (peer.code, peer.out), "{args:?}: {}", run.err);
    }
}

#[test]
fn queries_are_printed_and_edited_as_promtool_does() {
    let long = "sum by (job,instance) (rate(http_requests_total{code=~\"5..\",method!=\"GET\"}[5m] \
                offset 1h)) / on(instance) group_left histogram_quantile(0.9, sum(x))";
    for (command, code) in [
        (&["format", "sum by(b)(rate(a[5m]offset 3m))/2"][..], 0),
        (&["format", long], 0),
        (&["format", "sum("], 1),
        (&["label-matchers", "set", "a{b=\"c\"}+{b=~\"x\"}", "b", "d\"e"], 0),
        (&["label-matchers", "set", "-t", "!~", "a+sum_over_time(x[5m:1m])", "b-c", "("], 0),
        (&["label-matchers", "set", "a+{__name__=\"x\"}", "__name__", "y"], 0),
        (&["label-matchers", "set", "-t", "==", "a", "b", "c"], 1),
        (&["label-matchers", "delete", "a{b=\"c\",d=\"e\"}+x{b!=\"c\"}", "b"], 0),
        (&["label-matchers", "delete", "a"], 1),
    ] {
        let args: Vec<&str> = ["--experimental", "promql"].iter().chain(command).copied().collect();
        check(&args, code, None);
    }
    check(&["promql", "format", "a"], 1, Some(""));
}

/// The original tells the groups of a file in an order of its own each time.
fn same_targets(args: &[&str]) {
    let targets = |out: &str| {
        let list: Vec<serde_json::Value> = serde_json::from_str(out).unwrap();
        let mut targets: Vec<String> = list.iter().map(ToString::to_string).collect();
        targets.sort();
        targets
    };
    let run = ours(Path::new(FOLDER), args);
    assert_eq!((run.code, targets(&run.out).len()), (Some(0), 2), "{}", run.err);
    if let Some(promtool) = common_testkit::peer("promtool") {
        let peer = theirs(&promtool, Path::new(FOLDER), args);
        assert_eq!((run.code, targets(&run.out)), (peer.code, targets(&peer.out)));
    }
}

#[test]
fn the_targets_of_a_job_are_listed_before_and_after_relabeling() {
    let command = |job| ["check", "service-discovery", "--timeout=1s", "jobs.yml", job];
    check(&command("listed"), 0, None);
    same_targets(&command("files"));
    check(&command("nobody"), 1, Some(""));
    // The original looks the name up; Hearth does not run that mechanism yet and says so.
    let run = ours(Path::new(FOLDER), &command("names"));
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("dns_sd_configs is not run yet"), "{}", run.err);
}
