//! What a query is made of: token kinds, keywords, and how messages name a token.

use super::quote::{go_quote, go_quote_short};

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are PromQL's own")]
pub enum Kind {
    Eof,
    /// The lexer gave up; its message stands in [`super::Lexer::error`].
    Error,
    Comment,
    Identifier,
    /// An identifier with a colon in it.
    MetricIdentifier,
    Number,
    Duration,
    String,
    Comma,
    Colon,
    /// `=`
    Assign,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    // Operators.
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    RegexMatch,
    RegexNotMatch,
    TrimUpper,
    TrimLower,
    At,
    And,
    Or,
    Unless,
    Atan2,
    // Aggregators.
    Sum,
    Avg,
    Count,
    Min,
    Max,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    CountValues,
    Quantile,
    Limitk,
    LimitRatio,
    // Keywords.
    Offset,
    Smoothed,
    Anchored,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    // Words that are functions of the query's context.
    Start,
    End,
    Step,
    Range,
    MinOf,
    MaxOf,
}

/// Words with a meaning of their own, in any case of letters.
const KEYWORDS: &[(&str, Kind)] = &[
    ("and", Kind::And),
    ("or", Kind::Or),
    ("unless", Kind::Unless),
    ("atan2", Kind::Atan2),
    ("sum", Kind::Sum),
    ("avg", Kind::Avg),
    ("count", Kind::Count),
    ("min", Kind::Min),
    ("max", Kind::Max),
    ("group", Kind::Group),
    ("stddev", Kind::Stddev),
    ("stdvar", Kind::Stdvar),
    ("topk", Kind::Topk),
    ("bottomk", Kind::Bottomk),
    ("count_values", Kind::CountValues),
    ("quantile", Kind::Quantile),
    ("limitk", Kind::Limitk),
    ("limit_ratio", Kind::LimitRatio),
    ("offset", Kind::Offset),
    ("smoothed", Kind::Smoothed),
    ("anchored", Kind::Anchored),
    ("by", Kind::By),
    ("without", Kind::Without),
    ("on", Kind::On),
    ("ignoring", Kind::Ignoring),
    ("group_left", Kind::GroupLeft),
    ("group_right", Kind::GroupRight),
    ("fill", Kind::Fill),
    ("fill_left", Kind::FillLeft),
    ("fill_right", Kind::FillRight),
    ("bool", Kind::Bool),
    ("start", Kind::Start),
    ("end", Kind::End),
    ("step", Kind::Step),
    ("range", Kind::Range),
    ("min_of", Kind::MinOf),
    ("max_of", Kind::MaxOf),
    ("inf", Kind::Number),
    ("nan", Kind::Number),
];

/// Longest token text that messages show whole, in bytes.
const SHOWN_BYTES_MAX: usize = 10;
/// How much of a longer one they show, in characters.
const SHOWN_CHARS: usize = 10;

impl Kind {
    /// The keyword that `word` is, in any case of letters.
    #[must_use]
    pub fn keyword(word: &str) -> Option<Kind> {
        KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, kind)| *kind)
    }

    /// Whether it stands among the operators (messages write `<op:+>`).
    #[must_use]
    pub fn is_operator(self) -> bool {
        (Kind::Add as u8..=Kind::Atan2 as u8).contains(&(self as u8))
    }

    /// Whether it names an aggregation.
    #[must_use]
    pub fn is_aggregator(self) -> bool {
        (Kind::Sum as u8..=Kind::LimitRatio as u8).contains(&(self as u8))
    }

    /// Whether it stands among the keywords (messages write `<by>`).
    #[must_use]
    pub fn is_keyword(self) -> bool {
        (Kind::Offset as u8..=Kind::Bool as u8).contains(&(self as u8))
    }

    /// Whether it is a word that depends on the query's context.
    #[must_use]
    pub fn is_context_word(self) -> bool {
        (Kind::Start as u8..=Kind::MaxOf as u8).contains(&(self as u8))
    }

    /// Whether a metric may be called so without quotes.
    #[must_use]
    pub fn can_name_a_metric(self) -> bool {
        self.is_aggregator()
            || self.is_context_word()
            || matches!(
                self,
                Kind::Identifier
                    | Kind::MetricIdentifier
                    | Kind::By
                    | Kind::Without
                    | Kind::And
                    | Kind::Or
                    | Kind::Unless
                    | Kind::Offset
                    | Kind::Anchored
                    | Kind::Smoothed
            )
    }

    /// Whether a label may be called so in a grouping clause; upstream forgot `without`.
    #[must_use]
    pub fn can_name_a_label(self) -> bool {
        (self.can_name_a_metric() || self.is_keyword() || self == Kind::Atan2)
            && self != Kind::Without
    }
}

/// One token: its kind and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Kind.
    pub kind: Kind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// The token as messages name it: `identifier "x"`, `<op:+>`, `end of input`; `text` is what
    /// it stands for in the query.
    #[must_use]
    pub fn describe(self, text: &str) -> String {
        let kind = match self.kind {
            Kind::Eof => return "end of input".to_owned(),
            Kind::Error => "error",
            Kind::Comment => "comment",
            Kind::Identifier => "identifier",
            Kind::MetricIdentifier => "metric identifier",
            Kind::Number => "number",
            Kind::Duration => "duration",
            Kind::String => "string",
            kind if kind.is_keyword() => return format!("<{text}>"),
            kind if kind.is_operator() => return format!("<op:{text}>"),
            kind if kind.is_aggregator() => return format!("<aggr:{text}>"),
            _ => return shortened(text),
        };
        match self.kind {
            Kind::Identifier | Kind::MetricIdentifier => format!("{kind} {}", go_quote(text)),
            _ => format!("{kind} {}", shortened(text)),
        }
    }
}

fn shortened(text: &str) -> String {
    if text.len() > SHOWN_BYTES_MAX {
        format!("{}...", go_quote_short(text, SHOWN_CHARS))
    } else {
        go_quote(text)
    }
}
