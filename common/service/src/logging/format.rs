//! One log event as one line.

use std::fmt::{self, Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::Format;
use super::time::format_time_ms;
use crate::clock::{Clock as _, SystemClock};

pub(super) struct SlogFormat {
    pub(super) format: Format,
}

impl<S, N> FormatEvent<S, N> for SlogFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let file = metadata.file().unwrap_or("");
        let file = file.rsplit('/').next().unwrap_or(file);
        let source = format!("{file}:{}", metadata.line().unwrap_or(0));
        let mut line = Line { format: self.format, text: String::new() };
        line.pair("time", &format_time_ms(SystemClock.now_ms()));
        line.pair("level", metadata.level().as_str());
        line.pair("source", &source);
        let mut message = Message(String::new());
        event.record(&mut message);
        line.pair("msg", &message.0);
        event.record(&mut line);
        writer.write_str(&line.text)?;
        writer.write_str(if self.format == Format::Json { "}\n" } else { "\n" })
    }
}

/// Picks the message out of the fields: it comes first whatever the order.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        }
    }
}

struct Line {
    format: Format,
    text: String,
}

impl Line {
    /// A pair whose value is text.
    fn pair(&mut self, key: &str, value: &str) {
        self.key(key);
        match self.format {
            Format::Json => push_json(&mut self.text, value),
            Format::Logfmt if needs_quotes(value) => push_quoted(&mut self.text, value),
            Format::Logfmt => self.text.push_str(value),
        }
    }

    /// A pair whose value is a number or boolean.
    fn plain(&mut self, key: &str, value: impl fmt::Display) {
        self.key(key);
        let _ = write!(self.text, "{value}");
    }

    fn key(&mut self, key: &str) {
        match self.format {
            Format::Json => {
                self.text.push(if self.text.is_empty() { '{' } else { ',' });
                push_json(&mut self.text, key);
                self.text.push(':');
            }
            Format::Logfmt => {
                if !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push_str(key);
                self.text.push('=');
            }
        }
    }
}

/// Fields of the message itself, and those that the `log` bridge adds, are no pairs.
fn is_pair(field: &Field) -> bool {
    field.name() != "message" && !field.name().starts_with("log.")
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if is_pair(field) {
            self.pair(field.name(), &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if is_pair(field) {
            self.pair(field.name(), value);
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() || self.format == Format::Logfmt {
            self.plain(field.name(), value);
        } else {
            self.pair(field.name(), &value.to_string());
        }
    }
}

/// Appends `key=value` as a log line has it, quoted where slog quotes; a line's first pair stands
/// without a blank before it.
pub fn push_pair(line: &mut String, key: &str, value: &str) {
    if !line.is_empty() && !line.ends_with('\n') {
        line.push(' ');
    }
    line.push_str(key);
    line.push('=');
    if needs_quotes(value) {
        push_quoted(line, value);
    } else {
        line.push_str(value);
    }
}

/// Whether slog's text handler would quote the value.
fn needs_quotes(value: &str) -> bool {
    let odd = |c: char| match c {
        ' ' | '"' | '=' => true,
        _ if c.is_ascii() => c.is_ascii_control(),
        _ => c.is_whitespace() || c.is_control() || c == char::REPLACEMENT_CHARACTER,
    };
    value.is_empty() || value.chars().any(odd)
}

/// Go's `strconv.Quote`.
fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{7}' => text.push_str("\\a"),
            '\u{8}' => text.push_str("\\b"),
            '\u{b}' => text.push_str("\\v"),
            '\u{c}' => text.push_str("\\f"),
            _ if c.is_ascii_control() => {
                let _ = write!(text, "\\x{:02x}", c as u32);
            }
            _ if c.is_control() || (c.is_whitespace() && c != ' ') => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}

fn push_json(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            _ if c.is_ascii_control() && c != '\u{7f}' => {
                let _ = write!(text, "\\u{:04x}", c as u32);
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}
