//! How expressions print: upstream's one form.

use common_testkit::peer;
use server_promql::parser::{Options, parse};

fn print(query: &str) -> String {
    parse(query, &Options::everything()).unwrap().to_string()
}

#[test]
fn expressions_print_in_one_form() {
    for (query, printed) in [
        ("SUM(a)BY(b,c)", "sum by (b, c) (a)"),
        ("sum without()(a)", "sum without () (a)"),
        ("sum by()(a)", "sum(a)"),
        ("topk by(\"x y\")(5,a)", "topk by (\"x y\") (5, a)"),
        ("count_values('v',a)", "count_values(\"v\", a)"),
        ("a{c='d',b!=\"e\",f=~`g`,h!~'i'}", "a{b!=\"e\",c=\"d\",f=~\"g\",h!~\"i\"}"),
        ("{'a b','c d'='e'}", "{\"c d\"=\"e\",__name__=\"a b\"}"),
        ("{__name__='a'}", "{__name__=\"a\"}"),
        ("a[90m]", "a[1h30m]"),
        ("a[5400]", "a[1h30m]"),
        ("a[1h:30s]offset-5m@1.5", "a[1h:30s] @ 1.500 offset -5m"),
        ("a[1h:]@end()", "a[1h:] @ end()"),
        ("a offset 0s", "a"),
        ("a[1m]smoothed offset 1m", "a[1m] smoothed offset 1m"),
        ("a anchored @ start()", "a @ start() anchored"),
        ("a[5m*2+step()]", "a[5m * 2 + step()]"),
        ("a[min_of(1m,range())]", "a[min_of(1m, range())]"),
        ("a offset -(1m+step())", "a offset -(1m + step())"),
        ("a offset -((5))", "a offset -5s"),
        ("a[((step()))]", "a[(step())]"),
        ("a offset 5-3", "a offset 5s - 3"),
        ("a offset -1^1", "a offset -1s ^ 1"),
        ("a+b*c", "a + b * c"),
        ("a==bool(1)", "a == bool (1)"),
        ("a*on()b", "a * on () b"),
        ("a*ignoring()b", "a * b"),
        ("a/on(b)group_left(c)d", "a / on (b) group_left (c) d"),
        ("a/ignoring(b)group_right d", "a / ignoring (b) group_right () d"),
        ("a+fill(1e6)b", "a + fill (1e+06) b"),
        ("a+fill_right(1)fill_left(2)b", "a + fill_left (2) fill_right (1) b"),
        ("a</1", "a </ 1"),
        ("a atan2 b", "a atan2 b"),
        ("-a^b", "-a ^ b"),
        ("--1", "1"),
        ("+a", "+a"),
        ("1e6", "1000000"),
        ("0x1F+010+1_000", "31 + 8 + 1000"),
        ("08", "8"),
        ("-Inf", "-Inf"),
        ("inf*a", "+Inf * a"),
        ("inf^a", "Inf ^ a"),
        ("+nan", "NaN"),
        ("1h30m", "1h30m"),
        ("-5m", "-5m"),
        ("'a\"\\n\\x41\\u00e9\\xff'", "\"a\\\"\\nAé\\xff\""),
        ("label_join(a,'b','c')", "label_join(a, \"b\", \"c\")"),
        ("offset{step='1'}", "offset{step=\"1\"}"),
        ("(a)# comment", "(a)"),
    ] {
        assert_eq!(print(query), printed, "{query}");
    }
}

#[test]
fn precedences_are_upstreams() {
    for (query, grouped) in [
        ("1+2*3^4^5", "1+(2*(3^(4^5)))"),
        ("-1^2*3", "(-(1^2))*3"),
        ("2^-1*3", "(2^(-1))*3"),
        ("a or b and c unless d", "a or ((b and c) unless d)"),
        ("a == b + c > d", "(a == (b + c)) > d"),
        ("a atan2 b * c % d", "((a atan2 b) * c) % d"),
        ("a </ 1 + 2", "a </ (1 + 2)"),
        ("-a offset 5m", "-(a offset 5m)"),
        ("a + b offset 5m", "a + (b offset 5m)"),
    ] {
        // Parentheses leave a mark in the tree, so compare what is left without them.
        let plain = |text: &str| text.replace(['(', ')', ' '], "");
        assert_eq!(plain(query), plain(grouped), "{query}");
        let shape = |text: &str| shape(&parse(text, &Options::everything()).unwrap());
        assert_eq!(shape(query), shape(grouped), "{query}");
    }
}

/// The tree with a pair of brackets around every operator.
fn shape(expr: &server_promql::ast::Expr) -> String {
    use server_promql::ast::Expr;
    match expr {
        Expr::Paren(paren) => shape(&paren.expr),
        Expr::Unary(unary) => format!("[-{}]", shape(&unary.expr)),
        Expr::Binary(binary) => {
            format!("[{} {} {}]", shape(&binary.left), binary.op.as_str(), shape(&binary.right))
        }
        other => other.to_string(),
    }
}

/// Each is longer than one line.
const LONG: &[&str] = &[
    "sum by (instance, job, mode) (rate(node_cpu_seconds_total{mode=\"idle\",job=\"node\",instance=~\"web.*\"}[5m]))",
    "topk by (job) (5, node_filesystem_avail_bytes{mountpoint=\"/\",fstype!=\"tmpfs\"} / node_filesystem_size_bytes{mountpoint=\"/\"})",
    "(node_memory_total_bytes - node_memory_free_bytes - node_memory_buffers) / on (instance, job) group_left (nodename) node_uname_info",
    "label_replace(up{job=\"prometheus\",instance=\"localhost:9090\"}, \"short\", \"$1\", \"instance\", \"([^:]+):[0-9]+\") > bool 0",
    "-(first_metric_with_a_long_name{a=\"b\"} + second_metric_with_a_long_name{a=\"b\"} + third_metric_with_a_long_name)",
    "max_over_time((sum by (job) (rate(http_requests_total{code=~\"5..\",handler=\"/api/v1/query\"}[5m])) > 0.01)[1d:5m] offset 1w)",
];

#[test]
fn long_expressions_are_split_where_promtool_splits_them() {
    let Some(promtool) = peer("promtool") else { return };
    for query in LONG {
        let output = std::process::Command::new(&promtool)
            .args(["--experimental", "promql", "format", "--", query])
            .output()
            .unwrap();
        let wanted = String::from_utf8(output.stdout).unwrap();
        let found = parse(query, &Options::default()).unwrap().pretty();
        assert_eq!(found.trim_end(), wanted.trim_end(), "{query}");
    }
}

#[test]
fn a_split_expression_indents_what_it_holds() {
    let pretty = parse(LONG[0], &Options::default()).unwrap().pretty();
    let wanted = "sum by (instance, job, mode) (\n  rate(node_cpu_seconds_total{instance=~\"web.*\",\
                  job=\"node\",mode=\"idle\"}[5m])\n)";
    assert_eq!(pretty, wanted);
}
