//! From parser events to a tree: anchors, merge keys, and limits against texts that explode.

use std::collections::HashMap;

use base64::Engine;
use granit_parser::{Event, Options, Parser, ScalarStyle, Span, StrInput};

use super::node::{Entry, Node, Value};
use super::scalar;
use crate::{Error, Position};

/// Longest text that is read; the largest rule files in the wild are a few MiB.
const TEXT_BYTES_MAX: usize = 64 << 20;
/// Deepest nesting; real files have about ten levels.
const DEPTH_MAX: usize = 200;
/// What all aliases of a document may expand to, in nodes and bytes of text.
const ALIASED_MAX: usize = 4 << 20;
/// The key whose value's keys are taken over.
const MERGE_KEY: &str = "<<";
/// The namespace of `!!str` and its like.
const TAGS: &str = "tag:yaml.org,2002:";

/// The tree of the first document in `text`; nothing for an empty one.
pub fn compose(text: &str) -> Result<Node, Error> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the file is larger than {} MiB", TEXT_BYTES_MAX >> 20);
        return Err(Error::whole(message));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.block_nesting_limit = DEPTH_MAX;
    options.flow_nesting_limit = DEPTH_MAX;
    let parser = Parser::new_from_str_with_options(text, options);
    let mut composer = Composer { parser, anchors: HashMap::new(), aliased: 0 };
    loop {
        let (event, _) = composer.next()?;
        match event {
            Event::StreamStart => {}
            Event::DocumentStart(..) => return composer.node(0).map(|(node, _)| node),
            _ => return Ok(Node { at: Position { line: 1, column: 1 }, value: Value::Null }),
        }
    }
}

struct Composer<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// Finished anchored nodes with their size and height.
    anchors: HashMap<usize, (Node, Extent)>,
    aliased: usize,
}

/// How much a node weighs, and how many levels are below it.
#[derive(Clone, Copy)]
struct Extent {
    size: usize,
    height: usize,
}

impl Extent {
    const EMPTY: Extent = Extent { size: 1, height: 0 };

    fn add(&mut self, below: Extent) {
        self.size += below.size;
        self.height = self.height.max(below.height + 1);
    }
}

impl<'t> Composer<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Error> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let mark = error.marker();
                Err(Error::at(position(mark.line(), mark.col()), format!("yaml: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, depth: usize) -> Result<(Node, Extent), Error> {
        let (event, span) = self.next()?;
        self.node_from(event, span, depth)
    }

    fn node_from(
        &mut self,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Result<(Node, Extent), Error> {
        let at = position(span.start.line(), span.start.col());
        if depth > DEPTH_MAX {
            return Err(Error::at(at, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let (value, extent, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_tagged = |name: &str| {
                    tag.as_ref()
                        .is_some_and(|tag| tag.suffix_in_namespace(TAGS).is_some_and(|t| t == name))
                };
                let extent = Extent { size: 1 + text.len(), height: 0 };
                let value = if is_tagged("binary") {
                    decode_binary(&text).map_err(|message| Error::at(at, message))?
                } else {
                    scalar_value(text.into_owned(), style, is_tagged("str"))
                };
                (value, extent, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let (elements, extent) = self.list(depth)?;
                (Value::List(elements), extent, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, extent) = self.map(depth)?;
                (Value::Map(entries), extent, anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, at, depth),
            Event::StreamEnd | Event::DocumentEnd => (Value::Null, Extent::EMPTY, 0),
            other => return Err(Error::at(at, format!("yaml: unexpected {other:?}"))),
        };
        let node = Node { at, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), extent));
        }
        Ok((node, extent))
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, Extent), Error> {
        let (mut elements, mut extent) = (Vec::new(), Extent::EMPTY);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                return Ok((elements, extent));
            }
            let (node, below) = self.node_from(event, span, depth + 1)?;
            extent.add(below);
            elements.push(node);
        }
    }

    fn map(&mut self, depth: usize) -> Result<(Vec<Entry>, Extent), Error> {
        let (mut entries, mut merged, mut extent) = (Vec::new(), Vec::new(), Extent::EMPTY);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                break;
            }
            let (key, below) = self.node_from(event, span, depth + 1)?;
            extent.add(below);
            let (node, below) = self.node(depth + 1)?;
            extent.add(below);
            match key.value {
                Value::Plain(text) if text == MERGE_KEY => merged.push(node),
                Value::Plain(text) | Value::Quoted(text) => {
                    entries.push(Entry { key: text, at: key.at, node });
                }
                Value::Null => entries.push(Entry { key: String::new(), at: key.at, node }),
                Value::Binary(_) => return Err(key.mismatch("string")),
                _ => return Err(Error::at(key.at, "a key must be a text, not a list or mapping")),
            }
        }
        for node in merged {
            merge(&mut entries, node)?;
        }
        Ok((entries, extent))
    }

    fn alias(
        &mut self,
        anchor: usize,
        at: Position,
        depth: usize,
    ) -> Result<(Node, Extent), Error> {
        let Some((node, extent)) = self.anchors.get(&anchor) else {
            return Err(Error::at(at, "an alias stands inside of the value it stands for"));
        };
        self.aliased += extent.size;
        if self.aliased > ALIASED_MAX || depth + extent.height > DEPTH_MAX {
            return Err(Error::at(at, "document contains excessive aliasing"));
        }
        Ok((node.clone(), *extent))
    }
}

/// What a `!!binary` scalar holds: usually a text.
fn decode_binary(text: &str) -> Result<Value, String> {
    let clean: String = text.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(clean)
        .map_err(|error| format!("!!binary value contains invalid base64 data: {error}"))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Value::Quoted(text),
        Err(error) => Value::Binary(error.into_bytes()),
    })
}

fn scalar_value(text: String, style: ScalarStyle, is_text: bool) -> Value {
    if style != ScalarStyle::Plain || is_text {
        Value::Quoted(text)
    } else if scalar::is_null(&text) {
        Value::Null
    } else {
        Value::Plain(text)
    }
}

/// Takes over the keys of a mapping, or of each of a list of mappings, that are not there yet.
fn merge(entries: &mut Vec<Entry>, from: Node) -> Result<(), Error> {
    match from.value {
        Value::Map(more) => {
            for entry in more {
                if entries.iter().all(|present| present.key != entry.key) {
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Value::List(maps) if maps.iter().all(|node| matches!(node.value, Value::Map(_))) => {
            maps.into_iter().try_for_each(|node| merge(entries, node))
        }
        _ => Err(Error::at(from.at, "map merge requires map or sequence of maps as the value")),
    }
}

fn position(line: usize, column: usize) -> Position {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: small(line), column: small(column + 1) }
}
