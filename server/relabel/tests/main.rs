//! What the rules make of labels, with values taken from a real Prometheus.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use common_config::RelabelConfig;
use common_config::prometheus::NameScheme;
use common_model::Labels;
use server_relabel::{process, process_builder, steps};

fn rules(yaml: &str) -> Vec<RelabelConfig> {
    RelabelConfig::parse_list(yaml, "rules.yml", NameScheme::Utf8).unwrap()
}

fn labels(text: &str) -> Labels {
    Labels::from_pairs(text.split_whitespace().map(|pair| pair.split_once('=').unwrap()))
}

/// Applies `yaml` to `given` by every entrance; `wanted` is "-" for dropped.
fn check(given: &str, yaml: &str, wanted: &str) {
    let (given, rules) = (labels(given), rules(yaml));
    let show = |labels: &Labels| {
        let pairs: Vec<String> = labels.iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join(" ")
    };
    let output = process(&given, &rules);
    assert_eq!(output.as_ref().map_or("-".to_owned(), show), wanted, "{yaml}");

    let mut builder = given.to_builder();
    let keep = process_builder(&mut builder, &rules);
    let built = if keep { show(&builder.build()) } else { "-".to_owned() };
    assert_eq!(built, wanted, "builder: {yaml}");

    let last = steps(&given, &rules).pop();
    let stepped = last
        .map_or(show(&given), |step| if step.keep { show(&step.output) } else { "-".to_owned() });
    assert_eq!(stepped, wanted, "steps: {yaml}");
}

#[test]
fn replace_writes_the_expanded_replacement_where_the_pattern_matches() {
    let abc = "a=foo b=bar c=baz";
    check(
        abc,
        "- {source_labels: [a], regex: f(.*), target_label: d, replacement: 'ch${1}-ch${1}'}",
        "a=foo b=bar c=baz d=choo-choo",
    );
    check(
        abc,
        "- {source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}",
        "a=boobam b=bar c=baz",
    );
    check(abc, "- {source_labels: [a], regex: o(.*), target_label: d, replacement: x}", abc);
    check(abc, "- {source_labels: [a], target_label: d}", "a=foo b=bar c=baz d=foo");
    check(abc, "- {source_labels: [a], regex: (f)(x)?.*, target_label: d, replacement: '$2'}", abc);
    check(abc, "- {target_label: b, replacement: ''}", "a=foo c=baz");
    check(abc, "- {source_labels: [x], target_label: b}", "a=foo c=baz");
    check(abc, "- {source_labels: [a], regex: '', target_label: b, replacement: x}", abc);
    check(
        abc,
        "- {source_labels: [x], regex: '', target_label: d, replacement: x}",
        "a=foo b=bar c=baz d=x",
    );
    check(
        abc,
        "- {source_labels: [x], regex: , target_label: d, replacement: x}",
        "a=foo b=bar c=baz d=x",
    );
    check(
        abc,
        "- {source_labels: [a, b, c], separator: '', target_label: d}",
        "a=foo b=bar c=baz d=foobarbaz",
    );
}

#[test]
fn the_target_label_may_be_made_of_groups() {
    let tags = "t=,label:some=thing,x,";
    check(
        tags,
        "- {source_labels: [t], regex: '.*label:([^=]+)=([^,]+).*', target_label: '${1}', replacement: '${2}'}",
        "some=thing t=,label:some=thing,x,",
    );
    check(
        "a=foo",
        "- {source_labels: [a], regex: (f).*, target_label: 'x-$1', replacement: y}",
        "a=foo x-f=y",
    );
    // A name that comes out empty is no name.
    check(
        "a=foo",
        "- {source_labels: [a], regex: f(x)?.*, target_label: '$1', replacement: y}",
        "a=foo",
    );
    let legacy = RelabelConfig::parse_list(
        "- {source_labels: [a], regex: (.*), target_label: '${1}', replacement: y}",
        "",
        NameScheme::Legacy,
    );
    assert_eq!(process(&labels("a=f-o"), &legacy.unwrap()).unwrap(), labels("a=f-o"));
}

