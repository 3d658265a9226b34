//! Random queries that have a meaning, mostly about series that are there.

use common_testkit::Rng;

use super::data::{LENGTH_MS, START_MS};
use super::tree::{Kind, Node};

const METRICS: &[&str] = &[
    "g",
    "g",
    "g",
    "g2",
    "g2",
    "odd",
    "c_total",
    "c_total",
    "c_total",
    "h",
    "h",
    "hf",
    "hc",
    "mixed",
    "team",
    "sparse",
    "req_bucket",
    "req_count",
    "req_sum",
    "target_info",
    "hx",
    "h0",
    "none",
    r#"{"my.gauge-ü"}"#,
];
const MATCHERS: &[&str] = &[
    r#"job="a""#,
    r#"job="b""#,
    r#"instance="0""#,
    r#"instance!="1""#,
    r#"job=~"a|b""#,
    r#"instance=~"[01]""#,
    r#"job!~"c.*""#,
    r#"mode="x""#,
    r#"mode="""#,
    r#"le!="+Inf""#,
    r#""λ.x"=~"ü .*""#,
    r#"none="x""#,
];
const SIMPLE: &[&str] = &[
    "abs",
    "ceil",
    "floor",
    "exp",
    "sqrt",
    "ln",
    "log2",
    "log10",
    "sgn",
    "deg",
    "rad",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "round",
    "timestamp",
    "absent",
    "sort",
    "sort_desc",
    "minute",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "days_in_month",
    "month",
    "year",
    "-",
    "+",
];
const OVER_TIME: &[&str] = &[
    "rate",
    "rate",
    "rate",
    "increase",
    "increase",
    "delta",
    "irate",
    "idelta",
    "deriv",
    "changes",
    "resets",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "present_over_time",
    "absent_over_time",
    "mad_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "ts_of_last_over_time",
];
const HISTOGRAM: &[&str] =
    &["histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"];
const AGGREGATORS: &[&str] =
    &["sum", "sum", "sum", "avg", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const GROUPINGS: &[&str] = &[
    "",
    "",
    " by (job)",
    " by (job)",
    " by (job, instance)",
    " without (instance)",
    " without (job)",
    " by (le)",
    " by (none)",
    " without (instance, le)",
    " by (__name__)",
    r#" by ("λ.x")"#,
    " without ()",
    " by ()",
];
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];
const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];
const SETS: &[&str] = &["and", "or", "unless"];
const RANGES: &[&str] =
    &["1m", "2m", "5m", "5m", "5m", "10m", "17m", "1h", "45s", "1ms", "90s500ms"];
const NUMBERS: &[&str] = &[
    "0", "1", "2", "-1", "0.5", "10", "100", "1e3", "-0", "NaN", "Inf", "-Inf", "1e300", "0x1F",
    "5m", "3.7", "1e-9",
];

/// Draws queries.
pub(super) struct Grammar<'a> {
    pub(super) rng: &'a mut Rng,
}

