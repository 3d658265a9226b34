//! Upstream's `.test` files: at least as many evals pass as did when the table was written.

use common_testkit::suites;
use server_promql::promqltest::run_script;

/// File, evals that must pass, evals there are.
const FILES: &[(&str, usize, usize)] = &[
    ("aggregators", 119, 119),
    ("at_modifier", 57, 57),
    ("collision", 2, 2),
    ("duration_expression", 44, 44),
    ("extended_vectors", 125, 125),
    ("fill-modifier", 33, 33),
    ("functions", 323, 323),
    ("histograms", 139, 139),
    ("info", 40, 40),
    ("limit", 30, 30),
    ("literals", 19, 19),
    ("name_label_dropping", 22, 22),
    ("native_histograms", 391, 391),
    ("operators", 158, 158),
    ("range_queries", 13, 13),
    ("selectors", 23, 23),
    ("staleness", 13, 13),
    ("start_timestamps", 20, 20),
    ("subquery", 26, 26),
    ("trig_functions", 13, 13),
    ("type_and_unit", 46, 46),
];

#[test]
fn upstreams_evals_pass() {
    let Some(suites) = suites() else { return };
    let mut wrong = Vec::new();
    for &(name, passes_min, evals) in FILES {
        let text = std::fs::read_to_string(suites.join(format!("promql/{name}.test"))).unwrap();
        let outcome = run_script(&text);
        if outcome.passed < passes_min || outcome.passed + outcome.failed != evals {
            let (passed, failed) = (outcome.passed, outcome.failed);
            wrong.push(format!("{name}: {passed} passed, {failed} failed, {passes_min} must pass"));
            wrong.extend(outcome.failures.iter().take(5).map(ToString::to_string));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
