//! Verdicts and texts, and the same from amtool where it can be had.

use std::process::Command;
use std::time::Duration;

use super::*;

/// What this version says otherwise than amtool; only its own text is checked.
const OURS: &str = "ours: ";

const GLOBAL: &[(&str, &str)] = &[
    ("", "no route provided in config"),
    ("receivers: [{name: a}]", "no routes provided"),
    ("foo: 1\nroute: {receiver: a}", "field foo not found in type config.plain"),
    ("[]", "cannot unmarshal !!seq into config.plain"),
    ("route: {}", "root route must specify a default receiver"),
    ("route: {receiver: a}", "undefined receiver \"a\" used in route"),
    (
        "route: {receiver: a}\nreceivers: [{name: a},{name: a}]",
        "notification config name \"a\" is not unique",
    ),
    ("route: {receiver: a}\nreceivers: [{nam: a}]", "field nam not found in type config.plain"),
    ("route: {receiver: a}\nreceivers: [{name: ''}]", "missing name in receiver"),
    (
        "global: {smtp_auth_password: a, smtp_auth_password_file: b}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "at most one of smtp_auth_password & smtp_auth_password_file must be configured",
    ),
    (
        "global: {smtp_smarthost: a}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "address a: missing port in address",
    ),
    (
        "global: {smtp_smarthost: 'a:'}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "address \"a:\": port cannot be empty",
    ),
    (
        "global: {foo: a}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "field foo not found in type config.plain",
    ),
    (
        "global: {http_config: {bearer_token: a, bearer_token_file: b}}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "at most one of bearer_token & bearer_token_file must be configured",
    ),
    ("global: null\nroute: {receiver: a}\nreceivers: [{name: a}]", ""),
    (
        "global: {slack_api_url: 'http://s/'}\nroute: {receiver: a}\nreceivers: [{name: a, slack_configs: []}]",
        "",
    ),
    (
        "time_intervals: [{name: a, time_intervals: []}]\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "ours: time_intervals: this version does not run it",
    ),
    (
        "tracing: {endpoint: a}\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "ours: tracing: this version does not run it",
    ),
    (
        "inhibit_rules: [{source_matchers: [a=b], equal: ['-']}]\nroute: {receiver: a}\nreceivers: [{name: a}]",
        "",
    ),
];

/// What stands in the root route after its receiver.
const ROUTES: &[(&str, &str)] = &[
    ("group_by: [a, b], group_wait: 0s, routes: [{matchers: [c=d], continue: true}]", ""),
    ("group_by: ['...']", ""),
    ("matchers: [a=b]", "root route must not have any matchers"),
    ("match: {a: b}", "root route must not have any matchers"),
    ("continue: true", "cannot have continue in root route"),
    ("group_by: [a,a]", "duplicated label \"a\" in group_by"),
    (
        "group_by: [a,'...']",
        "cannot have wildcard group_by (`...`) and other labels at the same time",
    ),
    ("group_by: ['']", "invalid label name \"\" in group_by list"),
    ("group_interval: 0s", "group_interval cannot be zero"),
    ("repeat_interval: 0s", "repeat_interval cannot be zero"),
    ("group_wait: -1s", "not a valid duration string: \"-1s\""),
    ("mute_time_intervals: [q]", "root route must not have any mute time intervals"),
    ("active_time_intervals: [q]", "root route must not have any active time intervals"),
    ("routes: [{mute_time_intervals: [q]}]", "undefined time interval \"q\" used in route"),
    ("routes: [{receiver: x}]", "undefined receiver \"x\" used in route"),
    ("routes: [{matchers: ['a']}]", "bad matcher format: a"),
    ("routes: [{matchers: ['a=~(']}]", "error parsing regexp: missing closing ): `^(?:()$`"),
    ("routes: [{match_re: {a: '('}}]", "error parsing regexp: missing closing ): `^(?:()$`"),
    ("routes: [{match: {'-': x}}]", "invalid label name \"-\""),
    ("foo: b", "field foo not found in type config.plain"),
];

/// One entry of `webhook_configs`.
const WEBHOOKS: &[(&str, &str)] = &[
    ("{url: 'http://x', max_alerts: 3, timeout: 5s, send_resolved: false}", ""),
    ("{url: 'http://x/{{ .Status }}'}", ""),
    ("{url_file: x}", ""),
    ("{}", "one of url or url_file must be configured"),
    ("null", "missing webhook config"),
    ("{url: x}", "invalid URL: unsupported scheme \"\" for URL"),
    ("{url: 'ftp://x'}", "invalid URL: unsupported scheme \"ftp\" for URL"),
    ("{url: 'http://'}", "invalid URL: missing host for URL"),
    ("{url: 'http://x', url_file: y}", "at most one of url & url_file must be configured"),
    ("{url: 'http://x', foo: 1}", "field foo not found in type webhook.plain"),
    (
        "{url: 'http://x', http_config: {bearer_token: a, basic_auth: {username: q}}}",
        "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
    ),
    (
        "{url: 'http://x', payload: {a: b}}",
        "ours: payload of a webhook: this version does not run it",
    ),
];

