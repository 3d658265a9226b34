//! The rules that ship with the program.

use server_rules::{LoadOptions, RuleKind, duplicates, load};

#[test]
fn the_bundled_rules_load_and_have_no_duplicates() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../hearth/bundled/host.yml");
    let text = std::fs::read_to_string(path).unwrap();
    let groups = load(&text, "host.yml", &LoadOptions::default()).unwrap();
    let rules: Vec<_> = groups.iter().flat_map(|group| &group.rules).collect();
    assert_eq!(rules.len(), 35);
    assert_eq!(duplicates(&groups), []);
    for alert in rules.iter().filter(|rule| rule.kind == RuleKind::Alert) {
        assert!(alert.labels.contains_key("severity"), "{}", alert.name);
        assert!(alert.annotations.contains_key("summary"), "{}", alert.name);
    }
}
