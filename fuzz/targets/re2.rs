//! Patterns, compiled and matched; the anchored forms must agree.
#![no_main]

use common_model::MatchOp;
use common_re2::Regex;
use libfuzzer_sys::fuzz_target;

/// Longer patterns only take longer.
const PATTERN_BYTES_MAX: usize = 256;

fuzz_target!(|input: (&str, &str)| {
    let (pattern, text) = input;
    if pattern.len() > PATTERN_BYTES_MAX {
        return;
    }
    if let Ok(regex) = Regex::new(pattern) {
        let _ = regex.is_match(text);
        let _ = regex.captures(text);
        let found = regex.find(text);
        assert_eq!(regex.is_match(text), found.is_some());
    }
    if let (Ok(regex), Ok(matcher)) =
        (Regex::anchored(pattern), common_re2::matcher("x", MatchOp::Regex, pattern))
    {
        assert_eq!(regex.is_match(text), matcher.matches(text), "{pattern:?} {text:?}");
    }
});
