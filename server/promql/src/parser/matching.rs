//! What stands between a binary operator and its right operand, and lists of labels.

use common_model::METRIC_NAME;

use super::cursor::{Fail, Parser};
use super::expr::starts_expression;
use crate::ast::{Cardinality, Matching};
use crate::lexer::{Kind, go_quote, go_quote_bytes};

const CONTEXT: &str = "grouping opts";

impl Parser<'_> {
    /// `bool`, `on (...)`, `ignoring (...)`, `group_left (...)`, `fill (...)` and their kin; the
    /// second is whether there was a `bool`.
    pub(super) fn binary_modifiers(&mut self) -> Result<(Matching, bool), Fail> {
        let mut matching = Matching::default();
        let return_bool = self.eat(Kind::Bool);
        let kind = self.peek().kind;
        if matches!(kind, Kind::On | Kind::Ignoring) {
            self.bump();
            matching.on = kind == Kind::On;
            matching.labels = self.grouping_labels()?;
            if self.eat(Kind::GroupLeft) {
                matching.cardinality = Cardinality::ManyToOne;
                matching.include = self.maybe_grouping_labels()?;
            } else if self.eat(Kind::GroupRight) {
                matching.cardinality = Cardinality::OneToMany;
                matching.include = self.maybe_grouping_labels()?;
            }
        }
        if self.eat(Kind::Fill) {
            let value = Some(self.fill_value()?);
            matching.fill_left = value;
            matching.fill_right = value;
        } else if self.eat(Kind::FillLeft) {
            matching.fill_left = Some(self.fill_value()?);
            if self.eat(Kind::FillRight) {
                matching.fill_right = Some(self.fill_value()?);
            }
        } else if self.eat(Kind::FillRight) {
            matching.fill_right = Some(self.fill_value()?);
            if self.eat(Kind::FillLeft) {
                matching.fill_left = Some(self.fill_value()?);
            }
        }
        Ok((matching, return_bool))
    }

    fn fill_value(&mut self) -> Result<f64, Fail> {
        self.expect(Kind::LeftParen)?;
        let value = self.signed_number()?;
        self.expect(Kind::RightParen)?;
        Ok(value)
    }

    /// A number or duration with or without a sign.
    pub(super) fn signed_number(&mut self) -> Result<f64, Fail> {
        let negative = self.eat(Kind::Sub);
        if !negative {
            self.eat(Kind::Add);
        }
        let token = self.peek();
        if !matches!(token.kind, Kind::Number | Kind::Duration) {
            return Err(Fail::Unexpected);
        }
        self.bump();
        let value = self.number_value(token);
        Ok(if negative { -value } else { value })
    }

    fn maybe_grouping_labels(&mut self) -> Result<Vec<String>, Fail> {
        let kind = self.peek().kind;
        let fills = matches!(kind, Kind::Fill | Kind::FillLeft | Kind::FillRight);
        if kind != Kind::LeftParen && (starts_expression(kind) || fills) {
            return Ok(Vec::new());
        }
        self.grouping_labels()
    }

    /// `(a, b, "c d")`
    pub(super) fn grouping_labels(&mut self) -> Result<Vec<String>, Fail> {
        if !self.eat(Kind::LeftParen) {
            return Err(self.unexpected(CONTEXT, "\"(\""));
        }
        let mut labels = Vec::new();
        if self.eat(Kind::RightParen) {
            return Ok(labels);
        }
        loop {
            labels.push(self.grouping_label()?);
            let comma = self.eat(Kind::Comma);
            if self.eat(Kind::RightParen) {
                return Ok(labels);
            }
            if !comma {
                return Err(self.unexpected(CONTEXT, "\",\" or \")\""));
            }
        }
    }

    fn grouping_label(&mut self) -> Result<String, Fail> {
        let token = self.peek();
        if token.kind.can_name_a_label() {
            self.bump();
            return Ok(self.text_of(token).to_owned());
        }
        if token.kind != Kind::String {
            return Err(self.unexpected(CONTEXT, "label"));
        }
        self.bump();
        let bytes = self.unquoted(token);
        match String::from_utf8(bytes) {
            Ok(label) if !label.is_empty() => Ok(label),
            Ok(label) => {
                let label = go_quote(&label);
                self.complain(token.span(), format!("invalid label name for grouping: {label}"));
                Ok(METRIC_NAME.to_owned())
            }
            Err(error) => {
                let label = go_quote_bytes(error.as_bytes());
                self.complain(token.span(), format!("invalid label name for grouping: {label}"));
                Ok(METRIC_NAME.to_owned())
            }
        }
    }
}
