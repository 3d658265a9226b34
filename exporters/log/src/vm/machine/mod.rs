//! Runs the code of one program on line after line.

mod convert;
mod operation;
mod search;

use std::cmp::Ordering;

use jiff::tz::TimeZone;

use convert::unexpected;

use super::code::{Arithmetic, Comparison, Object, Op};
use super::error::RuntimeError;
use super::fields::Fields;
use super::fuse::{Code, Step};
use super::memo::Memo;
use super::operate;
use super::pattern::{Repaired, Slots};
use super::text::{TEXT_BYTES_MAX, Texts};
use super::value::{Place, Span, Value};
use crate::engine::Mask;
use crate::go::{self, time::Layout, time::Moment};
use crate::line::Line;
use crate::store::Store;

/// How times without zone or year are read.
#[derive(Clone, Debug)]
pub struct TimeOptions {
    /// The zone of times that name none; `None` for UTC.
    pub zone: Option<TimeZone>,
    /// The zone of this host, which says what the current year is.
    pub local: TimeZone,
    /// Times without a year are of the current one.
    pub use_current_year: bool,
}

/// A program with everything it needs from line to line.
#[derive(Debug)]
pub struct Machine {
    object: Object,
    /// What is run for a line.
    code: Code,
    /// The number of each of its metrics in the store.
    metrics: Vec<u32>,
    options: TimeOptions,
    memo: Memo,
    /// The layouts of times, by the numbers of their texts, as they are used.
    layouts: Vec<Option<Layout>>,
    stack: Vec<Value>,
    matches: Vec<LastMatch>,
    scratch: Vec<u8>,
    key: Key,
    repaired: Repaired,
    generation: u64,
    /// For each pattern the texts of which a line must hold one; empty where that is not known.
    filters: Vec<Mask>,
    /// For each pattern whether it is only tried where another one matched.
    is_inner: Vec<bool>,
    /// How often such a pattern was tried since somebody asked.
    inner_tried: u64,
    /// Whether the texts of such patterns are looked for.
    seeks_inner: bool,
    fields: Fields,
}

/// What is known of a line before a program runs on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// Which of the texts that patterns need are in it, if they were looked for.
    pub(crate) held: Option<&'a Mask>,
    /// Whether it is UTF-8.
    pub(crate) is_utf8: Option<bool>,
    /// Whether it is known to be [`PLAIN`](crate::engine::PLAIN).
    pub(crate) is_plain: bool,
}

/// The last result of a pattern.
#[derive(Debug, Default)]
struct LastMatch {
    /// The line it is from.
    generation: u64,
    subject: Option<Span>,
    slots: Slots,
    /// If it was searched in the name of the line's source: which one, see [`Thread::file`].
    file: Option<u64>,
}

impl Machine {
    /// A machine for a program whose metrics have these numbers.
    #[must_use]
    pub fn new(object: Object, metrics: Vec<u32>, options: TimeOptions) -> Machine {
        let matches = object.patterns.iter().map(|_| LastMatch::default()).collect();
        let layouts = vec![None; object.texts.len()];
        let filters = vec![Mask::default(); object.patterns.len()];
        Machine {
            code: Code::new(&object.ops),
            is_inner: search::inner_patterns(&object),
            inner_tried: 0,
            seeks_inner: false,
            object,
            metrics,
            options,
            memo: Memo::default(),
            layouts,
            stack: Vec::new(),
            matches,
            scratch: Vec::new(),
            key: Key::default(),
            repaired: Repaired::default(),
            generation: 0,
            filters,
            fields: Fields::default(),
        }
    }

    /// The code.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// Whether lines from there are for this program.
    #[must_use]
    pub fn wants(&self, source: &str) -> bool {
        let filter = &self.object.log_filter;
        filter.is_empty() || filter.iter().any(|name| name == source)
    }

