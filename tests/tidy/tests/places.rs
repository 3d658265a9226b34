//! What may stand only in named places: unsafe code, the clock, the environment, regex and YAML
//! syntax.

use tests_tidy::{files, relative, root};

/// A text that source files must not contain, and the places (path prefixes) where it may stand.
struct Rule {
    text: &'static str,
    allowed: &'static [&'static str],
    reason: &'static str,
}

/// Files that may hold unsafe code, each with its reason in its head.
const UNSAFE_PLACES: &[&str] = &[
    "common/service/src/resident.rs",
    "exporters/node/src/adjtimex.rs",
    "exporters/node/src/btrfs_ioctl.rs",
    "exporters/node/src/ethtool.rs",
    "hearth/src/allocator.rs",
    "server/tsdb/src/fs/mapped.rs",
];

const RULES: &[Rule] = &[
    Rule {
        text: "(unsafe_code",
        allowed: UNSAFE_PLACES,
        reason: "unsafe stands only in named modules",
    },
    Rule {
        text: "SystemTime::now",
        allowed: &["common/service/", "common/testkit/", "tests/"],
        reason: "the clock comes in as an argument",
    },
    Rule {
        text: "env::var",
        allowed: &["common/service/", "common/testkit/", "tests/", "server/ui/build.rs"],
        reason: "only common/service reads the environment",
    },
    Rule {
        text: "serde_saphyr",
        allowed: &["common/config/"],
        reason: "common/config is the only code that knows YAML",
    },
    Rule {
        text: "regex_syntax",
        // The log exporter plans how a parsed pattern is matched; it parses none.
        allowed: &["common/re2/", "exporters/log/src/vm/pattern/"],
        reason: "only common/re2 parses patterns, and only the matcher of log lines sees their trees",
    },
];

#[test]
fn things_stand_only_where_they_belong() {
    let mut complaints = Vec::new();
    for path in files(&root(), ".rs") {
        let place = relative(&path);
        // Tests may do to themselves what the product may not; this file names the texts.
        if place.starts_with("tests/tidy/") || place.contains("/tests/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for rule in RULES.iter().filter(|rule| text.contains(rule.text)) {
            if !rule.allowed.iter().any(|allowed| place.starts_with(allowed)) {
                complaints.push(format!("{place} contains `{}`: {}", rule.text, rule.reason));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn nothing_unfinished_is_committed() {
    let words = [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
    let mut complaints = Vec::new();
    for path in files(&root(), ".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in words.iter().filter(|word| text.contains(**word)) {
            complaints.push(format!("{} contains {word}", relative(&path)));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
