//! Random patterns: what Go takes is taken and matches as another spelling of the same that the
//! crate `regex` reads, what Go refuses is refused.

use common_re2::Regex;
use common_testkit::{Rng, go_pattern, line};
use regex_automata::{Input, meta};

/// Patterns of one run, and texts for each.
const PATTERNS: u64 = 1000;
const TEXTS: usize = 8;

#[test]
fn random_patterns_match_as_another_spelling_of_the_same() {
    let mut random = Rng::new(1);
    let (mut refused, mut matching) = (0, 0);
    for _ in 0..PATTERNS {
        let pattern = go_pattern(&mut random);
        let regex = Regex::new(&pattern.go);
        assert_eq!(regex.is_err(), pattern.is_refused, "{pattern:?}");
        let Ok(regex) = regex else {
            refused += 1;
            continue;
        };
        assert_eq!(regex.capture_names().len(), pattern.groups, "{pattern:?}");
        let plain = meta::Regex::new(&pattern.plain).unwrap();
        for _ in 0..TEXTS {
            let text = line(&mut random);
            let mut wanted = plain.create_captures();
            plain.search_captures(&Input::new(&text), &mut wanted);
            let found = regex.captures(&text);
            assert_eq!(found.is_some(), wanted.is_match(), "{pattern:?} {text:?}");
            let Some(found) = found else { continue };
            matching += 1;
            for group in 0..=pattern.groups {
                let wanted = wanted.get_group(group).map(|span| span.range());
                assert_eq!(found.range(group), wanted, "{pattern:?} {text:?} group {group}");
            }
        }
    }
    assert!(refused * 40 > PATTERNS && matching > PATTERNS, "{refused} {matching}");
}
