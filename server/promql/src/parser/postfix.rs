//! What follows an operand: ranges, subqueries, `offset`, `@`, `anchored` and `smoothed`.

use common_model::TimestampMs;

use super::cursor::{Fail, Parser};
use super::expr::Node;
use crate::ast::{
    At, DurationArg, Expr, Extended, MatrixSelector, Shift, Span, Subquery, VectorSelector,
};
use crate::lexer::{Kind, Token};

const DURATION_WORDS: &str = "number, duration, step(), or range()";
const NO_RANGE: &str = "ranges only allowed for vector selectors";

/// What a modifier changes: the shift and the end of the place.
type Shifted<'e> = (&'e mut Shift, &'e mut u32);

impl Parser<'_> {
    /// Modifiers in any number and order; the operand has been read.
    pub(super) fn postfix(&mut self, mut node: Node) -> Result<Node, Fail> {
        // Set when a range was put on something without ranges, and refused.
        let mut refused = false;
        loop {
            let token = self.peek();
            match token.kind {
                Kind::LeftBracket => {
                    self.bump();
                    node = self.bracket(token, node, &mut refused)?;
                }
                Kind::Offset => {
                    self.bump();
                    let offset = self.offset_duration();
                    let offset = self.within(offset, "offset", DURATION_WORDS)?;
                    self.set_offset(&mut node.expr, offset, refused);
                }
                Kind::At => {
                    self.bump();
                    let at = self.at_argument(node.expr.span());
                    let at = self.within(at, "@", "timestamp")?;
                    self.set_at(&mut node.expr, at, refused);
                }
                Kind::Anchored | Kind::Smoothed => {
                    self.bump();
                    let (word, extended) = match token.kind {
                        Kind::Anchored => ("anchored", Extended::Anchored),
                        _ => ("smoothed", Extended::Smoothed),
                    };
                    self.set_extended(&mut node.expr, word, extended, refused);
                }
                _ => return Ok(node),
            }
        }
    }

    fn bracket(&mut self, open: Token, node: Node, refused: &mut bool) -> Result<Node, Fail> {
        let range = self.positive_duration();
        let range = self.within(range, "subquery or range selector", DURATION_WORDS)?;
        match self.peek().kind {
            Kind::RightBracket => {
                let close = self.bump();
                Ok(self.matrix(open.span().to(close.span()), node, range, refused))
            }
            Kind::Colon => {
                self.bump();
                *refused = false;
                self.subquery(node, range)
            }
            _ => Err(self.unexpected("subquery or range", "\":\" or \"]\"")),
        }
    }

    fn matrix(
        &mut self,
        brackets: Span,
        node: Node,
        range: DurationArg,
        refused: &mut bool,
    ) -> Node {
        let span = node.expr.span().to(brackets);
        let vector = match node.expr {
            Expr::Vector(vector) => {
                if vector.shift.offset.is_some() {
                    let message = "no offset modifiers allowed before range";
                    self.complain(brackets, message.to_owned());
                } else if vector.shift.at.is_some() {
                    self.complain(brackets, "no @ modifiers allowed before range".to_owned());
                }
                *vector
            }
            _ => {
                self.complain(brackets, NO_RANGE.to_owned());
                *refused = true;
                VectorSelector {
                    name: String::new(),
                    matchers: Vec::new(),
                    shift: Shift::default(),
                    extended: Extended::No,
                    span,
                }
            }
        };
        let height = node.height + 1;
        Node { expr: Expr::Matrix(Box::new(MatrixSelector { vector, range, span })), height }
    }

    fn subquery(&mut self, node: Node, range: DurationArg) -> Result<Node, Fail> {
        let step = if self.peek().kind == Kind::RightBracket {
            None
        } else {
            let expected = "number, duration, step(), range(), or \"]\"";
            let step = self.positive_duration();
            Some(self.within(step, "subquery selector", expected)?)
        };
        if self.peek().kind != Kind::RightBracket {
            return Err(self.unexpected("subquery selector", "\"]\""));
        }
        let span = node.expr.span().to(self.bump().span());
        let height = node.height + 1;
        self.limit_height(height)?;
        // A step below a millisecond is none.
        let step = step.filter(|step| *step != DurationArg::Literal(0));
        let subquery = Subquery { expr: node.expr, range, step, shift: Shift::default(), span };
        Ok(Node { expr: Expr::Subquery(Box::new(subquery)), height })
    }

    fn at_argument(&mut self, selector: Span) -> Result<At, Fail> {
        let at = match self.peek().kind {
            Kind::Start => At::Start,
            Kind::End => At::End,
            _ => {
                let seconds = self.signed_number()?;
                return Ok(At::Time(self.timestamp(seconds, selector)));
            }
        };
        self.bump();
        self.expect(Kind::LeftParen)?;
        self.expect(Kind::RightParen)?;
        Ok(at)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "out of range is refused, and the cast saturates"
    )]
    fn timestamp(&mut self, seconds: f64, selector: Span) -> TimestampMs {
        // Also false for NaN.
        let in_bounds = seconds > i64::MIN as f64 && seconds < i64::MAX as f64;
        if !in_bounds {
            let shown = if seconds.is_infinite() {
                if seconds > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
            } else {
                format!("{seconds:.6}")
            };
            let message = format!("timestamp out of bounds for @ modifier: {shown}");
            self.complain(selector, message);
        }
        (seconds * 1000.0).round() as i64
    }

    fn set_offset(&mut self, expr: &mut Expr, offset: DurationArg, refused: bool) {
        let span = expr.span();
        let end = self.last_end();
        let Some((shift, expr_end)) = self.shifted(expr, "offset modifier", refused) else {
            return;
        };
        *expr_end = end;
        if shift.offset.is_some() {
            self.complain(span, "offset may not be set multiple times".to_owned());
        } else if offset != DurationArg::Literal(0) {
            shift.offset = Some(offset);
        }
    }

    fn set_at(&mut self, expr: &mut Expr, at: At, refused: bool) {
        let span = expr.span();
        let end = self.last_end();
        let Some((shift, expr_end)) = self.shifted(expr, "@ modifier", refused) else {
            return;
        };
        if shift.at.is_some() {
            self.complain(span, "@ <timestamp> may not be set multiple times".to_owned());
        } else {
            shift.at = Some(at);
            *expr_end = end;
        }
    }

    /// Where a modifier goes; complains where it cannot go.
    fn shifted<'e>(
        &mut self,
        expr: &'e mut Expr,
        modifier: &str,
        refused: bool,
    ) -> Option<Shifted<'e>> {
        let span = expr.span();
        if refused {
            self.complain(span, NO_RANGE.to_owned());
            return None;
        }
        match expr {
            Expr::Vector(vector) => Some((&mut vector.shift, &mut vector.span.end)),
            Expr::Matrix(matrix) => Some((&mut matrix.vector.shift, &mut matrix.span.end)),
            Expr::Subquery(subquery) => Some((&mut subquery.shift, &mut subquery.span.end)),
            _ => {
                self.complain(
                    span,
                    format!(
                        "{modifier} must be preceded by an instant vector selector or range \
                         vector selector or a subquery"
                    ),
                );
                None
            }
        }
    }

    fn set_extended(&mut self, expr: &mut Expr, word: &str, extended: Extended, refused: bool) {
        let span = expr.span();
        if !self.options.extended_selectors {
            self.complain(span, format!("{word} modifier is experimental and not enabled"));
            return;
        }
        if refused {
            return;
        }
        let vector = match expr {
            Expr::Vector(vector) => &mut **vector,
            Expr::Matrix(matrix) => &mut matrix.vector,
            Expr::Subquery(_) => {
                let message = format!("{word} modifier is not supported for subqueries");
                self.complain(span, message);
                return;
            }
            _ => {
                self.complain(span, format!("{word} modifier not implemented"));
                return;
            }
        };
        if vector.extended != Extended::No && vector.extended != extended {
            let message = "anchored and smoothed modifiers cannot be used together";
            self.complain(span, message.to_owned());
        }
        vector.extended = extended;
    }
}
