//! Duration expressions: what stands in brackets and after `offset`.

use super::cursor::{Fail, Parser};
use super::expr::{OR, POWER, binary_op};
use crate::ast::{BinaryOp, DurationArg, DurationExpr, Span};
use crate::lexer::{Kind, Token};

/// Seconds from which on Go's durations overflow.
const SECONDS_MAX: f64 = 9_223_372_036.854_776;

impl DurationExpr {
    /// Place in the text.
    #[must_use]
    pub fn span(&self) -> Span {
        match self {
            DurationExpr::Number(_, span)
            | DurationExpr::Duration(_, span)
            | DurationExpr::Step(span)
            | DurationExpr::Range(span)
            | DurationExpr::Unary(_, _, span)
            | DurationExpr::Binary(_, _, _, span)
            | DurationExpr::Min(_, _, span)
            | DurationExpr::Max(_, _, span)
            | DurationExpr::Paren(_, span) => *span,
        }
    }

    /// Seconds, when it is nothing but a literal.
    fn literal(&self) -> Option<f64> {
        match self {
            DurationExpr::Number(seconds, _) | DurationExpr::Duration(seconds, _) => Some(*seconds),
            _ => None,
        }
    }
}

impl Parser<'_> {
    /// In brackets: a literal must be greater than 0.
    pub(super) fn positive_duration(&mut self) -> Result<DurationArg, Fail> {
        self.start_duration();
        let expr = self.duration(OR)?;
        if expr.literal().is_some_and(|seconds| seconds <= 0.0) {
            self.complain(expr.span(), "duration must be greater than 0".to_owned());
        }
        Ok(argument(expr))
    }

    /// After `offset`: without parentheses only one literal or call, so that `x offset 5m + y` adds
    /// to the selector.
    pub(super) fn offset_duration(&mut self) -> Result<DurationArg, Fail> {
        self.start_duration();
        let first = self.peek();
        let expr = match first.kind {
            Kind::Add | Kind::Sub => {
                self.bump();
                match self.peek().kind {
                    Kind::Add | Kind::Sub => {
                        let operand = self.duration(POWER)?;
                        let left = self.signed_duration(first, operand);
                        self.duration_operators(left, OR)?
                    }
                    _ => {
                        let operand = self.duration_operand()?;
                        self.signed_duration(first, operand)
                    }
                }
            }
            Kind::LeftParen => self.duration(OR)?,
            _ => self.duration_operand()?,
        };
        Ok(argument(expr))
    }

    fn duration(&mut self, level: u8) -> Result<DurationExpr, Fail> {
        self.enter()?;
        let sign = self.peek();
        let left = if matches!(sign.kind, Kind::Add | Kind::Sub) {
            self.bump();
            let operand = self.duration(POWER)?;
            self.signed_duration(sign, operand)
        } else {
            self.duration_operand()?
        };
        let expr = self.duration_operators(left, level);
        self.leave();
        expr
    }

    fn duration_operators(
        &mut self,
        mut left: DurationExpr,
        level: u8,
    ) -> Result<DurationExpr, Fail> {
        loop {
            let token = self.peek();
            let Some((op, binds)) = duration_op(token.kind).filter(|(_, binds)| *binds >= level)
            else {
                return Ok(left);
            };
            self.bump();
            self.count_duration_operator()?;
            let right = self.duration(if binds == POWER { POWER } else { binds + 1 })?;
            self.require_duration_exprs(left.span());
            let span = left.span().to(right.span());
            left = match (op, right.literal()) {
                (BinaryOp::Div, Some(0.0)) => self.no_duration(token, "division by zero"),
                (BinaryOp::Mod, Some(0.0)) => self.no_duration(token, "modulo by zero"),
                _ => DurationExpr::Binary(op, Box::new(left), Box::new(right), span),
            };
        }
    }

    fn duration_operand(&mut self) -> Result<DurationExpr, Fail> {
        let token = self.peek();
        match token.kind {
            Kind::Number | Kind::Duration => {
                self.bump();
                let seconds = self.number_value(token);
                // NaN is out of every range.
                if seconds.is_nan() || seconds.abs() > SECONDS_MAX {
                    return Ok(self.no_duration(token, "duration out of range"));
                }
                Ok(match token.kind {
                    Kind::Duration => DurationExpr::Duration(seconds, token.span()),
                    _ => DurationExpr::Number(seconds, token.span()),
                })
            }
            Kind::Step | Kind::Range => {
                self.bump();
                self.expect(Kind::LeftParen)?;
                let span = token.span().to(self.expect(Kind::RightParen)?.span());
                self.require_duration_exprs(span);
                Ok(match token.kind {
                    Kind::Step => DurationExpr::Step(span),
                    _ => DurationExpr::Range(span),
                })
            }
            Kind::MinOf | Kind::MaxOf => {
                self.bump();
                self.expect(Kind::LeftParen)?;
                let left = Box::new(self.duration(OR)?);
                self.expect(Kind::Comma)?;
                let right = Box::new(self.duration(OR)?);
                let span = token.span().to(self.expect(Kind::RightParen)?.span());
                self.require_duration_exprs(span);
                Ok(match token.kind {
                    Kind::MinOf => DurationExpr::Min(left, right, span),
                    _ => DurationExpr::Max(left, right, span),
                })
            }
            Kind::LeftParen => {
                self.bump();
                let inner = self.duration(OR)?;
                let span = token.span().to(self.expect(Kind::RightParen)?.span());
                self.require_duration_exprs(inner.span());
                Ok(match inner {
                    // Parentheses do not pile up, and say nothing around a literal.
                    DurationExpr::Paren(inner, _) => DurationExpr::Paren(inner, span),
                    literal @ (DurationExpr::Number(..) | DurationExpr::Duration(..)) => literal,
                    inner => DurationExpr::Paren(Box::new(inner), span),
                })
            }
            _ => Err(Fail::Unexpected),
        }
    }

    /// A minus goes into a literal; a plus changes nothing.
    fn signed_duration(&mut self, sign: Token, operand: DurationExpr) -> DurationExpr {
        let negative = sign.kind == Kind::Sub;
        let span = sign.span().to(operand.span());
        match operand {
            DurationExpr::Number(seconds, _) => {
                DurationExpr::Number(if negative { -seconds } else { seconds }, span)
            }
            DurationExpr::Duration(seconds, _) => {
                DurationExpr::Duration(if negative { -seconds } else { seconds }, span)
            }
            operand if negative => DurationExpr::Unary(BinaryOp::Sub, Box::new(operand), span),
            operand => operand,
        }
    }

    fn no_duration(&mut self, token: Token, problem: &str) -> DurationExpr {
        self.complain(token.span(), problem.to_owned());
        DurationExpr::Number(0.0, Span::default())
    }

    fn require_duration_exprs(&mut self, span: Span) {
        if !self.options.duration_expr {
            self.complain(span, "experimental duration expression is not enabled".to_owned());
        }
    }
}

fn duration_op(kind: Kind) -> Option<(BinaryOp, u8)> {
    match kind {
        Kind::Add | Kind::Sub | Kind::Mul | Kind::Div | Kind::Mod | Kind::Pow => binary_op(kind),
        _ => None,
    }
}

fn argument(expr: DurationExpr) -> DurationArg {
    match expr.literal() {
        Some(seconds) => DurationArg::Literal(milliseconds(seconds)),
        None => DurationArg::Computed(Box::new(expr)),
    }
}

/// As upstream: rounded to nanoseconds, then cut to milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "literals are within the nanoseconds of i64")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64 / 1_000_000
}
