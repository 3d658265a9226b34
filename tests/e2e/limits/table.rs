//! Requests that mean harm, by family.

/// A request: path and form.
#[derive(Clone)]
pub(super) struct Hostile {
    pub(super) path: String,
    pub(super) form: Vec<(&'static str, String)>,
}

const YEAR_S: u64 = 31_557_600;

/// Functions of a range vector alone.
const OVER_TIME: &[&str] = &[
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "absent_over_time",
    "present_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "rate",
    "irate",
    "delta",
    "deriv",
    "changes",
    "resets",
];

/// Everything, twice, and more of it than there is.
const VECTORS: &[&str] = &[
    "{__name__=~\".+\"}",
    "card * on (id) group_left (z) card",
    "card * on (g) group_left (z) card",
    "card * on () group_left card",
    "card * ignoring (id) card",
    "card and on (g) card",
    "card or on (id, g) card",
    "card unless on (z) card",
    "card or (card + 1) or (card + 2) or (card + 3)",
    "label_replace(card, \"id2\", \"$1$1$1$1\", \"id\", \"(.*)\") or card",
    "label_join(card, \"all\", \"-\", \"id\", \"g\", \"z\", \"id\", \"g\", \"z\")",
    "count_values(\"v\", card)",
    "count_values without () (\"v\", card)",
    "count_values by (id) (\"v\", card + time())",
    "count_values(\"v\", {__name__=~\".+\"} * time())",
    "topk(1e15, card)",
    "topk by (id) (1e15, card)",
    "bottomk(20000, {__name__=~\".+\"})",
    "quantile by (id) (0.5, card)",
    "quantile(0.99, {__name__=~\".+\"})",
    "sum by (id, g, z) (card)",
    "sum without (nothing) ({__name__=~\".+\"})",
    "stddev(card) by (z)",
    "group by (id) (card) * on (id) group_right card",
    "absent({__name__=~\"none.*\"})",
    "sort_desc(card)",
    "sort(-card)",
    "histogram_quantile(0.9, hist_bucket)",
    "histogram_quantile(0.9, sum by (le) (rate(hist_bucket[1m])))",
    "histogram_quantile(scalar(max(card)), {__name__=~\".+\"})",
    "predict_linear(card[1m], 1e18)",
    "quantile_over_time(0.5, card[1h])",
    "double_exponential_smoothing(card[1h], 0.5, 0.5)",
    "info(card)",
    "limit_ratio(-1, card)",
    "limitk(1e9, card)",
    "max_over_time(card[1h:1s])",
    "sum(max_over_time(rate(card[1m])[1h:1s]))",
    "clamp(card, -Inf, scalar(sum(card)))",
    "timestamp({__name__=~\".+\"}) - on (id) group_left () card",
];

/// Arguments that a parser or a selector might stumble over.
const ODD: &[&str] = &[
    "card @ 9223372036854775.807",
    "card @ -9223372036854775.807",
    "card @ 1e300",
    "card offset 292y",
    "card offset -292y",
    "card offset 9223372036854775807ms",
    "card offset 99999999999999999999y",
    "rate(card[292y])",
    "rate(card[292y] offset -292y)",
    "rate(card[9223372036854775807ms])",
    "sum_over_time(card[292y:292y])",
    "sum_over_time(card[292y:1ms] @ 1e15)",
    "sum_over_time(card[1y:1ms] offset -100y)",
    "sum_over_time(vector(1)[292y:1ms] @ start())",
    "card @ end() offset 292y",
    "vector(1e308 * 1e308 ^ 1e308 % 0)",
    "card{id=~\"(((a{100}){100}){100}){100}\"}",
    "card{id=~\"(a*)*(b*)*(c*)*(d*)*$\"}",
    "card{id=~\"(x+x+)+y\"}",
    "card{id=~\"(?i:.*a.*b.*c.*d.*e.*f.*g.*h.*){50}\"}",
    "card{id=~\"[\\\\x{0}-\\\\x{10FFFF}]{1000}\"}",
    "card{id=~\"\\\\pL{1000}\\\\pL{1000}\"}",
    "card{id!~\".*.*.*.*.*.*.*.*.*.*.*.*=.*\"}",
    "label_replace(card, \"a\", \"$1\", \"id\", \"((a{1000}){1000})\")",
    "label_replace(card, \"a\", \"$1\", \"id\", \"(.*.*.*.*.*.*.*.*)*\")",
];

/// All requests.
pub(super) fn all() -> Vec<Hostile> {
    let mut all = Vec::new();
    for query in grids().into_iter().chain(texts()).chain(ODD.iter().map(|&q| q.to_owned())) {
        all.push(instant(query));
    }
    for vector in VECTORS {
        all.push(instant((*vector).to_owned()));
        all.push(range((*vector).to_owned(), 10_999, 1));
        all.push(range(format!("sum({vector})"), 10_999, 60));
    }
    all.extend(endpoints());
    all
}

fn instant(query: String) -> Hostile {
    Hostile { path: "/api/v1/query".to_owned(), form: vec![("query", query)] }
}

/// So many steps of so many seconds, around a time at which there are samples.
fn range(query: String, steps: u64, step: u64) -> Hostile {
    let form = vec![
        ("query", query),
        ("start", "START".to_owned()),
        ("end", format!("START+{}", steps * step)),
        ("step", step.to_string()),
    ];
    Hostile { path: "/api/v1/query_range".to_owned(), form }
}

/// Subqueries of more steps than anybody has memory or time for.
fn grids() -> Vec<String> {
    let mut grids = Vec::new();
    for function in OVER_TIME {
        grids.push(format!("{function}(card[1y:1ms])"));
        grids.push(format!("{function}(vector(1)[10d:20ms])"));
        grids.push(format!("{function}(card[1d:1s])"));
    }
    for (inner, outer) in [("1h:1ms", "1d:1s"), ("1d:1s", "1d:1s"), ("1h:1s", "1h:1s")] {
        grids.push(format!("max_over_time(sum_over_time(vector(1)[{inner}])[{outer}])"));
        grids.push(format!("sum(max_over_time(sum_over_time(card[{inner}])[{outer}]))"));
    }
    grids.push("max_over_time(".repeat(20) + "card" + &"[1h:1m])".repeat(20));
    grids.push("max_over_time(".repeat(5) + "card" + &"[1d:1s])".repeat(5));
    grids.push(format!("sum_over_time((card * on (id) card)[{YEAR_S}s:1s])"));
    grids.push("sum_over_time(time()[40ms:1ms]) + sum_over_time(time()[10d:40ms])".to_owned());
    grids
}

/// Queries that are large themselves.
fn texts() -> Vec<String> {
    let around = |left: &str, middle: &str, right: &str, count: usize| {
        left.repeat(count) + middle + &right.repeat(count)
    };
    let long = "x".repeat(1_000_000);
    let several = |count: usize, one: &dyn Fn(usize) -> String, between: &str| {
        (0..count).map(one).collect::<Vec<_>>().join(between)
    };
    let matcher = |at: usize| format!("id!=\"{at}\"");
    let regex = |at: usize| format!("id=~\".*{at}.*\"");
    let vector = |at: usize| format!("card{{id=\"{at}\"}}");
    vec![
        around("(", "1", ")", 1_000_000),
        around("(", "1", ")", 500_000),
        around("(", "1", ")", 250),
        around("-", "card", "", 500_000),
        around("-", "card", "", 250),
        around("sum(", "card", ")", 100_000),
        around("sum(", "card", ")", 250),
        around("1^", "1", "", 100_000),
        around("1+", "1", "", 100_000),
        around("1+(", "1", ")", 100_000),
        around("card+", "card", "", 900),
        around("card or ", "card", "", 5_000),
        around("{", "", "", 1_000_000),
        around("[", "", "", 1_000_000),
        around("\"", "", "", 999_999),
        around("# ", "", "", 500_000),
        around("sum by (a,", "a", ") (card)", 1),
        format!("sum by ({}) (card)", several(100_000, &|at| format!("l{at}"), ",")),
        format!("\"{long}\""),
        format!("card{{id=\"{long}\"}}"),
        format!("card{{id=~\"{long}\"}}"),
        format!("absent(card{{id=\"{long}\"}})"),
        format!("count_values(\"{long}\", card)"),
        format!("label_replace(card, \"a\", \"{long}\", \"id\", \".*\")"),
        format!("label_replace(card, \"a\", \"{}\", \"id\", \"(.*)\")", "$1".repeat(400_000)),
        format!("label_join(card, \"a\", \"{long}\", \"id\", \"g\")"),
        format!("label_join(card, \"a\", \"-\"{})", ", \"id\"".repeat(100_000)),
        format!("card{{{}}}", several(5_000, &matcher, ",")),
        format!("card{{{}}}", several(2_000, &regex, ",")),
        format!("absent(card{{{}}})", several(20_000, &|at| format!("l{at}=\"{at}\""), ",")),
        format!("card{{id=~\"{}\"}}", several(100_000, &|at| at.to_string(), "|")),
        several(900, &vector, " or "),
        several(900, &|_| "card".to_owned(), " or "),
        several(900, &|_| "card".to_owned(), " + on (id) "),
        several(20_000, &vector, " or "),
        format!("vector({})", "9".repeat(900_000)),
        format!("card[{}]", "9".repeat(900_000)),
        format!("card[{}]", several(100_000, &|_| "1d".to_owned(), "")),
    ]
}

/// The other paths that take queries or selectors.
fn endpoints() -> Vec<Hostile> {
    let everything = "{__name__=~\".+\"}";
    let bomb = "{__name__=~\"(((a{100}){100}){100}){100}\"}";
    let slow = "{__name__=~\".+\",id=~\"(.*.*.*.*)*1.*.*2\"}";
    let many: Vec<_> = (0..1000).map(|_| ("match[]", everything.to_owned())).collect();
    let mut all = Vec::new();
    for path in ["/api/v1/series", "/api/v1/labels", "/api/v1/label/id/values", "/federate"] {
        for selector in [everything, bomb, slow] {
            let form = vec![("match[]", selector.to_owned())];
            all.push(Hostile { path: path.to_owned(), form });
        }
        all.push(Hostile { path: path.to_owned(), form: many.clone() });
    }
    for path in ["/api/v1/format_query", "/api/v1/parse_query"] {
        for query in texts().into_iter().take(12) {
            all.push(Hostile { path: path.to_owned(), form: vec![("query", query)] });
        }
    }
    all
}
