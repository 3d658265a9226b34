//! The rules that ship with the program.

use server_rules::{LoadOptions, RuleKind, duplicates, load};

/// Checks a file of the rules that ship with the program.
fn check(file: &str, count: usize) {
    let path = format!("{}/../../hearth/bundled/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let groups = load(&text, file, &LoadOptions::default()).unwrap();
    let rules: Vec<_> = groups.iter().flat_map(|group| &group.rules).collect();
    assert_eq!(rules.len(), count, "{file}");
    assert_eq!(duplicates(&groups), []);
    for alert in rules.iter().filter(|rule| rule.kind == RuleKind::Alert) {
        assert!(alert.labels.contains_key("severity"), "{}", alert.name);
        assert!(alert.annotations.contains_key("summary"), "{}", alert.name);
    }
}

#[test]
fn the_bundled_rules_load_and_have_no_duplicates() {
    check("host.yml", 37);
    check("logs.yml", 29);
    check("probes.yml", 7);
}
