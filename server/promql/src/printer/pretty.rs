//! Long expressions over several lines, as `promtool promql format` splits them.

use std::fmt::{self, Write};

use super::{loses_its_sign, write_aggregate_head, write_operator, write_subquery_tail};
use crate::ast::Expr;

/// Longest line before an expression is split, in bytes.
const LINE_BYTES_MAX: usize = 100;

const INDENT: &str = "  ";

/// Deepest indentation; without a bound the white space grows with the square of the text.
const INDENTS_MAX: usize = 64;

impl Expr {
    /// The expression over as many lines as it needs; short ones stay on one.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write_pretty(&mut out, self, 0);
        out
    }
}

fn write_pretty(out: &mut String, expr: &Expr, level: usize) -> fmt::Result {
    match expr {
        // Upstream does not indent a subquery on one line.
        Expr::Subquery(_) if fits_on_a_line(expr) => return write!(out, "{expr}"),
        Expr::Subquery(subquery) => {
            write_pretty(out, &subquery.expr, level)?;
            return write_subquery_tail(out, subquery);
        }
        Expr::Unary(unary) => {
            write_indent(out, level);
            out.push(if unary.negative { '-' } else { '+' });
            let mut operand = String::new();
            write_pretty(&mut operand, &unary.expr, level)?;
            out.push_str(operand.trim());
            return Ok(());
        }
        // The operands indent themselves.
        Expr::Binary(_) if !fits_on_a_line(expr) => {}
        _ => write_indent(out, level),
    }
    match expr {
        Expr::Aggregate(aggregate) if !fits_on_a_line(expr) => {
            write_aggregate_head(out, aggregate)?;
            out.push_str("(\n");
            if let Some(param) = &aggregate.param {
                write_pretty(out, param, level + 1)?;
                out.push_str(",\n");
            }
            write_pretty(out, &aggregate.expr, level + 1)?;
            close(out, level);
        }
        Expr::Binary(binary) if !fits_on_a_line(expr) => {
            if loses_its_sign(binary) {
                write_indent(out, level + 1);
                out.push_str("Inf");
            } else {
                write_pretty(out, &binary.left, level + 1)?;
            }
            out.push('\n');
            write_indent(out, level);
            write_operator(out, binary)?;
            out.push('\n');
            write_pretty(out, &binary.right, level + 1)?;
        }
        Expr::Call(call) if !fits_on_a_line(expr) => {
            writeln!(out, "{}(", call.function.name)?;
            for (at, arg) in call.args.iter().enumerate() {
                if at > 0 {
                    out.push_str(",\n");
                }
                write_pretty(out, arg, level + 1)?;
            }
            close(out, level);
        }
        Expr::Paren(paren) if !fits_on_a_line(expr) => {
            out.push_str("(\n");
            write_pretty(out, &paren.expr, level + 1)?;
            close(out, level);
        }
        _ => write!(out, "{expr}")?,
    }
    Ok(())
}

fn close(out: &mut String, level: usize) {
    out.push('\n');
    write_indent(out, level);
    out.push(')');
}

fn write_indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n(INDENT, level.min(INDENTS_MAX)));
}

/// Stops printing when the line is full, so that asking costs the same for every size.
struct Line {
    bytes_left: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes_left = self.bytes_left.checked_sub(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

fn fits_on_a_line(expr: &Expr) -> bool {
    write!(Line { bytes_left: LINE_BYTES_MAX }, "{expr}").is_ok()
}