#[test]
fn keep_and_drop_look_at_the_whole_value() {
    check("a=foo", "- {source_labels: [a], regex: foo, action: drop}", "-");
    check("a=foo", "- {source_labels: [a], regex: fo, action: drop}", "a=foo");
    check("a=foo", "- {source_labels: [a], regex: .*o.*, action: keep}", "a=foo");
    check("a=foo", "- {source_labels: [a], regex: o, action: keep}", "-");
    check("a=foo", "- {source_labels: [x], regex: no-match, action: keep}", "-");
    check(
        "a=foo",
        "[{source_labels: [a], regex: f.*, action: drop}, {target_label: b, replacement: x}]",
        "-",
    );
    check(
        "port=5555 target=main-5555",
        "- {source_labels: [port, target], separator: '-', regex: '(.+)-main-(.+)', action: drop}",
        "-",
    );
}

#[test]
fn keepequal_and_dropequal_compare_two_labels() {
    check("a=x b=x", "- {source_labels: [a], target_label: b, action: dropequal}", "-");
    check("a=x b=y", "- {source_labels: [a], target_label: b, action: dropequal}", "a=x b=y");
    check("a=x b=x", "- {source_labels: [a], target_label: b, action: keepequal}", "a=x b=x");
    check("a=x b=y", "- {source_labels: [a], target_label: b, action: keepequal}", "-");
    check("a=x", "- {source_labels: [y], target_label: z, action: dropequal}", "-");
}

#[test]
fn hashmod_takes_the_last_half_of_the_md5_sum() {
    let rule = "- {source_labels: [c], target_label: d, action: hashmod, modulus: 1000}";
    check("a=foo b=bar c=baz", rule, "a=foo b=bar c=baz d=976");
    let newline = Labels::from_pairs([("a", "foo\nbar")]);
    let rule = "- {source_labels: [a], target_label: d, action: hashmod, modulus: 1000}";
    let output = process(&newline, &rules(rule)).unwrap();
    assert_eq!(output.get("d"), Some("734"));
}

#[test]
fn labelmap_copies_and_labeldrop_and_labelkeep_remove_by_name() {
    check(
        "a=foo b1=bar b2=baz",
        "- {regex: '(b.*)', replacement: 'bar_${1}', action: labelmap}",
        "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz",
    );
    check(
        "a=foo __meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc",
        "- {regex: '__meta_(my.*)', action: labelmap}",
        "__meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc a=foo my_bar=aaa my_baz=bbb",
    );
    check("a=foo b1=bar b2=baz", "- {regex: '(b.*)', action: labeldrop}", "a=foo");
    check("a=foo b1=bar b2=baz", "- {regex: '(b.*)', action: labelkeep}", "b1=bar b2=baz");
    check("a=foo", "- {regex: x, action: labeldrop}", "a=foo");
    check("a=foo", "- {regex: x, action: labelkeep}", "");
}

#[test]
fn lowercase_and_uppercase_write_the_source_labels() {
    let yaml = "[{source_labels: [foo], target_label: up, action: uppercase}, \
                 {source_labels: [foo], target_label: low, action: lowercase}]";
    check("foo=bAr123Foo", yaml, "foo=bAr123Foo low=bar123foo up=BAR123FOO");
    check("up=x", "- {source_labels: [foo], target_label: up, action: uppercase}", "");
}

#[test]
fn rules_see_what_earlier_rules_wrote() {
    let yaml = "[{source_labels: [a], target_label: d, replacement: 'd'}, \
                 {source_labels: [d], regex: d, target_label: e, replacement: '$0$0'}, \
                 {regex: a, action: labeldrop}]";
    check("a=foo", yaml, "d=d e=dd");
}

#[test]
fn labels_that_no_rule_changes_are_shared_not_copied() {
    let given = labels("__name__=up job=node instance=localhost:9100");
    let unchanged = rules(
        "[{source_labels: [__name__], regex: go_.*, action: drop}, \
          {source_labels: [job], regex: node, target_label: job, replacement: node}, \
          {regex: tmp_.*, action: labeldrop}]",
    );
    assert_eq!(process(&given, &unchanged), Some(given));
}

#[test]
fn steps_end_with_the_rule_that_drops() {
    let yaml = "[{target_label: b, replacement: x}, {source_labels: [b], regex: x, action: drop}, \
                 {target_label: c, replacement: y}]";
    let steps = steps(&labels("a=1"), &rules(yaml));
    let seen: Vec<(bool, String)> = steps.iter().map(|s| (s.keep, s.output.to_string())).collect();
    assert_eq!(seen, [(true, r#"{a="1", b="x"}"#.to_owned()), (false, "{}".to_owned())]);
}
