//! Patterns that Go refuses, with its words, and patterns that it takes.

use common_re2::Regex;

fn check(pattern: &str, wanted: Result<(), &str>) {
    let got = Regex::new(pattern).map(drop).map_err(|error| error.to_string());
    let wanted = wanted.map_err(|text| format!("error parsing regexp: {text}"));
    assert_eq!(got, wanted, "{pattern:?}");
}

#[test]
fn what_go_refuses_is_refused_in_its_words() {
    for (pattern, text) in [
        ("[a", "missing closing ]: `[a`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a)", "unexpected ): `a)`"),
        ("(a", "missing closing ): `(a`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        (r"a\", r"trailing backslash at end of expression: ``"),
    ] {
        check(pattern, Err(text));
    }
}

#[test]
fn depth_costs_an_error_and_never_the_stack() {
    let nested = |depth: usize| format!("{}{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(999), Ok(()));
    let deep = nested(1000);
    check(&deep, Err(&format!("expression nests too deeply: `{deep}`")));
    let deep = nested(100_000);
    check(&deep, Err(&format!("expression nests too deeply: `{deep}`")));
    assert!(Regex::new(&"(".repeat(100_000)).is_err());
    assert!(Regex::new(&"(?:".repeat(100_000)).is_err());
}
