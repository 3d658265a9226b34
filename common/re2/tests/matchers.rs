//! Label matchers: the shortcuts must not change what matches.

use common_model::{MatchOp, Pattern};
use common_re2::{AnchoredPattern, ErrorCode, Regex, matcher};

/// Pattern, the literals it stands for, its prefix, and whether it needs no automaton.
fn check(pattern: &str, set: Option<&[&str]>, prefix: &str, shortcut: bool) {
    let compiled = AnchoredPattern::new(pattern).unwrap();
    let got: Option<Vec<&str>> = compiled.set().map(|set| set.iter().map(String::as_str).collect());
    assert_eq!(got.as_deref(), set, "set of {pattern:?}");
    assert_eq!(compiled.prefix(), prefix, "prefix of {pattern:?}");
    assert_eq!(compiled.is_shortcut(), shortcut, "shortcut of {pattern:?}");
}

#[test]
fn common_patterns_need_no_automaton() {
    check("", Some(&[""]), "", true);
    check("foo", Some(&["foo"]), "foo", true);
    check("^foo$", Some(&["foo"]), "foo", true);
    check("foo|bar", Some(&["foo", "bar"]), "", true);
    check("foo|^bar$", Some(&["foo", "bar"]), "", true);
    check("foo(bar|baz)?", Some(&["foo", "foobar", "foobaz"]), "foo", true);
    check(
        "10\\.0\\.0\\.[1-3]:80",
        Some(&["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]),
        "10.0.0.",
        true,
    );
    check("a{3}", Some(&["aaa"]), "aaa", true);
    check(".*", None, "", true);
    check(".+", None, "", true);
    check("foo.*", None, "foo", true);
    check(".*foo", None, "", true);
    check(".*(foo|bar).*", None, "", true);
    check("foo.+bar|foo.*baz", None, "foo", true);
    check("(?i)ab", Some(&["AB", "Ab", "aB", "ab"]), "", true);
    check("(?i)production-west", None, "", true);
    check("(?i:foo|BAR.*)", None, "", true);
    check("(.*)", None, "", true);
    check("foo.bar", None, "foo", false);
    check("foo[^/]*", None, "foo", false);
    check("(?-s:.*)", None, "", false);
    check("(?i)éèêàâîôûç", None, "", false);
    check("(?m:^a$)", None, "", false);
}

#[test]
fn matchers_compare_as_prometheus_does() {
    for (op, value, yes, no) in [
        (MatchOp::Equal, "a.b", "a.b", "axb"),
        (MatchOp::NotEqual, "a", "b", "a"),
        (MatchOp::Regex, "a.b", "a\nb", "xa.b"),
        (MatchOp::NotRegex, "a.*", "b", "ab"),
        (MatchOp::Regex, ".+", "x", ""),
        (MatchOp::Regex, "a+.+b+", "a-b", "ab"),
        (MatchOp::Regex, ".+a", "aa", "a"),
        (MatchOp::Regex, ".*a.+a.*", "aba", "aa"),
        (MatchOp::Regex, "(?i)kelvin.*", "\u{212A}ELVIN\n", "celvin"),
        (MatchOp::Regex, "|a", "", "b"),
    ] {
        let matcher = matcher("l", op, value).unwrap();
        assert!(matcher.matches(yes), "{matcher} {yes:?}");
        assert!(!matcher.matches(no), "{matcher} {no:?}");
    }
    for (value, problem) in [
        ("(a", "error parsing regexp: missing closing ): `(a`"),
        // Anchored, these brackets would find partners.
        ("a)|(b", "error parsing regexp: unexpected ): `a)|(b`"),
    ] {
        assert_eq!(matcher("l", MatchOp::Regex, value).unwrap_err().to_string(), problem);
    }
}

/// Numbers that look random and are the same everywhere (xorshift).
fn next_number(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

fn pick(state: &mut u64, pieces: &[&str], most: usize) -> String {
    let count = next_number(state) % (most + 1);
    (0..count).map(|_| pieces[next_number(state) % pieces.len()]).collect()
}

#[test]
fn shortcuts_and_automata_agree() {
    let pieces = [
        "a",
        "b",
        "ab",
        "é",
        "k",
        "S",
        "1",
        ".*",
        ".+",
        ".",
        ".{2,}",
        "(a|b)",
        "(?:ab|a|)",
        "[ab]",
        "[a-c]",
        "|",
        "(",
        ")",
        "?",
        "*",
        "{2}",
        "{0,2}",
        "^",
        "$",
        "(?i)",
        "(?i:k)",
        "(?s)",
        "(?-s)",
        "(.*)",
        "\\.",
        "[^a]",
        "(?m)",
        "\\b",
        "(?i:[a-c])",
        "\\Aa",
        "b\\z",
    ];
    let letters = [
        "a", "b", "A", "B", "c", "é", "É", "k", "K", "\u{212A}", "s", "\u{17F}", "1", ".", "\n", "",
    ];
    let (mut shortcuts, mut automata) = (0, 0);
    for seed in 1..10_000_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let pattern = pick(&mut state, &pieces, 7);
        let Ok(fast) = AnchoredPattern::new(&pattern) else { continue };
        let slow = Regex::anchored(&pattern).unwrap();
        if fast.is_shortcut() {
            shortcuts += 1
        } else {
            automata += 1
        }
        for _ in 0..8 {
            let text = pick(&mut state, &letters, 6);
            let wanted = slow.is_match(&text);
            assert_eq!(fast.is_match(&text), wanted, "seed {seed}: {pattern:?} on {text:?}");
            if wanted {
                assert!(text.starts_with(fast.prefix()), "seed {seed}: prefix of {pattern:?}");
            }
            if let Some(set) = fast.set() {
                assert_eq!(set.contains(&text), wanted, "seed {seed}: set of {pattern:?}");
            }
        }
    }
    assert!(shortcuts > 500 && automata > 500, "{shortcuts} shortcuts, {automata} automata");
}

#[test]
fn long_lists_of_literals_need_no_tree_and_other_long_patterns_are_too_large() {
    let hosts = |between: &str| {
        (0..20_000).map(|at| format!("host{at}{between}example")).collect::<Vec<_>>().join("|")
    };
    for pattern in [hosts("_"), hosts("\\."), format!("({})", hosts("\\."))] {
        let pattern = AnchoredPattern::new(&pattern).unwrap();
        assert!(pattern.is_shortcut());
        assert_eq!(pattern.set().map(<[String]>::len), Some(20_000));
        let dot = pattern.set().unwrap()[0].replace("host0", "").replace("example", "");
        assert!(pattern.is_match(&format!("host19999{dot}example")));
        for other in ["host20000_example", "host1", "host1xexample", ""] {
            assert!(!pattern.is_match(other), "{other}");
        }
    }
    for pattern in
        [hosts("."), hosts("\\d"), format!("({}", hosts("_")), format!("{}\\", hosts("_"))]
    {
        let error = AnchoredPattern::new(&pattern).unwrap_err();
        assert_eq!(error.code, ErrorCode::Large);
        assert!(error.expr.len() < 100, "{}", error.expr);
    }
}