impl Grammar<'_> {
    /// A whole query of any type that instant queries take, or that range queries take.
    pub(super) fn query(&mut self, instant: bool) -> Node {
        let depth = 1 + self.rng.index(4);
        match self.rng.below(40) {
            0 if instant => self.matrix(depth),
            1 if instant => Node::leaf(Kind::Text, r#""some \"text\"""#),
            2 | 3 => self.scalar(depth),
            _ => self.vector(depth),
        }
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.rng.index(from.len())]
    }

    fn scalar(&mut self, depth: usize) -> Node {
        let number = |grammar: &mut Self| Node::leaf(Kind::Scalar, grammar.pick(NUMBERS));
        if depth == 0 {
            return number(self);
        }
        match self.rng.below(10) {
            0 => Node::of(Kind::Scalar, "scalar(§)", [self.vector(depth - 1)]),
            1 => Node::leaf(Kind::Scalar, "time()"),
            2 => {
                let pattern = format!("(§ {} §)", self.pick(ARITHMETIC));
                Node::of(Kind::Scalar, &pattern, [self.scalar(depth - 1), self.scalar(depth - 1)])
            }
            3 => {
                let pattern = format!("(§ {} bool §)", self.pick(COMPARISONS));
                Node::of(Kind::Scalar, &pattern, [self.scalar(depth - 1), self.scalar(depth - 1)])
            }
            4 => Node::of(Kind::Scalar, "-(§)", [self.scalar(depth - 1)]),
            5 => Node::leaf(Kind::Scalar, "pi()"),
            _ => number(self),
        }
    }

    /// A probability, mostly.
    fn part(&mut self) -> Node {
        let parts = ["0", "0.1", "0.5", "0.9", "0.99", "1", "-0.5", "1.5", "NaN", "0.25"];
        Node::leaf(Kind::Scalar, self.pick(&parts))
    }

    fn selector(&mut self) -> String {
        let metric = self.pick(METRICS);
        self.narrowed(metric)
    }

    /// A metric with matchers on its labels, now and then.
    fn narrowed(&mut self, metric: &str) -> String {
        let mut matchers = Vec::new();
        while self.rng.chance(1, 4) && matchers.len() < 3 {
            matchers.push(self.pick(MATCHERS));
        }
        if self.rng.chance(1, 60) {
            return r#"{__name__=~"g.?|c_.*",job="a"}"#.to_owned();
        }
        match metric.strip_suffix('}') {
            _ if matchers.is_empty() => metric.to_owned(),
            Some(open) => format!("{open},{}}}", matchers.join(",")),
            None => format!("{metric}{{{}}}", matchers.join(",")),
        }
    }

    fn shift(&mut self) -> String {
        let at = (START_MS + self.rng.below(LENGTH_MS as u64) as i64) as f64 / 1000.0;
        match self.rng.below(24) {
            0 => " offset 5m".to_owned(),
            1 => " offset -3m".to_owned(),
            2 => " offset 37s".to_owned(),
            3 => format!(" @ {at:.3}"),
            4 => " @ start()".to_owned(),
            5 => " @ end()".to_owned(),
            6 => format!(" @ {at:.3} offset 2m"),
            7 => " offset -10m @ end()".to_owned(),
            8 => format!(" offset ({})", self.computed()),
            _ => String::new(),
        }
    }

    /// A duration that is calculated.
    fn computed(&mut self) -> String {
        let durations = [
            "1m+30s",
            "2*1m",
            "10m-5m",
            "(1m+1m)*2",
            "3m/2",
            "5m%3m",
            "2^6",
            "-(-2m)",
            "90",
            "1m-1m",
            "0-1m",
            "1m/0",
            "0.5*7m",
            "1h/7",
        ];
        self.pick(&durations).to_owned()
    }

    /// Labels of what is told about targets.
    fn info(&mut self, depth: usize) -> Node {
        let vector = self.vector(depth - 1);
        let pattern = self.pick(&[
            "info(§)",
            r#"info(§, {version=~".+"})"#,
            r#"info(§, {version="v1"})"#,
            r#"info(§, {__name__="target_info"})"#,
            r#"info(§, {__name__=~".*_info|team", version!=""})"#,
            r#"info(§, {none=~".+"})"#,
        ]);
        Node::of(Kind::Vector, pattern, [vector])
    }

    fn matrix(&mut self, depth: usize) -> Node {
        if depth > 1 && self.rng.chance(1, 5) {
            let step = self.pick(&["", "", "30s", "1m", "7s", "3m"]);
            let range = self.pick(&["2m", "5m", "10m", "30m"]);
            let pattern = format!("(§)[{range}:{step}]{}", self.shift());
            return Node::of(Kind::Matrix, &pattern, [self.vector(depth - 2)]);
        }
        let selector = self.selector();
        self.ranged(&selector)
    }

    fn ranged(&mut self, selector: &str) -> Node {
        let range = if self.rng.chance(1, 12) { self.computed() } else { self.pick(RANGES).into() };
        let shift = self.shift();
        Node::leaf(Kind::Matrix, format!("{selector}[{range}]{shift}"))
    }

    fn vector(&mut self, depth: usize) -> Node {
        if depth == 0 {
            let (selector, shift) = (self.selector(), self.shift());
            return Node::leaf(Kind::Vector, format!("{selector}{shift}"));
        }
        match self.rng.below(100) {
            0..4 => self.vector(0),
            4..26 => self.over_time(depth),
            26..40 => self.simple(depth),
            40..58 => self.aggregation(depth),
            58..70 => self.between_vectors(depth),
            70..80 => self.with_scalar(depth),
            80..92 => self.of_histograms(depth),
            92..96 => self.labelled(depth),
            96 => self.info(depth),
            _ => Node::of(Kind::Vector, "vector(§)", [self.scalar(depth - 1)]),
        }
    }

    fn simple(&mut self, depth: usize) -> Node {
        let vector = self.vector(depth - 1);
        match self.rng.below(8) {
            0 => Node::of(Kind::Vector, "clamp(§, §, §)", [vector, self.scalar(0), self.scalar(0)]),
            1 => {
                let pattern = format!("{}(§, §)", self.pick(&["clamp_min", "clamp_max", "round"]));
                Node::of(Kind::Vector, &pattern, [vector, self.scalar(depth - 1)])
            }
            2 => {
                let pattern = format!(
                    "{}(§, \"instance\", \"job\")",
                    self.pick(&["sort_by_label", "sort_by_label_desc"])
                );
                Node::of(Kind::Vector, &pattern, [vector])
            }
            _ => Node::of(Kind::Vector, &format!("{}(§)", self.pick(SIMPLE)), [vector]),
        }
    }

    fn over_time(&mut self, depth: usize) -> Node {
        let matrix = self.matrix(depth);
        match self.rng.below(12) {
            0 => {
                let part = self.part();
                Node::of(Kind::Vector, "quantile_over_time(§, §)", [part, matrix])
            }
            1 => Node::of(Kind::Vector, "predict_linear(§, §)", [matrix, self.scalar(depth - 1)]),
            2 => {
                let pattern = "double_exponential_smoothing(§, §, §)";
                let factors = ["0.1", "0.5", "0.9", "0.3", "1", "0"];
                let [a, b] = [self.pick(&factors), self.pick(&factors)];
                let factor = |words| Node::leaf(Kind::Scalar, words);
                Node::of(Kind::Vector, pattern, [matrix, factor(a), factor(b)])
            }
            _ => Node::of(Kind::Vector, &format!("{}(§)", self.pick(OVER_TIME)), [matrix]),
        }
    }

    fn aggregation(&mut self, depth: usize) -> Node {
        let vector = self.vector(depth - 1);
        let grouping = self.pick(GROUPINGS);
        match self.rng.below(16) {
            0 => {
                let part = self.part();
                Node::of(Kind::Vector, &format!("quantile{grouping} (§, §)"), [part, vector])
            }
            1 => {
                Node::of(Kind::Vector, &format!("count_values{grouping} (\"value\", §)"), [vector])
            }
            2 | 3 => {
                let pattern =
                    format!("{}{grouping} (§, §)", self.pick(&["topk", "bottomk", "limitk"]));
                let count =
                    Node::leaf(Kind::Scalar, self.pick(&["1", "2", "3", "5", "100", "0", "-1"]));
                Node::of(Kind::Vector, &pattern, [count, vector])
            }
            4 => {
                let ratio =
                    Node::leaf(Kind::Scalar, self.pick(&["0.5", "-0.5", "0.1", "1", "0", "2"]));
                Node::of(Kind::Vector, &format!("limit_ratio{grouping} (§, §)"), [ratio, vector])
            }
            _ => {
                let pattern = format!("{}{grouping} (§)", self.pick(AGGREGATORS));
                Node::of(Kind::Vector, &pattern, [vector])
            }
        }
    }

    fn operator(&mut self) -> String {
        match self.rng.below(10) {
            0..6 => self.pick(ARITHMETIC).to_owned(),
            6 | 7 => self.pick(COMPARISONS).to_owned(),
            _ => format!("{} bool", self.pick(COMPARISONS)),
        }
    }

    fn between_vectors(&mut self, depth: usize) -> Node {
        let on = [
            "on (job)",
            "on (job, instance)",
            "ignoring (instance)",
            "ignoring (mode, version)",
            "on ()",
            "ignoring (le)",
        ];
        if self.rng.chance(1, 4) {
            let (set, on) = (self.pick(SETS), self.pick(&on));
            let on = if self.rng.chance(1, 2) { on } else { "" };
            let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
            return Node::of(Kind::Vector, &format!("(§) {set} {on} (§)"), [left, right]);
        }
        let operator = self.operator();
        match self.rng.below(10) {
            // Both sides alike, so that they match.
            0..3 => {
                let metric = self.pick(METRICS);
                let (left, right) = (self.narrowed(metric), self.narrowed(metric));
                let (left, right) =
                    (Node::leaf(Kind::Vector, left), Node::leaf(Kind::Vector, right));
                // Operators that bind to the left, and the one that does not.
                let pattern = format!("§ {operator} §");
                if operator == "^" {
                    let right = Node::of(Kind::Vector, &pattern, [right.clone(), right]);
                    return Node::of(Kind::Vector, &pattern, [left, right]);
                }
                let left = Node::of(Kind::Vector, &pattern, [left, right.clone()]);
                Node::of(Kind::Vector, &pattern, [left, right])
            }
            3..5 => {
                let by = self.pick(&["job", "instance", "job, instance"]);
                let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
                let left = Node::of(Kind::Vector, &format!("sum by ({by}) (§)"), [left]);
                let right = Node::of(Kind::Vector, &format!("max by ({by}) (§)"), [right]);
                Node::of(Kind::Vector, &format!("§ {operator} §"), [left, right])
            }
            5..8 => {
                let include = self.pick(&["", " (team)", " (team, none)", "()"]);
                let one = Node::leaf(Kind::Vector, "team");
                let many = self.vector(depth - 1);
                if self.rng.chance(1, 2) {
                    Node::of(
                        Kind::Vector,
                        &format!("(§) {operator} on (job) group_left{include} §"),
                        [many, one],
                    )
                } else {
                    Node::of(
                        Kind::Vector,
                        &format!("§ {operator} on (job) group_right{include} (§)"),
                        [one, many],
                    )
                }
            }
            _ => {
                let on = self.pick(&on);
                let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
                Node::of(Kind::Vector, &format!("(§) {operator} {on} (§)"), [left, right])
            }
        }
    }

    fn with_scalar(&mut self, depth: usize) -> Node {
        let operator = self.operator();
        let (vector, scalar) = (self.vector(depth - 1), self.scalar(depth - 1));
        if self.rng.chance(1, 3) {
            Node::of(Kind::Vector, &format!("§ {operator} (§)"), [scalar, vector])
        } else {
            Node::of(Kind::Vector, &format!("(§) {operator} §"), [vector, scalar])
        }
    }

    /// Native histograms, or classic ones.
    fn histograms(&mut self, depth: usize) -> Node {
        let metric = self.pick(&["h", "h", "h0", "hc", "hf", "mixed", "req_bucket", "req_bucket"]);
        let selector = self.narrowed(metric);
        match self.rng.below(6) {
            0 => Node::leaf(Kind::Vector, format!("{selector}{}", self.shift())),
            1 => self.vector(depth),
            2 => {
                let by = if metric == "req_bucket" { "le, job" } else { "job" };
                let function = self.pick(&["rate", "increase", "delta"]);
                let pattern = format!("{function}(§)");
                let change = Node::of(Kind::Vector, &pattern, [self.ranged(&selector)]);
                Node::of(Kind::Vector, &format!("sum by ({by}) (§)"), [change])
            }
            3 => {
                let function = self.pick(&["sum_over_time", "avg_over_time", "last_over_time"]);
                Node::of(Kind::Vector, &format!("{function}(§)"), [self.ranged(&selector)])
            }
            _ => {
                let function = self.pick(&["rate", "increase", "delta", "irate", "idelta"]);
                Node::of(Kind::Vector, &format!("{function}(§)"), [self.ranged(&selector)])
            }
        }
    }

    fn of_histograms(&mut self, depth: usize) -> Node {
        let histograms = self.histograms(depth - 1);
        match self.rng.below(10) {
            0..4 => Node::of(Kind::Vector, "histogram_quantile(§, §)", [self.part(), histograms]),
            4 | 5 => {
                let bounds = ["0", "-Inf", "0.5", "1", "2.5", "+Inf", "-1", "0.7", "NaN", "100"];
                let [from, to] = [self.pick(&bounds), self.pick(&bounds)];
                let bound = |words| Node::leaf(Kind::Scalar, words);
                Node::of(
                    Kind::Vector,
                    "histogram_fraction(§, §, §)",
                    [bound(from), bound(to), histograms],
                )
            }
            6 => histograms,
            _ => Node::of(Kind::Vector, &format!("{}(§)", self.pick(HISTOGRAM)), [histograms]),
        }
    }

    fn labelled(&mut self, depth: usize) -> Node {
        let vector = self.vector(depth - 1);
        let pattern = self.pick(&[
            r#"label_replace(§, "new", "$1-x", "job", "(.*)")"#,
            r#"label_replace(§, "job", "", "instance", "1")"#,
            r#"label_replace(§, "__name__", "renamed_$1", "job", "(a|b)")"#,
            r#"label_replace(§, "x y", "$2$name", "instance", "(?P<name>[01])(.*)")"#,
            r#"label_join(§, "joined", "-", "job", "instance", "none")"#,
            r#"label_join(§, "instance", "", "none")"#,
        ]);
        Node::of(Kind::Vector, pattern, [vector])
    }
}
