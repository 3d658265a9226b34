//! Text of a query to syntax tree: precedence climbing over the lexer's tokens, then a type check.
//!
//! Accepts what Prometheus 3.14 accepts and refuses the rest in its words and at its places. The
//! first syntax error ends the parsing; complaints about meaning are collected.

mod aggregate;
mod call;
mod check;
mod cursor;
mod duration;
mod error;
mod expr;
mod literal;
mod matching;
mod postfix;
mod selector;
mod series;

pub use error::{ParseError, ParseErrors};
pub use literal::parse_duration_ms;
pub use series::{
    Combine, SERIES_VALUES_MAX, SequenceValue, SeriesDescription, parse_metric,
    parse_series_description_with,
};

use common_model::Matcher;

use crate::ast::{Expr, Span};
use crate::lexer::Kind;
use cursor::{Fail, Parser};

/// Default of [`Options::text_bytes_max`].
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Default of [`Options::nesting_max`]: a level costs the parser about 2 KiB of stack.
pub const NESTING_MAX: u32 = 256;

/// Default of [`Options::height_max`]: bounds every recursion over the tree.
pub const HEIGHT_MAX: u32 = 1000;

/// Bytes that all regular expressions of a query may take together when compiled.
pub const PATTERNS_BYTES_MAX: usize = 24 << 20;

/// Complaints kept about one query.
pub const ERRORS_MAX: usize = 100;

/// What the parser accepts. The features are upstream's feature flags of the same names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Functions and aggregations that upstream calls experimental.
    pub experimental_functions: bool,
    /// Arithmetic in brackets and offsets: `[5m * 2 + step()]`.
    pub duration_expr: bool,
    /// `anchored` and `smoothed`.
    pub extended_selectors: bool,
    /// `fill(0)`, `fill_left(0)`, `fill_right(0)`.
    pub fill_modifiers: bool,
    /// Longest query in bytes; never beyond 4 GiB.
    pub text_bytes_max: usize,
    /// Deepest nesting of parentheses, calls, signs and powers.
    pub nesting_max: u32,
    /// Greatest height of the tree: `1+1+1` has three levels, though nothing in it is nested.
    pub height_max: u32,
}

/// As upstream without feature flags: only duration expressions are on.
impl Default for Options {
    fn default() -> Options {
        Options {
            experimental_functions: false,
            duration_expr: true,
            extended_selectors: false,
            fill_modifiers: false,
            text_bytes_max: TEXT_BYTES_MAX,
            nesting_max: NESTING_MAX,
            height_max: HEIGHT_MAX,
        }
    }
}

impl Options {
    /// Every feature on.
    #[must_use]
    pub fn everything() -> Options {
        Options {
            experimental_functions: true,
            duration_expr: true,
            extended_selectors: true,
            fill_modifiers: true,
            ..Options::default()
        }
    }
}

/// Parses and checks a query.
///
/// # Errors
/// All complaints, in the order they were found; printing them prints the first.
pub fn parse(text: &str, options: &Options) -> Result<Expr, ParseErrors> {
    let mut parser = Parser::new(text, options)?;
    match query(&mut parser) {
        Ok(mut expr) => {
            if parser.errors.is_empty() {
                check::check(&mut parser, &mut expr);
            }
            parser.finish(expr)
        }
        Err(fail) => Err(parser.give_up(fail)),
    }
}

fn query(parser: &mut Parser<'_>) -> Result<Expr, Fail> {
    if parser.peek().kind == Kind::Eof {
        parser.complain(Span::default(), "no expression found in input".to_owned());
        return Err(Fail::Reported);
    }
    let expr = parser.expression()?;
    parser.expect(Kind::Eof)?;
    Ok(expr)
}

/// Parses a selector as `match[]` takes it, such as `up{job="a"}`, without any modifier. A
/// selector that matches everything, such as `{}`, is accepted: what it means is the caller's
/// business.
///
/// # Errors
/// As [`parse`].
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseErrors> {
    let options = Options::default();
    let mut parser = Parser::new(text, &options)?;
    let selector = parser.selector().and_then(|selector| {
        parser.expect(Kind::Eof)?;
        Ok(selector)
    });
    match selector {
        Ok(selector) => parser.finish(selector.matchers),
        Err(fail) => Err(parser.give_up(fail)),
    }
}
