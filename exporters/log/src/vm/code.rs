//! What a program is compiled to.

use crate::lang::ast::MetricKind;
use crate::store::ValueKind;

use super::pattern::Pattern;

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// By what they turn out to be.
    Dynamic,
    /// As integers.
    Int,
    /// As floats.
    Float,
    /// As texts.
    Text,
}

/// One instruction of a stack machine. Jumps give the number of the next instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(missing_docs, reason = "fields are what they are named after, by number")]
pub enum Op {
    /// Pushes whether a pattern matches the line.
    Match(u32),
    /// Pops a text, pushes whether a pattern matches it.
    MatchText(u32),
    /// Pops two values, pushes whether they compare as this.
    Compare(Comparison, std::cmp::Ordering),
    /// Pops; jumps where it does not hold.
    JumpUnless(u32),
    /// Pops; jumps where it holds.
    JumpIf(u32),
    /// Jumps.
    Jump(u32),
    /// Adds one to a datum, or what is popped.
    Increase { popped: bool },
    /// Takes one from a datum.
    Decrease,
    /// Sets a datum to an integer.
    SetInt,
    /// Sets a datum to a float.
    SetFloat,
    /// Sets a datum to a text.
    SetText,
    /// Parses a text by a layout into the time register.
    Strptime,
    /// Pushes the time register in seconds.
    Timestamp,
    /// Sets the time register.
    Settime,
    /// Pushes a group of a pattern.
    Capref { pattern: u32, group: u32 },
    /// Pushes whether a group of a pattern took part.
    Defined { pattern: u32, group: u32 },
    /// Pushes a constant text.
    PushText(u32),
    /// Pushes an integer.
    PushInt(i64),
    /// Pushes a float.
    PushFloat(f64),
    /// Pushes a truth.
    PushBool(bool),
    /// Pops two floats, pushes the result of an operator.
    Float(Arithmetic),
    /// Pops two integers, pushes the result of an operator.
    Int(Arithmetic),
    /// Flips all bits.
    Flip,
    /// Negates a truth.
    Not,
    /// Pops labels, pushes the datum of a metric.
    Load { metric: u32, keys: u32 },
    /// Reads an integer from a datum.
    GetInt,
    /// Reads a float from a datum.
    GetFloat,
    /// Reads a text from a datum.
    GetText,
    /// Pops labels, removes the datum.
    Delete { metric: u32, keys: u32 },
    /// Pops labels, has the datum removed when it is as old, in nanoseconds.
    Expire { metric: u32, keys: u32, after_ns: i64 },
    /// Lower case.
    Lower,
    /// Length in bytes.
    Length,
    /// A text as integer; the base is popped, or ten.
    TextToInt { base: bool },
    /// A text as float.
    TextToFloat,
    /// An integer as float.
    IntToFloat,
    /// An integer as text.
    IntToText,
    /// A float as text.
    FloatToText,
    /// Sets the flag that `otherwise` asks.
    SetMatched(bool),
    /// Pushes whether nothing matched.
    Otherwise,
    /// Pushes where the line is from.
    FileName,
    /// Pops a path, pushes that field of a JSON line.
    Json,
    /// Pops a name, pushes that field of a line in logfmt.
    Logfmt,
    /// Joins two texts.
    Join,
    /// Replaces a text in a text.
    Replace,
    /// Replaces what a pattern matches in a text.
    ReplacePattern(u32),
    /// Ends the program for this line.
    Stop,
}

/// An operator on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    ShiftLeft,
    ShiftRight,
    And,
    Or,
    Xor,
}

/// A metric that a program declares.
#[derive(Clone, Debug)]
pub struct MetricSpec {
    /// Name.
    pub name: String,
    /// What it is.
    pub kind: MetricKind,
    /// Of what its values are.
    pub values: ValueKind,
    /// Not exported.
    pub hidden: bool,
    /// Label names.
    pub keys: Vec<String>,
    /// Where it is declared, without the program's name.
    pub source: String,
    /// Upper and lower bounds of buckets.
    pub buckets: Vec<(f64, f64)>,
    /// Most label values; 0 for no limit.
    pub limit: i64,
    /// It is there before the first line.
    pub preset: bool,
}

/// A compiled program.
#[derive(Debug, Default)]
pub struct Object {
    /// Instructions.
    pub ops: Vec<Op>,
    /// The line of each instruction in the program, from zero.
    pub lines: Vec<i32>,
    /// Instructions that are run once, before the first line: `begin { }`.
    pub begin: Vec<Op>,
    /// Constant texts.
    pub texts: Vec<String>,
    /// Patterns.
    pub patterns: Vec<Pattern>,
    /// The line of each pattern in the program, from zero.
    pub pattern_lines: Vec<i32>,
    /// Metrics.
    pub metrics: Vec<MetricSpec>,
    /// Where lines must be from; empty for anywhere.
    pub log_filter: Vec<String>,
}

impl Object {
    /// The program as a listing.
    #[must_use]
    pub fn listing(&self, name: &str) -> String {
        use std::fmt::Write as _;
        let mut text = format!("Prog: {name}\nMetrics\n");
        // Writing to a string cannot fail.
        for (index, metric) in self.metrics.iter().enumerate() {
            let MetricSpec { name, kind, values, hidden, keys, source, .. } = metric;
            let (kind, keys) = (kind.name(), keys.join(" "));
            let _ = writeln!(
                text,
                " {index:8} name={name} kind={kind} type={values:?} hidden={hidden} keys=[{keys}] \
                 source={source}"
            );
        }
        text.push_str("Regexps\n");
        for (index, pattern) in self.patterns.iter().enumerate() {
            let _ = writeln!(text, " {index:8} /{}/", pattern.text());
        }
        text.push_str("Strings\n");
        for (index, constant) in self.texts.iter().enumerate() {
            let _ = writeln!(text, " {index:8} {constant:?}");
        }
        text.push_str("Code\n");
        for (index, op) in self.ops.iter().enumerate() {
            let line = self.lines.get(index).map_or(0, |line| line + 1);
            let _ = writeln!(text, " {index:8} line {line:5}  {op:?}");
        }
        for (index, op) in self.begin.iter().enumerate() {
            let _ = writeln!(text, " begin {index:8} {op:?}");
        }
        text
    }
}