    /// Runs `begin { }`.
    ///
    /// # Errors
    /// What goes wrong; what was done before it stays.
    pub fn begin(&mut self, store: &mut Store, now_ns: i64) -> Result<(), (usize, RuntimeError)> {
        let code = Code::new(&self.object.begin);
        let mut thread = self.thread(store);
        thread.code = &code;
        thread.line(Line { source: "", text: b"" }, now_ns, Hints::default())
    }

    /// Makes it ready for some lines.
    pub(crate) fn thread<'a>(&'a mut self, store: &'a mut Store) -> Thread<'a> {
        let line = Line { source: "", text: b"" };
        let file = self.generation;
        Thread {
            code: &self.code,
            texts: Texts { object: &self.object, line, scratch: &mut self.scratch },
            metrics: &self.metrics,
            options: &self.options,
            memo: &mut self.memo,
            layouts: &mut self.layouts,
            stack: &mut self.stack,
            matches: &mut self.matches,
            key: &mut self.key,
            repaired: &mut self.repaired,
            generation: &mut self.generation,
            file,
            store,
            now_ns: 0,
            matched: false,
            time: Moment::ZERO,
            line_is_utf8: None,
            line_is_plain: false,
            held: None,
            filters: &self.filters,
            is_inner: &self.is_inner,
            inner_tried: &mut self.inner_tried,
            fields: &mut self.fields,
        }
    }
}

impl Value {
    fn holds(self) -> bool {
        match self {
            Value::Bool(value) => value,
            Value::Int64(value) => value != 0,
            _ => false,
        }
    }

    /// Not the contrary of [`Value::holds`]: values that are neither do not jump.
    fn fails(self) -> bool {
        matches!(self, Value::Bool(false) | Value::Int64(0))
    }
}

/// A program at work on lines.
pub(crate) struct Thread<'a> {
    code: &'a Code,
    texts: Texts<'a>,
    metrics: &'a [u32],
    options: &'a TimeOptions,
    memo: &'a mut Memo,
    layouts: &'a mut [Option<Layout>],
    stack: &'a mut Vec<Value>,
    matches: &'a mut [LastMatch],
    key: &'a mut Key,
    repaired: &'a mut Repaired,
    generation: &'a mut u64,
    /// The number of the line with which this name of a source begins.
    file: u64,
    store: &'a mut Store,
    now_ns: i64,
    matched: bool,
    time: Moment,
    /// Whether the line is UTF-8, once somebody asked.
    line_is_utf8: Option<bool>,
    line_is_plain: bool,
    held: Option<&'a Mask>,
    filters: &'a [Mask],
    is_inner: &'a [bool],
    inner_tried: &'a mut u64,
    fields: &'a mut Fields,
}

/// Labels as the store wants them.
#[derive(Debug, Default)]
struct Key {
    bytes: Vec<u8>,
    hash: u64,
    /// The list that they come from, and the line that it was read from.
    from: Option<(u32, u64)>,
}

type Run<T> = Result<T, RuntimeError>;

