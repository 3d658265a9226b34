//! The tree of routes as a list, and the walk through it.

use std::fmt::Write as _;

use common_config::alertmanager::{GroupBy, Route};
use common_model::{Labels, Matcher};

use super::millis;

/// One route.
#[derive(Debug)]
pub(crate) struct RouteNode {
    /// Who is told.
    pub(crate) receiver: String,
    group_by: GroupBy,
    pub(crate) group_wait_ms: i64,
    pub(crate) group_interval_ms: i64,
    pub(crate) repeat_interval_ms: i64,
    matchers: Vec<Matcher>,
    goes_on: bool,
    /// The matchers from the root down to here: first part of the keys of its groups.
    pub(crate) key: String,
    children: Vec<usize>,
}

/// All routes; the root is the first.
#[derive(Debug)]
pub(crate) struct Tree(Vec<RouteNode>);

impl Tree {
    pub(crate) fn new(root: &Route) -> Tree {
        let mut tree = Tree(Vec::new());
        tree.add(root, "");
        tree
    }

    fn add(&mut self, route: &Route, above: &str) -> usize {
        let own = show_matchers(&route.matchers);
        let key = if above.is_empty() { own } else { format!("{above}/{own}") };
        let index = self.0.len();
        self.0.push(RouteNode {
            receiver: route.receiver.clone(),
            group_by: route.group_by.clone(),
            group_wait_ms: millis(route.group_wait),
            group_interval_ms: millis(route.group_interval),
            repeat_interval_ms: millis(route.repeat_interval),
            matchers: route.matchers.clone(),
            goes_on: route.goes_on,
            key: key.clone(),
            children: Vec::new(),
        });
        for child in &route.routes {
            let child = self.add(child, &key);
            self.0[index].children.push(child);
        }
        index
    }

    pub(crate) fn node(&self, index: usize) -> &RouteNode {
        &self.0[index]
    }

    /// The routes that an alert takes; always at least one.
    pub(crate) fn find(&self, labels: &Labels) -> Vec<usize> {
        let mut found = Vec::new();
        self.walk(0, labels, &mut found);
        found
    }

    /// Whether the alert took the route or one below. The configuration bounds the depth.
    fn walk(&self, index: usize, labels: &Labels, found: &mut Vec<usize>) -> bool {
        let node = self.node(index);
        if !node.matchers.iter().all(|matcher| matcher.matches(labels.value(&matcher.name))) {
            return false;
        }
        let mut is_taken = false;
        for &child in &node.children {
            let child_took = self.walk(child, labels, found);
            is_taken |= child_took;
            if child_took && !self.node(child).goes_on {
                break;
            }
        }
        if !is_taken {
            found.push(index);
        }
        true
    }
}

impl RouteNode {
    /// The labels that name the group of an alert.
    pub(crate) fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => labels.filter(|name| names.iter().any(|n| n == name)),
        }
    }
}

/// `{a="b",c=~"d"}`, as keys of groups have it.
fn show_matchers(matchers: &[Matcher]) -> String {
    let one = |matcher: &Matcher| {
        let (name, op) = (&matcher.name, matcher.op.as_str());
        if name.contains(|c: char| c.is_whitespace() || "{}!=~,\\\"'`".contains(c)) {
            return format!("{}{op}{}", go_quote(name), go_quote(&matcher.value));
        }
        let value = matcher.value.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
        format!("{name}{op}\"{value}\"")
    };
    let all: Vec<String> = matchers.iter().map(one).collect();
    format!("{{{}}}", all.join(","))
}

/// `{a="b", c="d"}`, as Go prints a label set.
pub(crate) fn show_labels(labels: &Labels) -> String {
    let all: Vec<String> =
        labels.iter().map(|(name, value)| format!("{name}={}", go_quote(value))).collect();
    format!("{{{}}}", all.join(", "))
}

/// Go's `strconv.Quote`.
fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let code = u32::from(c);
                // Writing into a String cannot fail.
                let _ = match code < 0x80 {
                    true => write!(out, "\\x{code:02x}"),
                    false => write!(out, "\\u{code:04x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use common_config::alertmanager::AlertmanagerFile;

    const CONFIG: &str = r#"
receivers: [{name: root}, {name: a}, {name: b}, {name: ab}, {name: any}]
route:
  receiver: root
  group_by: [alertname]
  routes:
  - {matchers: [team="a"], receiver: a, routes: [{matchers: [sub=~"b|c"], receiver: ab}]}
  - {matchers: [team="b"], receiver: b, continue: true}
  - {matchers: [x!="", 'x!="1"'], receiver: any, group_by: ['...']}
"#;

    #[track_caller]
    fn check(labels: &[(&str, &str)], wanted: &[&str]) {
        let config = AlertmanagerFile::parse(CONFIG).unwrap();
        let tree = Tree::new(&config.route);
        let labels = Labels::from_pairs(labels.iter().copied());
        let keys: Vec<String> = tree
            .find(&labels)
            .into_iter()
            .map(|index| {
                let node = tree.node(index);
                format!(
                    "{} {}:{}",
                    node.receiver,
                    node.key,
                    show_labels(&node.group_labels(&labels))
                )
            })
            .collect();
        assert_eq!(keys, wanted, "{labels:?}");
    }

    #[test]
    fn an_alert_takes_the_first_route_and_those_it_goes_on_to() {
        check(&[("alertname", "N")], &["root {}:{alertname=\"N\"}"]);
        check(&[("team", "a")], &["a {}/{team=\"a\"}:{}"]);
        check(&[("team", "a"), ("sub", "c")], &["ab {}/{team=\"a\"}/{sub=~\"b|c\"}:{}"]);
        check(&[("team", "b")], &["b {}/{team=\"b\"}:{}"]);
        check(
            &[("team", "b"), ("x", "\"")],
            &["b {}/{team=\"b\"}:{}", "any {}/{x!=\"\",x!=\"1\"}:{team=\"b\", x=\"\\\"\"}"],
        );
    }
}
