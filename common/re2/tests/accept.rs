//! Patterns that would take too much: deep ones, large ones, long ones.

use common_re2::Regex;

fn check(pattern: &str, wanted: Result<(), &str>) {
    let got = Regex::new(pattern).map(drop).map_err(|error| error.to_string());
    let wanted = wanted.map_err(|text| format!("error parsing regexp: {text}"));
    assert_eq!(got, wanted, "{pattern:?}");
}

#[test]
fn depth_costs_an_error_and_never_the_stack() {
    let nested = |depth: usize| format!("{}{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(999), Ok(()));
    let deep = nested(1000);
    check(&deep, Err(&format!("expression nests too deeply: `{deep}`")));
    let deep = nested(30_000);
    check(&deep, Err(&format!("expression nests too deeply: `{deep}`")));
    assert!(Regex::new(&"(".repeat(100_000)).is_err());
    assert!(Regex::new(&"(?:".repeat(100_000)).is_err());
}

#[test]
fn size_costs_an_error_and_never_the_memory() {
    let large = |pattern: String| {
        let error = Regex::new(&pattern).unwrap_err().to_string();
        assert!(error.starts_with("error parsing regexp: expression too large: `"), "{error:.80}");
    };
    large(format!("({}){{1000}}", "ab".repeat(2000)));
    large(r"\pL".repeat(50_000));
    large(format!("[{}]", r"\pL".repeat(50_000)));
    large(r"(\pL{500}){2}.{1000}".repeat(10));
    large(r"\pL{500}".to_owned());
    check(r"\pL{250}", Ok(()));
    check(&"a|".repeat(20_000), Ok(()));
    check(&"(a|b)?".repeat(2_000), Ok(()));
    check(&format!("[{}]", "a-z".repeat(20_000)), Ok(()));
}

#[test]
fn deep_patterns_match_on_a_small_stack() {
    let pattern = format!("{}a{}", "(x|".repeat(495), ")".repeat(495));
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let matched = thread.spawn(move || Regex::new(&pattern).map(|regex| regex.is_match("a")));
    assert_eq!(matched.unwrap().join().unwrap(), Ok(true));
}
