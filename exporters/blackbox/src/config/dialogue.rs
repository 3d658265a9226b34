//! `query_response`: what to send, what to expect, when to begin TLS.

use common_config::Error;
use common_config::yaml::{Binary, FromNode, Node, Section, list_of};
use common_re2::Regex;

/// Steps of one dialogue.
const STEPS_MAX: usize = 10_000;

/// The steps in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dialogue(pub Vec<Step>);

/// One step; what is set is done in the order of the fields, as far as the prober goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// What must come.
    pub expect: Option<Expect>,
    /// Labels of `probe_expect_info`, filled from the groups of the pattern.
    pub labels: Vec<Label>,
    /// What to send; empty for nothing. Groups of the last match can be named: `${1}`.
    pub send: Vec<u8>,
    /// Whether to begin TLS now.
    pub starttls: bool,
}

/// What must come.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// A line that matches.
    Pattern(Regex),
    /// Exactly these bytes.
    Bytes(Vec<u8>),
}

/// A label whose value is made from a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The label's name.
    pub name: String,
    /// Its value, a template as `${1}`.
    pub value: String,
}

impl Dialogue {
    pub(super) fn take(section: &mut Section<'_>) -> Result<Dialogue, Error> {
        let node = section.take("query_response");
        let steps = list_of(node, "a step must be a mapping", Step::from_node)?;
        if steps.len() > STEPS_MAX {
            let message = format!("more than {STEPS_MAX} steps");
            return Err(section.complain("query_response", message));
        }
        Ok(Dialogue(steps))
    }
}

impl FromNode for Step {
    fn from_node(node: &Node) -> Result<Step, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let pattern = section.filled("expect")?;
        let Binary(bytes) = section.or_default("expect_bytes")?;
        let labels =
            list_of(section.take("labels"), "a label must be a mapping", Label::from_node)?;
        let Binary(send) = section.or_default("send")?;
        let starttls = section.or_default("starttls")?;
        let at = section.position_of("expect");
        section.finish()?;
        let expect = match (pattern, bytes.is_empty()) {
            (Some(_), false) => {
                let message = "expect and expect_bytes are mutually exclusive";
                return Err(Error::at(at, message));
            }
            (Some(pattern), true) => Some(Expect::Pattern(super::compile(at, &pattern)?)),
            (None, false) => Some(Expect::Bytes(bytes)),
            (None, true) => None,
        };
        Ok(Step { expect, labels, send, starttls })
    }
}

impl FromNode for Label {
    fn from_node(node: &Node) -> Result<Label, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let label =
            Label { name: section.or_default("name")?, value: section.or_default("value")? };
        section.finish()?;
        Ok(label)
    }
}
