//! The syntax tree of a query, every node with its place in the text.

mod children;
mod ops;

use common_model::{Matcher, TimestampMs};

/// A range of bytes in the query text; `1:5` in messages is line and column of `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Line and column of the start in the query text, counted from 1 and in bytes, as messages
    /// print them: `1:5`.
    #[must_use]
    pub fn position(self, text: &str) -> String {
        if text.is_empty() {
            return "unknown position".to_owned();
        }
        let start = self.start as usize;
        let Some(before) = text.as_bytes().get(..start) else {
            return "invalid position".to_owned();
        };
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        format!("{line}:{}", 1 + start - line_start)
    }

    /// From the start of this to the end of `other`.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }
}

/// What an expression evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// One text.
    String,
    /// One sample a series.
    Vector,
    /// A range of samples a series.
    Matrix,
}

impl ValueType {
    /// As messages name it: `scalar`, `string`, `instant vector`, `range vector`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::String => "string",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
        }
    }
}

/// Any expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `sum by (job) (x)`
    Aggregate(Box<Aggregate>),
    /// `a + b`
    Binary(Box<Binary>),
    /// `rate(x[5m])`
    Call(Box<Call>),
    /// `x[5m]`
    Matrix(Box<MatrixSelector>),
    /// `1.5`, `5m`
    Number(NumberLiteral),
    /// `(x)`
    Paren(Box<Paren>),
    /// `"text"`
    String(StringLiteral),
    /// `x[1h:1m]`
    Subquery(Box<Subquery>),
    /// `-x`
    Unary(Box<Unary>),
    /// `x{a="b"}`
    Vector(Box<VectorSelector>),
}

/// Aggregation operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PromQL's own")]
pub enum AggregateOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
    CountValues,
    Limitk,
    LimitRatio,
}

/// An aggregation.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Operator.
    pub op: AggregateOp,
    /// What is aggregated.
    pub expr: Expr,
    /// First argument of topk, bottomk, quantile, count_values, limitk and limit_ratio.
    pub param: Option<Expr>,
    /// Labels of `by` or `without`, as written.
    pub grouping: Vec<String>,
    /// `without` rather than `by` (no clause at all is `by` with no labels).
    pub without: bool,
    /// Place in the text.
    pub span: Span,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PromQL's own")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    Unless,
    TrimUpper,
    TrimLower,
}

/// How the two sides of a vector operation find each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cardinality {
    /// One to one.
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// The matching clause between two instant vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// Cardinality.
    pub cardinality: Cardinality,
    /// Labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// `on` rather than `ignoring`.
    pub on: bool,
    /// Labels of `group_left` or `group_right`.
    pub include: Vec<String>,
    /// `fill_left(v)`: value for a series missing on the left.
    pub fill_left: Option<f64>,
    /// `fill_right(v)`.
    pub fill_right: Option<f64>,
}

/// A binary operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// Operator.
    pub op: BinaryOp,
    /// Left operand.
    pub left: Expr,
    /// Right operand.
    pub right: Expr,
    /// Set when both sides are instant vectors.
    pub matching: Option<Matching>,
    /// `bool` after a comparison.
    pub return_bool: bool,
    /// Place in the text, from the left operand's start to the right operand's end.
    pub span: Span,
}

/// A function call. The function is a row of the function table (`crate::functions`).
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Name as in the table.
    pub function: &'static crate::functions::Signature,
    /// Arguments as written.
    pub args: Vec<Expr>,
    /// Place in the text.
    pub span: Span,
}

/// Where a selector's `@` pins it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    /// `@ 1600000000`
    Time(TimestampMs),
    /// `@ start()`
    Start,
    /// `@ end()`
    End,
}

/// A duration that may be computed: `5m`, `5m * 2`, `step() + 1`.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationArg {
    /// Milliseconds known while parsing; negative only in offsets.
    Literal(i64),
    /// Computed when the step and range of the query are known.
    Computed(Box<DurationExpr>),
}

