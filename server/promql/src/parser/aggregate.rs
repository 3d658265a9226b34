//! Aggregations: `sum by (job) (x)` and `sum(x) by (job)`.

use super::call::Args;
use super::cursor::{Fail, Parser};
use super::expr::Node;
use crate::ast::{Aggregate, AggregateOp, Expr, NumberLiteral, Span};
use crate::lexer::{Kind, Token};

/// The clause `by (...)` or `without (...)`.
#[derive(Default)]
struct Grouping {
    labels: Vec<String>,
    without: bool,
}

impl Parser<'_> {
    /// An aggregation; its operator has been read and a clause or parenthesis follows.
    pub(super) fn aggregate(&mut self, op: Token) -> Result<Node, Fail> {
        let (grouping, args) = match self.grouping_and_args() {
            Ok(parts) => parts,
            Err(Fail::Unexpected) => {
                let fail = self.unexpected("aggregation", "");
                let span = Span { start: op.start, end: self.last_end() };
                self.complain_about_missing_args(span);
                return Err(fail);
            }
            Err(Fail::Reported) => return Err(Fail::Reported),
        };
        let span = Span { start: op.start, end: self.last_end() };
        let height = args.height + 1;
        let aggregate = self.assemble(op, grouping, args, span);
        Ok(Node { expr: Expr::Aggregate(Box::new(aggregate)), height })
    }

    fn grouping_and_args(&mut self) -> Result<(Grouping, Args), Fail> {
        match self.grouping()? {
            Some(grouping) => Ok((grouping, self.args()?)),
            None => {
                let args = self.args()?;
                Ok((self.grouping()?.unwrap_or_default(), args))
            }
        }
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, Fail> {
        let kind = self.peek().kind;
        if !matches!(kind, Kind::By | Kind::Without) {
            return Ok(None);
        }
        self.bump();
        let labels = self.grouping_labels()?;
        Ok(Some(Grouping { labels, without: kind == Kind::Without }))
    }

    fn assemble(&mut self, op: Token, grouping: Grouping, args: Args, span: Span) -> Aggregate {
        let name = self.text_of(op);
        let op = aggregate_op(op.kind);
        let wanted = if op.takes_param() { 2 } else { 1 };
        let experimental = matches!(op, AggregateOp::Limitk | AggregateOp::LimitRatio);
        let count = args.exprs.len();
        if count == 0 {
            self.complain_about_missing_args(span);
        } else if experimental && !self.options.experimental_functions {
            let name = name.to_ascii_lowercase();
            self.complain(
                span,
                format!(
                    "{name}() is experimental and must be enabled with \
                     --enable-feature=promql-experimental-functions"
                ),
            );
        } else if count != wanted {
            self.complain(
                span,
                format!(
                    "wrong number of arguments for aggregate expression provided, \
                     expected {wanted}, got {count}"
                ),
            );
        }
        let mut exprs = args.exprs.into_iter();
        let param = if op.takes_param() { exprs.next() } else { None };
        // Where nothing is left the query is refused, and never looked at again.
        let nothing = || Expr::Number(NumberLiteral { value: 0.0, is_duration: false, span });
        let expr = exprs.next().unwrap_or_else(nothing);
        Aggregate { op, expr, param, grouping: grouping.labels, without: grouping.without, span }
    }

    fn complain_about_missing_args(&mut self, span: Span) {
        self.complain(span, "no arguments for aggregate expression provided".to_owned());
    }
}

fn aggregate_op(kind: Kind) -> AggregateOp {
    match kind {
        Kind::Avg => AggregateOp::Avg,
        Kind::Min => AggregateOp::Min,
        Kind::Max => AggregateOp::Max,
        Kind::Count => AggregateOp::Count,
        Kind::Group => AggregateOp::Group,
        Kind::Stddev => AggregateOp::Stddev,
        Kind::Stdvar => AggregateOp::Stdvar,
        Kind::Topk => AggregateOp::Topk,
        Kind::Bottomk => AggregateOp::Bottomk,
        Kind::Quantile => AggregateOp::Quantile,
        Kind::CountValues => AggregateOp::CountValues,
        Kind::Limitk => AggregateOp::Limitk,
        Kind::LimitRatio => AggregateOp::LimitRatio,
        // Callers hand in aggregators only, of which this is the last.
        _ => AggregateOp::Sum,
    }
}