impl<'a> Thread<'a> {
    /// The program's code.
    pub(crate) fn object(&self) -> &'a Object {
        self.texts.object
    }

    /// Runs the program on a line. Values without time of their own get `now_ns`.
    ///
    /// # Errors
    /// What goes wrong and at which instruction; what was done before it stays.
    pub(crate) fn line(
        &mut self,
        line: Line<'a>,
        now_ns: i64,
        hints: Hints<'a>,
    ) -> Result<(), (usize, RuntimeError)> {
        *self.generation += 1;
        self.stack.clear();
        self.texts.scratch.clear();
        if !std::ptr::eq(line.source, self.texts.line.source) {
            self.file = *self.generation;
        }
        let text = line.text.get(..TEXT_BYTES_MAX).unwrap_or(line.text);
        self.texts.line = Line { source: line.source, text };
        self.now_ns = now_ns;
        self.matched = false;
        self.time = Moment::ZERO;
        self.line_is_utf8 = hints.is_utf8;
        self.line_is_plain = hints.is_plain;
        self.held = hints.held;
        let (code, mut next) = (self.code, 0);
        self.run(code, &mut next).map_err(|error| (code.origin(next.saturating_sub(1)), error))
    }

    /// Runs steps until the end; `next` is then the one behind the last that was run.
    fn run(&mut self, code: &Code, next: &mut usize) -> Run<()> {
        while let Some(step) = code.steps.get(*next) {
            *next += 1;
            match *step {
                Step::Enter { pattern, otherwise } => {
                    if self.matches_line(pattern) {
                        self.matched = false;
                    } else {
                        *next = otherwise as usize;
                    }
                }
                Step::EnterIf { comparison, order, holds, otherwise } => {
                    let (right, left) = (self.pop()?, self.pop()?);
                    if self.compare(comparison, order, left, right)? == holds {
                        self.matched = false;
                    } else {
                        *next = otherwise as usize;
                    }
                }
                Step::EnterIfGroup { pattern, group, value, order, holds, otherwise } => {
                    let held = self.int_of_group(pattern, group)?;
                    if (held.cmp(&value) == order) == holds {
                        self.matched = false;
                    } else {
                        *next = otherwise as usize;
                    }
                }
                Step::GroupInt { pattern, group } => {
                    let value = self.int_of_group(pattern, group)?;
                    self.push(Value::Int64(value));
                }
                Step::GroupTime { pattern, group, layout } => {
                    let text = self.text_of_group(pattern, group)?;
                    self.read_time(self.texts.span(Place::Constant(layout)), text)?;
                }
                Step::Datum { metric, labels } => {
                    let (metric, slot) = self.datum_with(code, metric, labels)?;
                    self.push(Value::Datum { metric, slot });
                }
                Step::Count { metric, labels } => {
                    let (metric, slot) = self.datum_with(code, metric, labels)?;
                    self.increase(metric, slot, 1)?;
                }
                Step::Add { metric, labels, pattern, group } => {
                    // The datum is there even where the group is no number.
                    let (metric, slot) = self.datum_with(code, metric, labels)?;
                    let value = self.int_of_group(pattern, group)?;
                    self.increase(metric, slot, value)?;
                }
                Step::Op(Op::Stop) => return Ok(()),
                Step::Op(Op::Jump(to)) => *next = to as usize,
                Step::Op(Op::JumpUnless(to)) => {
                    if self.pop()?.fails() {
                        *next = to as usize;
                    }
                }
                Step::Op(Op::JumpIf(to)) => {
                    if self.pop()?.holds() {
                        *next = to as usize;
                    }
                }
                Step::Op(Op::SetMatched(matched)) => self.matched = matched,
                Step::Op(op) => self.execute(op)?,
            }
        }
        Ok(())
    }

    /// The text of a group, empty where it took no part.
    fn text_of_group(&self, pattern: u32, group: u32) -> Run<Span> {
        let text = self.group(pattern, group).ok_or(RuntimeError::Group(group))?;
        Ok(text.unwrap_or(self.texts.span(Place::Line).empty()))
    }

    fn int_of_group(&self, pattern: u32, group: u32) -> Run<i64> {
        let text = self.text_of_group(pattern, group)?;
        operate::parse_int(self.texts.bytes(text), 10)
    }

    fn pop(&mut self) -> Run<Value> {
        self.stack.pop().ok_or(RuntimeError::Stack)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn execute(&mut self, op: Op) -> Run<()> {
        match op {
            Op::Match(pattern) => {
                let found = self.matches_line(pattern);
                self.push(Value::Bool(found));
            }
            Op::MatchText(pattern) => {
                let subject = self.pop_text()?;
                let found = self.search(pattern, subject);
                self.push(Value::Bool(found));
            }
            Op::Capref { pattern, group } => {
                let text = self.text_of_group(pattern, group)?;
                self.push(Value::Text(text));
            }
            Op::Defined { pattern, group } => {
                let defined = self.group(pattern, group).flatten().is_some();
                self.push(Value::Bool(defined));
            }
            Op::Compare(comparison, order) => {
                let (right, left) = (self.pop()?, self.pop()?);
                let holds = self.compare(comparison, order, left, right)?;
                self.push(Value::Bool(holds));
            }
            Op::PushText(_) | Op::PushInt(_) | Op::PushFloat(_) | Op::PushBool(_) => {
                self.push_constant(op);
            }
            Op::Float(operator) => {
                let (right, left) = (self.pop_float()?, self.pop_float()?);
                self.push(Value::Float(operate::floats(operator, left, right)));
            }
            Op::Int(operator) => self.int_operator(operator)?,
            Op::Flip => {
                let value = self.pop_int()?;
                self.push(Value::Int64(!value));
            }
            Op::Not => match self.pop()? {
                Value::Bool(value) => self.push(Value::Bool(!value)),
                other => return Err(unexpected("bool", other)),
            },
            Op::Otherwise | Op::FileName | Op::Timestamp => {
                let fact = self.fact(op);
                self.push(fact);
            }
            Op::Json | Op::Logfmt => self.field(op)?,
            Op::Settime => self.settime()?,
            Op::Strptime => self.strptime()?,
            Op::Increase { .. }
            | Op::Decrease
            | Op::SetInt
            | Op::SetFloat
            | Op::SetText
            | Op::Load { .. }
            | Op::GetInt
            | Op::GetFloat
            | Op::GetText
            | Op::Delete { .. }
            | Op::Expire { .. } => self.metric_operation(op)?,
            _ => self.text_operation(op)?,
        }
        Ok(())
    }

    fn push_constant(&mut self, op: Op) {
        let value = match op {
            Op::PushText(number) => Value::Text(self.texts.span(Place::Constant(number))),
            Op::PushInt(value) => Value::Int64(value),
            Op::PushFloat(value) => Value::Float(value),
            Op::PushBool(value) => Value::Bool(value),
            _ => return,
        };
        self.push(value);
    }

    fn compare(
        &mut self,
        comparison: Comparison,
        order: Ordering,
        left: Value,
        right: Value,
    ) -> Run<bool> {
        // The right side is converted first; only its error differs.
        match comparison {
            Comparison::Dynamic => operate::compare(order, self.plain(left), self.plain(right)),
            Comparison::Int => {
                let right = self.int_of(right)?;
                Ok(self.int_of(left)?.cmp(&right) == order)
            }
            Comparison::Float => {
                let right = self.float_of(right)?;
                Ok(self.float_of(left)?.partial_cmp(&right) == Some(order))
            }
            Comparison::Text => {
                let right = self.text_of(right)?;
                let left = self.text_of(left)?;
                let (left, right) = (self.texts.bytes(left), self.texts.bytes(right));
                Ok(operate::compare_texts(left, right) == order)
            }
        }
    }

    fn int_operator(&mut self, operator: Arithmetic) -> Run<()> {
        let (right, left) = (self.pop_int()?, self.pop_int()?);
        let result = operate::ints(operator, left, right)?;
        self.push(Value::Int64(result));
        Ok(())
    }

    fn text_operation(&mut self, op: Op) -> Run<()> {
        let value = match op {
            Op::Lower => {
                let text = self.pop_text()?;
                let lower = operate::lower(self.texts.bytes(text));
                Value::Text(self.texts.make(|out| out.extend_from_slice(&lower))?)
            }
            Op::Length => {
                let text = self.pop_text()?;
                Value::Int(i64::from(text.end - text.start))
            }
            Op::TextToInt { base } => {
                let base = if base { self.pop_int()? } else { 10 };
                if !(1..i64::from(i32::MAX)).contains(&base) {
                    return Err(RuntimeError::Base);
                }
                let text = self.pop_text()?;
                Value::Int64(operate::parse_int(self.texts.bytes(text), base)?)
            }
            Op::TextToFloat => {
                let text = self.pop_text()?;
                Value::Float(operate::parse_float(self.texts.bytes(text))?)
            }
            #[expect(clippy::cast_precision_loss, reason = "as in the language")]
            Op::IntToFloat => Value::Float(self.pop_int()? as f64),
            Op::IntToText => {
                let value = self.pop_int()?;
                Value::Text(self.texts.make_from(&value.to_string())?)
            }
            Op::FloatToText => {
                let value = self.pop_float()?;
                Value::Text(self.texts.make_from(&go::format_g(value))?)
            }
            Op::Join => {
                let (right, left) = (self.pop_text()?, self.pop_text()?);
                let joined = [self.texts.bytes(left), self.texts.bytes(right)].concat();
                Value::Text(self.texts.make(|out| out.extend_from_slice(&joined))?)
            }
            Op::Replace => {
                let (text, new, old) = (self.pop_text()?, self.pop_text()?, self.pop_text()?);
                let bytes = |span| self.texts.bytes(span);
                let replaced = operate::replace(bytes(text), bytes(old), bytes(new));
                Value::Text(self.texts.make(|out| out.extend_from_slice(&replaced))?)
            }
            Op::ReplacePattern(pattern) => {
                let (text, new) = (self.pop_text()?, self.pop_text()?);
                let mut out = Vec::new();
                let pattern = &self.texts.object.patterns[pattern as usize];
                let (text, new) = (self.texts.bytes(text), self.texts.bytes(new));
                pattern.replace_all(text, new, &mut out, super::text::SCRATCH_BYTES_MAX);
                Value::Text(self.texts.make(|scratch| scratch.append(&mut out))?)
            }
            _ => return Err(RuntimeError::Stack),
        };
        self.push(value);
        Ok(())
    }

    /// What is known of the line without its text.
    fn fact(&self, op: Op) -> Value {
        match op {
            Op::Otherwise => Value::Bool(!self.matched),
            Op::FileName => Value::Text(self.texts.span(Place::FileName)),
            _ if self.time.is_zero() => Value::Int64(self.now_ns.div_euclid(1_000_000_000)),
            _ => Value::Int64(self.time.seconds),
        }
    }

    fn settime(&mut self) -> Run<()> {
        match self.pop()? {
            Value::Int64(seconds) => self.time = Moment { seconds, nanoseconds: 0 },
            other => return Err(unexpected("int64", other)),
        }
        Ok(())
    }

    fn strptime(&mut self) -> Run<()> {
        let layout = self.pop_text()?;
        // What is no text is taken for an empty one.
        let text = match self.pop()? {
            Value::Text(span) => span,
            _ => self.texts.span(Place::Line).empty(),
        };
        self.read_time(layout, text)
    }

    fn read_time(&mut self, layout: Span, text: Span) -> Run<()> {
        if let Some(moment) = self.memo.get(self.texts.bytes(text)) {
            self.time = moment;
            return Ok(());
        }
        let known = match layout.place {
            Place::Constant(number) => self.layouts.get_mut(number as usize),
            _ => None,
        };
        let (layout, text) = (self.texts.bytes(layout), self.texts.bytes(text));
        let parsed = match known {
            Some(known) => {
                let known = known.get_or_insert_with(|| Layout::new(layout));
                self.options.parse(known, text, self.now_ns)
            }
            None => self.options.parse(&Layout::new(layout), text, self.now_ns),
        };
        self.memo.add(text, parsed.unwrap_or(Moment::ZERO));
        self.time = parsed.ok_or_else(|| RuntimeError::Time {
            layout: String::from_utf8_lossy(layout).into_owned(),
            text: String::from_utf8_lossy(text).into_owned(),
        })?;
        Ok(())
    }
}

impl Span {
    /// An empty text in the same place.
    fn empty(self) -> Span {
        Span { end: self.start, ..self }
    }
}
