//! The words of the language.

use super::position::Position;

/// What a token is. The order is that of mtail's grammar, in which expected tokens are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Eof,
    Invalid,
    Counter,
    Gauge,
    Timer,
    Text,
    Histogram,
    After,
    As,
    By,
    Const,
    Hidden,
    Def,
    Del,
    Next,
    Otherwise,
    Else,
    Stop,
    Buckets,
    Limit,
    Builtin,
    Regex,
    Str,
    Capref,
    CaprefNamed,
    Id,
    Deco,
    IntLiteral,
    FloatLiteral,
    DurationLiteral,
    Inc,
    Dec,
    Div,
    Mod,
    Mul,
    Minus,
    Plus,
    Pow,
    Shl,
    Shr,
    Lt,
    Gt,
    Le,
    Ge,
    Eq,
    Ne,
    BitAnd,
    Xor,
    BitOr,
    Not,
    And,
    Or,
    AddAssign,
    Assign,
    Match,
    NotMatch,
    LCurly,
    RCurly,
    LParen,
    RParen,
    LSquare,
    RSquare,
    Comma,
    Nl,
    LogFilter,
}

/// The names in errors, in the order of [`Kind`].
const NAMES: &[&str] = &[
    "$end",
    "INVALID",
    "COUNTER",
    "GAUGE",
    "TIMER",
    "TEXT",
    "HISTOGRAM",
    "AFTER",
    "AS",
    "BY",
    "CONST",
    "HIDDEN",
    "DEF",
    "DEL",
    "NEXT",
    "OTHERWISE",
    "ELSE",
    "STOP",
    "BUCKETS",
    "LIMIT",
    "BUILTIN",
    "REGEX",
    "STRING",
    "CAPREF",
    "CAPREF_NAMED",
    "ID",
    "DECO",
    "INTLITERAL",
    "FLOATLITERAL",
    "DURATIONLITERAL",
    "INC",
    "DEC",
    "DIV",
    "MOD",
    "MUL",
    "MINUS",
    "PLUS",
    "POW",
    "SHL",
    "SHR",
    "LT",
    "GT",
    "LE",
    "GE",
    "EQ",
    "NE",
    "BITAND",
    "XOR",
    "BITOR",
    "NOT",
    "AND",
    "OR",
    "ADD_ASSIGN",
    "ASSIGN",
    "MATCH",
    "NOT_MATCH",
    "LCURLY",
    "RCURLY",
    "LPAREN",
    "RPAREN",
    "LSQUARE",
    "RSQUARE",
    "COMMA",
    "NL",
    "LOGFILTER",
];

/// The number that goyacc gives the first token.
const FIRST_NUMBER: usize = 57346;

impl Kind {
    /// The name in errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self as usize).copied().unwrap_or("?")
    }

    /// The number that mtail's errors show for an operator.
    #[must_use]
    pub fn number(self) -> usize {
        FIRST_NUMBER + (self as usize).saturating_sub(1)
    }

    /// The keyword that a word is. `begin` is none: it is seen by what follows it.
    #[must_use]
    pub fn keyword(word: &str) -> Option<Kind> {
        Some(match word {
            "after" => Kind::After,
            "as" => Kind::As,
            "buckets" => Kind::Buckets,
            "by" => Kind::By,
            "const" => Kind::Const,
            "counter" => Kind::Counter,
            "def" => Kind::Def,
            "del" => Kind::Del,
            "else" => Kind::Else,
            "gauge" => Kind::Gauge,
            "hidden" => Kind::Hidden,
            "histogram" => Kind::Histogram,
            "limit" => Kind::Limit,
            "log_filter" => Kind::LogFilter,
            "next" => Kind::Next,
            "otherwise" => Kind::Otherwise,
            "stop" => Kind::Stop,
            "text" => Kind::Text,
            "timer" => Kind::Timer,
            _ => return None,
        })
    }
}

/// One word with its place.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// How it is spelled; for [`Kind::Invalid`] what is wrong.
    pub spelling: String,
    /// Where it stands.
    pub position: Position,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name() {
        for (kind, name) in [
            (Kind::Eof, "$end"),
            (Kind::Limit, "LIMIT"),
            (Kind::Id, "ID"),
            (Kind::Assign, "ASSIGN"),
            (Kind::Nl, "NL"),
            (Kind::LogFilter, "LOGFILTER"),
        ] {
            assert_eq!(kind.name(), name);
        }
        assert_eq!(Kind::LogFilter as usize + 1, NAMES.len());
        assert_eq!(Kind::Assign.number(), 57398);
    }
}