/// One entry of `email_configs`.
const EMAILS: &[(&str, &str)] = &[
    ("{to: x, smarthost: 'a:25', from: b}", ""),
    ("{to: x}", "no global SMTP smarthost set"),
    ("{to: x, smarthost: 'a:25'}", "no global SMTP from set"),
    ("{smarthost: 'a:25', from: b}", "missing to address in email config"),
    ("{to: x, smarthost: a, from: b}", "address a: missing port in address"),
    (
        "{to: x, smarthost: 'a:25', from: b, headers: {Subject: a, subject: b}}",
        "duplicate header \"Subject\" in email config",
    ),
    (
        "{to: x, smarthost: 'a:25', from: b, auth_secret: c}",
        "ours: auth_secret (CRAM-MD5): this version does not run it",
    ),
    (
        "{to: x, smarthost: 'a:25', from: b, threading: {enabled: true}}",
        "ours: threading: this version does not run it",
    ),
];

fn cases() -> Vec<(String, &'static str)> {
    let mut all: Vec<_> = GLOBAL.iter().map(|(text, says)| ((*text).to_owned(), *says)).collect();
    for (text, says) in ROUTES {
        all.push((format!("route: {{receiver: a, {text}}}\nreceivers: [{{name: a}}]\n"), says));
    }
    for (kind, table) in [("webhook", WEBHOOKS), ("email", EMAILS)] {
        for (text, says) in table {
            let receiver = format!("{{name: a, {kind}_configs: [{text}]}}");
            all.push((format!("route: {{receiver: a}}\nreceivers: [{receiver}]\n"), says));
        }
    }
    all
}

#[test]
fn a_configuration_is_accepted_or_refused_with_upstreams_words() {
    for (text, says) in cases() {
        let wanted = says.strip_prefix(OURS).unwrap_or(says);
        let problem = AlertmanagerFile::parse(&text).err().map_or(String::new(), |e| e.message);
        let is_as_wanted =
            if wanted.is_empty() { problem.is_empty() } else { problem.ends_with(wanted) };
        assert!(is_as_wanted, "{text}\nwanted: {wanted}\nfound: {problem}");
    }
}

#[test]
fn amtool_says_the_same() {
    let Some(amtool) = common_testkit::peer("amtool") else {
        return;
    };
    let tree = common_testkit::Tree::new();
    for (text, says) in cases().into_iter().filter(|(_, says)| !says.starts_with(OURS)) {
        let file = tree.write("alertmanager.yml", &text);
        let output = Command::new(&amtool).arg("check-config").arg(file).output().unwrap();
        assert_eq!(output.status.success(), says.is_empty(), "{text}");
        let mut told = String::from_utf8_lossy(&output.stdout).into_owned();
        told.push_str(&String::from_utf8_lossy(&output.stderr));
        assert!(told.contains(says), "{text}\nwanted: {says}\namtool: {told}");
    }
}

#[test]
fn what_a_route_does_not_say_is_its_parents() {
    let text = "
global: {smtp_smarthost: 'mx:465', smtp_from: f, smtp_auth_password: hunter2}
templates: ['t/*.tmpl']
receivers: [{name: a}, {name: b, email_configs: [{to: x, tls_config: {ca_file: ca.pem}}]}]
route:
  receiver: a
  group_by: [x]
  group_wait: 1s
  routes:
  - {receiver: b, repeat_interval: 1h, matchers: [q=1, 'b=~c'], routes: [{group_by: ['...']}]}
  - {group_by: []}
";
    let config = AlertmanagerFile::load(text, "/etc/am/alertmanager.yml").unwrap();
    let below = &config.route.routes[0];
    let leaf = &below.routes[0];
    assert_eq!((leaf.receiver.as_str(), &leaf.group_by), ("b", &GroupBy::All));
    assert_eq!(below.group_by, GroupBy::Labels(vec!["x".to_owned()]));
    assert_eq!(
        (leaf.group_wait, leaf.group_interval),
        (Duration::from_secs(1), Duration::from_secs(300))
    );
    assert_eq!(leaf.repeat_interval, Duration::from_secs(3600));
    assert_eq!(config.route.routes[1].group_by, GroupBy::default());
    assert_eq!(below.matchers.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["b", "q"]);
    let email = &config.receivers[1].email_configs[0];
    assert!(email.implicit_tls && email.require_tls && !email.send_resolved);
    assert_eq!(email.tls_config.ca_file.as_deref(), Some("/etc/am/ca.pem"));
    assert_eq!(config.templates, ["/etc/am/t/*.tmpl"]);
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn routes_nested_too_deeply_are_refused() {
    let deep = "{routes: [".repeat(ROUTE_DEPTH_MAX) + &"]}".repeat(ROUTE_DEPTH_MAX);
    let text = format!("route: {{receiver: a, routes: [{deep}]}}\nreceivers: [{{name: a}}]");
    let problem = AlertmanagerFile::parse(&text).unwrap_err().message;
    assert_eq!(problem, "routes are nested deeper than 32");
}