/// The small arithmetic of duration expressions; numbers are seconds.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    /// Seconds written as a number.
    Number(f64, Span),
    /// Seconds written as a duration (`1h30m`), which the printer keeps.
    Duration(f64, Span),
    /// `step()`
    Step(Span),
    /// `range()`
    Range(Span),
    /// `-x` or `+x`
    Unary(BinaryOp, Box<DurationExpr>, Span),
    /// Arithmetic.
    Binary(BinaryOp, Box<DurationExpr>, Box<DurationExpr>, Span),
    /// `min_of(a, b)`
    Min(Box<DurationExpr>, Box<DurationExpr>, Span),
    /// `max_of(a, b)`
    Max(Box<DurationExpr>, Box<DurationExpr>, Span),
    /// Parentheses.
    Paren(Box<DurationExpr>, Span),
}

/// `offset` and `@`, common to selectors and subqueries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shift {
    /// `offset`; `None` is no offset.
    pub offset: Option<DurationArg>,
    /// `@`.
    pub at: Option<At>,
}

/// `anchored` and `smoothed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Extended {
    /// Neither.
    #[default]
    No,
    /// `anchored`
    Anchored,
    /// `smoothed`
    Smoothed,
}

/// An instant vector selector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSelector {
    /// Metric name as written before the braces; empty when there is none. A quoted name inside the
    /// braces is only a matcher, as upstream has it.
    pub name: String,
    /// All matchers as written, then the one on `__name__` made from `name`, if there is one.
    pub matchers: Vec<Matcher>,
    /// `offset` and `@`.
    pub shift: Shift,
    /// `anchored` or `smoothed`.
    pub extended: Extended,
    /// Place in the text.
    pub span: Span,
}

/// A range vector selector.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    /// The selector before the brackets; its `shift` holds what is written after them.
    pub vector: VectorSelector,
    /// The range.
    pub range: DurationArg,
    /// Place in the text.
    pub span: Span,
}

/// A subquery.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What is evaluated at every step.
    pub expr: Expr,
    /// The range.
    pub range: DurationArg,
    /// The step; `None` takes the default.
    pub step: Option<DurationArg>,
    /// `offset` and `@`.
    pub shift: Shift,
    /// Place in the text.
    pub span: Span,
}

/// A number.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberLiteral {
    /// Its value; a duration literal is seconds.
    pub value: f64,
    /// Whether it was written as a duration (`5m`), which the printer keeps.
    pub is_duration: bool,
    /// Place in the text.
    pub span: Span,
}

/// A text.
#[derive(Clone, Debug, PartialEq)]
pub struct StringLiteral {
    /// Unquoted; what is no UTF-8 (`"\xff"`) stands as U+FFFD.
    pub value: String,
    /// The exact bytes, where they are no UTF-8: such a text is no valid label name or value.
    pub not_utf8: Option<Box<[u8]>>,
    /// Place in the text.
    pub span: Span,
}

/// Parentheses.
#[derive(Clone, Debug, PartialEq)]
pub struct Paren {
    /// What is inside.
    pub expr: Expr,
    /// Place in the text.
    pub span: Span,
}

/// `+x` or `-x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Unary {
    /// Negates rather than not.
    pub negative: bool,
    /// Operand.
    pub expr: Expr,
    /// Place in the text.
    pub span: Span,
}

impl Expr {
    /// Place in the text.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            Expr::Aggregate(e) => e.span,
            Expr::Binary(e) => e.span,
            Expr::Call(e) => e.span,
            Expr::Matrix(e) => e.span,
            Expr::Number(e) => e.span,
            Expr::Paren(e) => e.span,
            Expr::String(e) => e.span,
            Expr::Subquery(e) => e.span,
            Expr::Unary(e) => e.span,
            Expr::Vector(e) => e.span,
        }
    }

    /// What the expression evaluates to.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        match self {
            Expr::Aggregate(_) | Expr::Vector(_) => ValueType::Vector,
            Expr::Matrix(_) | Expr::Subquery(_) => ValueType::Matrix,
            Expr::Number(_) => ValueType::Scalar,
            Expr::String(_) => ValueType::String,
            Expr::Call(call) => call.function.returns,
            Expr::Paren(paren) => paren.expr.value_type(),
            Expr::Unary(unary) => unary.expr.value_type(),
            // The right side first: long chains hang on the left one.
            Expr::Binary(b) if b.right.value_type() != ValueType::Scalar => ValueType::Vector,
            Expr::Binary(b) if b.left.value_type() != ValueType::Scalar => ValueType::Vector,
            Expr::Binary(_) => ValueType::Scalar,
        }
    }
}
