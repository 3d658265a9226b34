//! Declarations of metrics.

use super::super::ast::{Declaration, MetricKind, Node, NodeId};
use super::super::token::Kind;
use super::{Parse, Parser};

impl Parser<'_> {
    /// `hidden gauge x by y as "z" limit 5 buckets 1, 2`
    pub(super) fn declaration(&mut self) -> Parse<NodeId> {
        let hidden = self.accept(Kind::Hidden);
        let kind = match self.peek() {
            Kind::Counter => MetricKind::Counter,
            Kind::Gauge => MetricKind::Gauge,
            Kind::Timer => MetricKind::Timer,
            Kind::Text => MetricKind::Text,
            Kind::Histogram => MetricKind::Histogram,
            _ => return Err(self.unexpected(&[])),
        };
        self.take();
        let name = match self.peek() {
            Kind::Id | Kind::Str => self.take(),
            _ => return Err(self.unexpected(&[Kind::Str, Kind::Id])),
        };
        let mut declaration = Declaration {
            name: name.spelling,
            exported_name: String::new(),
            hidden,
            keys: Vec::new(),
            limit: 0,
            buckets: Vec::new(),
            kind,
            symbol: None,
        };
        loop {
            match self.peek() {
                Kind::By => {
                    self.take();
                    declaration.keys = self.words()?;
                }
                Kind::As => {
                    self.take();
                    declaration.exported_name = self.expect(Kind::Str)?.spelling;
                }
                Kind::Buckets => {
                    self.take();
                    declaration.buckets = self.boundaries()?;
                }
                Kind::Limit => {
                    self.take();
                    let token = self.expect(Kind::IntLiteral)?;
                    // Checked when the token was read.
                    declaration.limit = token.spelling.parse().unwrap_or(0);
                }
                _ => break,
            }
        }
        Ok(self.ast.add(Node::Declare(Box::new(declaration)), name.position))
    }

    fn boundaries(&mut self) -> Parse<Vec<f64>> {
        let mut list = Vec::new();
        loop {
            match self.peek() {
                Kind::IntLiteral | Kind::FloatLiteral => {
                    let token = self.take();
                    // Checked when the token was read.
                    let number = crate::go::parse_float(token.spelling.as_bytes());
                    list.push(number.unwrap_or(0.0));
                }
                _ => return Err(self.unexpected(&[Kind::IntLiteral, Kind::FloatLiteral])),
            }
            if !self.accept(Kind::Comma) {
                return Ok(list);
            }
        }
    }
}
