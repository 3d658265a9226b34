//! `blackbox.yml`: what is taken, what is refused in which words, how it is shown.

use exporters_blackbox::config::Config;

/// The text of one module `m`.
fn module(text: &str) -> String {
    format!("modules:\n  m:\n    {text}\n")
}

#[test]
fn mistakes_are_told_in_the_words_of_the_original() {
    let check = |text: &str, expected: &str| {
        let error = Config::parse(&module(text), "b.yml").unwrap_err().to_string();
        assert!(error.starts_with("b.yml:") && error.ends_with(expected), "{text}: {error}");
    };
    check("{prober: http, bogus: 1}", "field bogus not found in type config.plain");
    check("{prober: http, timeout: 5}", "timeout: cannot unmarshal !!int `5` into time.Duration");
    check("{dns: {query_type: A}}", "query name must be set for DNS module");
    check("{dns: {query_name: x, query_class: X}}", "query class 'X' is not valid");
    check("{dns: {query_name: x, query_type: a}}", "query type 'a' is not valid");
    check("{icmp: {ttl: -1}}", "\"ttl\" cannot be negative");
    check("{icmp: {ttl: 256}}", "\"ttl\" cannot exceed 255");
    check("{http: {body: a, body_file: b}}", "setting body and body_file both are not allowed");
    check(
        "{http: {fail_if_body_matches_regexp: [':[']}}",
        "\"Could not compile regular expression\" regexp=\":[\"",
    );
    check(
        "{tcp: {query_response: [{expect: ':['}]}}",
        "\"Could not compile regular expression\" regexp=\":[\"",
    );
    check(
        "{http: {fail_if_header_matches: [{header: A}]}}",
        "regexp must be set for HTTP header matchers",
    );
    check(
        "{http: {compression: gzip, headers: {accEpt-enCoding: deflate}}}",
        "invalid configuration \"accEpt-enCoding: deflate\", \"compression: gzip\"",
    );
    check(
        "{http: {enable_http3: true}}",
        "when enable_http3 is true, enable_http2 must be set to false",
    );
    check(
        "{http: {bearer_token: a, bearer_token_file: b}}",
        "at most one of bearer_token & bearer_token_file must be configured",
    );
    check(
        "{http: {fail_if_body_json_matches_cel: 'other == 1'}}",
        "\"Could not compile CEL program\" expression=\"other == 1\"",
    );
    check(
        "{hearth: {allow_targets: ['a b']}}",
        "expected an address, a network or a host name, found \"a b\"",
    );
}

#[test]
fn a_configuration_is_shown_with_its_defaults_and_without_its_secrets() {
    let text = module(
        "{prober: http, timeout: 90.5s, http: {bearer_token: hunter2, body: \"a\\nb\\n\"}, \
         tcp: {query_response: [{send: !!binary AAAACATSFi8=}, {expect: 'a (b)', labels: [{name: n, value: $1}]}]}}",
    );
    let config = Config::parse(&format!("{text}  z:\n"), "b.yml").unwrap();
    let shown = config.show();
    common_testkit::golden("tests/golden/config.yml", &shown);
    assert!(!shown.contains("hunter2"), "{shown}");
    let debug = format!("{config:?}");
    assert!(!debug.contains("hunter2"), "{debug}");
}
