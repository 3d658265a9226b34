//! Patterns in Go's syntax, made of choices: what Go takes is taken and matches as what the crate
//! `regex` makes of another spelling of the same, what Go refuses is refused, and log programs
//! agree with both.
#![no_main]

use common_re2::Regex;
use common_testkit::{Choose, go_pattern, line};
use exporters_log::{CompileOptions, compile};
use fuzz::Bytes;
use libfuzzer_sys::fuzz_target;
use regex_automata::{Input, meta};

/// Choices as the fuzzer makes them.
struct Chosen<'a>(Bytes<'a>);

impl Choose for Chosen<'_> {
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.0.byte()) % end
    }
}

/// A program that has the pattern as its condition.
fn is_compiled(pattern: &str) -> bool {
    let program = format!("counter c\n/{pattern}/ {{\n  c++\n}}\n");
    compile(program.as_bytes(), CompileOptions::default(), &mut |_, _| {}).is_ok()
}

fuzz_target!(|input: &[u8]| {
    let mut chosen = Chosen(Bytes::new(input));
    let pattern = go_pattern(&mut chosen);
    let regex = Regex::new(&pattern.go);
    assert_eq!(regex.is_err(), pattern.is_refused, "{pattern:?}");
    // A program's patterns may not be as long.
    if pattern.go.len() < 1000 {
        assert_eq!(is_compiled(&pattern.go), regex.is_ok(), "{pattern:?}");
    }
    let Ok(regex) = regex else { return };
    assert_eq!(regex.capture_names().len(), pattern.groups, "{pattern:?}");
    let plain = meta::Regex::new(&pattern.plain).expect("the other spelling is one");
    for _ in 0..4 {
        let text = line(&mut chosen);
        let mut wanted = plain.create_captures();
        plain.search_captures(&Input::new(&text), &mut wanted);
        let found = regex.captures(&text);
        assert_eq!(found.is_some(), wanted.is_match(), "{pattern:?} {text:?}");
        let Some(found) = found else { continue };
        for group in 0..=pattern.groups {
            let wanted = wanted.get_group(group).map(|span| span.range());
            assert_eq!(found.range(group), wanted, "{pattern:?} {text:?} group {group}");
        }
    }
});
