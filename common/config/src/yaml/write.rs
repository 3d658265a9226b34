//! YAML text as Go's `yaml.v2` writes it: indentation, quoting and folding included.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::scalar;
use crate::{Secret, duration};

/// Beyond this column a scalar is folded at the next space.
const WIDTH: usize = 80;
/// Spaces per level.
const INDENT: usize = 2;
/// Spaces per level in the way of `yaml.v3`.
const INDENT_WIDE: usize = 4;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    /// A text, quoted where it would be read as something else.
    Text(String),
    /// A number or bool, already formatted.
    Bare(String),
    /// A sequence, one element per line.
    List(Vec<Out>),
    /// A sequence on one line.
    Flow(Vec<String>),
    /// A mapping.
    Map(MapOut),
}

/// A mapping to be written; the adding methods leave out what is empty, as `omitempty` does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MapOut(pub Vec<(String, Out)>);

impl MapOut {
    /// Adds a value in any case.
    pub fn put(&mut self, key: &str, value: Out) -> &mut MapOut {
        self.0.push((key.to_owned(), value));
        self
    }

    /// Adds a text that is not empty.
    pub fn text(&mut self, key: &str, text: &str) -> &mut MapOut {
        if !text.is_empty() {
            self.put(key, Out::Text(text.to_owned()));
        }
        self
    }

    /// Adds a text that is there and not empty.
    pub fn option(&mut self, key: &str, text: Option<&String>) -> &mut MapOut {
        self.text(key, text.map_or("", String::as_str))
    }

    /// Adds the stand-in for a secret that is not empty.
    pub fn secret(&mut self, key: &str, secret: &Secret) -> &mut MapOut {
        self.text(key, &secret.to_string())
    }

    /// Adds a bool in any case.
    pub fn flag(&mut self, key: &str, flag: bool) -> &mut MapOut {
        self.put(key, Out::Bare(flag.to_string()))
    }

    /// Adds `true`.
    pub fn flag_if(&mut self, key: &str, flag: bool) -> &mut MapOut {
        if flag {
            self.flag(key, true);
        }
        self
    }

    /// Adds a number that is not zero.
    pub fn number<N: Into<i128>>(&mut self, key: &str, number: N) -> &mut MapOut {
        let number = number.into();
        if number != 0 {
            self.put(key, Out::Bare(number.to_string()));
        }
        self
    }

    /// Adds a float that is not zero.
    pub fn float(&mut self, key: &str, number: f64) -> &mut MapOut {
        if number != 0.0 {
            self.put(key, Out::Bare(common_model::format_float(number)));
        }
        self
    }

    /// Adds a duration that is not zero.
    pub fn span(&mut self, key: &str, span: Duration) -> &mut MapOut {
        if !span.is_zero() {
            self.put(key, Out::Text(duration::format(span)));
        }
        self
    }

    /// Adds a list that is not empty.
    pub fn list(&mut self, key: &str, list: Vec<Out>) -> &mut MapOut {
        if !list.is_empty() {
            self.put(key, Out::List(list));
        }
        self
    }

    /// Adds a list of texts that is not empty.
    pub fn texts<S: AsRef<str>>(&mut self, key: &str, texts: &[S]) -> &mut MapOut {
        self.list(key, texts.iter().map(|text| Out::Text(text.as_ref().to_owned())).collect())
    }

    /// Adds a mapping of texts that is not empty.
    pub fn text_map(&mut self, key: &str, map: &BTreeMap<String, String>) -> &mut MapOut {
        self.map(key, MapOut(map.iter().map(|(k, v)| (k.clone(), Out::Text(v.clone()))).collect()))
    }

    /// Adds a mapping that is not empty.
    pub fn map(&mut self, key: &str, map: MapOut) -> &mut MapOut {
        if !map.0.is_empty() {
            self.put(key, Out::Map(map));
        }
        self
    }

    /// Adds all entries of another mapping.
    pub fn inline(&mut self, map: MapOut) -> &mut MapOut {
        self.0.extend(map.0);
        self
    }
}

/// The text of a document.
pub fn write(map: &MapOut) -> String {
    write_with(map, Layout { indent: INDENT, width: WIDTH, are_lists_indented: false })
}

/// The text of a document as Go's `yaml.v3` writes it: wide, lists indented, nothing folded.
pub fn write_indented(map: &MapOut) -> String {
    write_with(map, Layout { indent: INDENT_WIDE, width: usize::MAX, are_lists_indented: true })
}

fn write_with(map: &MapOut, layout: Layout) -> String {
    let mut writer = Writer { text: String::new(), line_start: 0, layout };
    if map.0.is_empty() {
        return "{}\n".to_owned();
    }
    writer.map(map, 0);
    writer.text
}

/// How a document is laid out.
#[derive(Clone, Copy)]
struct Layout {
    indent: usize,
    width: usize,
    are_lists_indented: bool,
}

impl Layout {
    /// One level deeper: columns are multiples of the indentation, also below a list's dash.
    fn below(self, indent: usize) -> usize {
        (indent + self.indent) / self.indent * self.indent
    }
}

struct Writer {
    text: String,
    /// Where the current line begins.
    line_start: usize,
    layout: Layout,
}

impl Writer {
    fn map(&mut self, map: &MapOut, indent: usize) {
        for (i, (key, value)) in map.0.iter().enumerate() {
            if i > 0 {
                self.indent(indent);
            }
            self.scalar(key, indent, Place::Key);
            self.text.push(':');
            self.value(value, indent);
        }
    }

    /// What follows a key, up to and including the end of the line.
    fn value(&mut self, value: &Out, indent: usize) {
        match value {
            Out::Map(map) if map.0.is_empty() => self.end_line(" {}"),
            Out::List(list) if list.is_empty() => self.end_line(" []"),
            Out::Map(map) => {
                self.end_line("");
                let below = self.layout.below(indent);
                self.indent(below);
                self.map(map, below);
            }
            Out::List(list) => {
                self.end_line("");
                let is_deeper = self.layout.are_lists_indented;
                self.list(list, if is_deeper { self.layout.below(indent) } else { indent });
            }
            other => {
                self.text.push(' ');
                self.leaf(other, indent);
                self.end_line("");
            }
        }
    }

    fn list(&mut self, list: &[Out], indent: usize) {
        for element in list {
            self.indent(indent);
            match element {
                Out::Map(map) if !map.0.is_empty() => {
                    self.text.push_str("- ");
                    self.map(map, indent + INDENT);
                }
                Out::List(inner) if !inner.is_empty() => {
                    // A sequence in a sequence begins on the same line.
                    self.text.push_str("- ");
                    let at = self.text.len();
                    self.list(inner, indent + INDENT);
                    self.text.replace_range(at..at + indent + INDENT, "");
                }
                Out::Map(_) => self.end_line("- {}"),
                Out::List(_) => self.end_line("- []"),
                leaf => {
                    self.text.push_str("- ");
                    self.leaf(leaf, indent);
                    self.end_line("");
                }
            }
        }
    }

    fn leaf(&mut self, value: &Out, indent: usize) {
        match value {
            Out::Text(text) => self.scalar(text, indent, Place::Block),
            Out::Bare(text) => self.text.push_str(text),
            Out::Flow(texts) => {
                self.text.push('[');
                for (i, text) in texts.iter().enumerate() {
                    if i > 0 {
                        self.text.push(',');
                        if self.column() > self.layout.width {
                            self.end_line("");
                            self.indent(self.layout.below(indent));
                        } else {
                            self.text.push(' ');
                        }
                    }
                    self.scalar(text, indent, Place::Flow);
                }
                self.text.push(']');
            }
            Out::List(_) | Out::Map(_) => {}
        }
    }

    fn scalar(&mut self, text: &str, indent: usize, place: Place) {
        match style_of(text, place) {
            Style::Plain => self.folded(text, indent, place, Style::Plain),
            Style::Single => {
                self.text.push('\'');
                self.folded(text, indent, place, Style::Single);
                self.text.push('\'');
            }
            Style::Double => {
                self.text.push('"');
                self.folded(text, indent, place, Style::Double);
                self.text.push('"');
            }
            Style::Literal => self.literal(text, indent),
        }
    }

    /// A scalar's characters, with a line break at spaces far to the right.
    fn folded(&mut self, text: &str, indent: usize, place: Place, style: Style) {
        let (mut was_space, last) = (false, text.chars().count().saturating_sub(1));
        let mut chars = text.chars().enumerate().peekable();
        while let Some((i, c)) = chars.next() {
            let next_is_space = chars.peek().is_some_and(|(_, next)| *next == ' ');
            let is_inside = style == Style::Plain || (i > 0 && i < last);
            let may_fold = place != Place::Key && c == ' ' && !was_space && is_inside;
            let folds = may_fold
                && self.column() > self.layout.width
                && (style == Style::Double || !next_is_space);
            if folds {
                self.end_line("");
                self.indent(self.layout.below(indent));
                if next_is_space {
                    self.text.push('\\');
                }
            } else {
                match style {
                    Style::Single if c == '\'' => self.text.push_str("''"),
                    Style::Double => push_escaped(&mut self.text, c),
                    _ => self.text.push(c),
                }
            }
            was_space = c == ' ';
        }
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            // Writing into a String cannot fail.
            let _ = write!(self.text, "{}", self.layout.indent);
        }
        if !text.ends_with('\n') {
            self.text.push('-');
        } else if text.ends_with("\n\n") || text == "\n" {
            self.text.push('+');
        }
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            self.end_line("");
            if !line.is_empty() {
                self.indent(self.layout.below(indent));
                self.text.push_str(line);
            }
        }
    }

    fn end_line(&mut self, rest: &str) {
        self.text.push_str(rest);
        self.text.push('\n');
        self.line_start = self.text.len();
    }

    fn indent(&mut self, spaces: usize) {
        self.text.extend(std::iter::repeat_n(' ', spaces));
    }

    fn column(&self) -> usize {
        self.text[self.line_start..].chars().count()
    }
}

/// Where a scalar stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Key,
    Block,
    Flow,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

fn style_of(text: &str, place: Place) -> Style {
    let looks = Looks::of(text);
    if text.contains('\n') {
        let is_block = place == Place::Block && !looks.has_special && !looks.has_outer_space_at_end;
        return if is_block { Style::Literal } else { Style::Double };
    }
    if looks.has_special || is_read_otherwise(text) {
        return Style::Double;
    }
    let plain = match place {
        Place::Flow => !looks.has_flow_indicator,
        Place::Key | Place::Block => !looks.has_block_indicator,
    };
    if plain && !looks.has_outer_space { Style::Plain } else { Style::Single }
}

/// Whether a plain scalar of this text would not be read as a text.
fn is_read_otherwise(text: &str) -> bool {
    scalar::is_null(text)
        || text == "<<"
        || scalar::tag_of(text) != "!!str"
        || is_timestamp(text)
        || is_base60(text)
}

/// `2001-12-14` and `2001-12-14T21:59:43.1Z` in Go's spellings.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let is_digits =
        |s: &str, min, max| (min..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit());
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, time) = rest.split_at(day_end);
    let is_time = |s: &str| s.chars().all(|c| c.is_ascii_digit() || " tTzZ:+-.".contains(c));
    is_digits(year, 4, 4) && is_digits(month, 1, 2) && is_digits(day, 1, 2) && is_time(time)
}

/// `190:20:30.15`, a number to the base of sixty in YAML 1.1.
fn is_base60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut parts = unsigned.split(':');
    let first = parts.next().unwrap_or("");
    let is_number = |s: &str| {
        let whole = s.split('.').next().unwrap_or("");
        (1..=2).contains(&whole.len()) && s.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    unsigned.contains(':')
        && first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && parts.all(is_number)
}

/// What in a text forbids writing it plainly.
#[derive(Default)]
struct Looks {
    has_flow_indicator: bool,
    has_block_indicator: bool,
    has_special: bool,
    has_outer_space: bool,
    has_outer_space_at_end: bool,
}

impl Looks {
    fn of(text: &str) -> Looks {
        let mut looks = Looks::default();
        if text.starts_with("---") || text.starts_with("...") {
            (looks.has_block_indicator, looks.has_flow_indicator) = (true, true);
        }
        let mut before = ' ';
        let mut chars = text.chars().peekable();
        let mut is_first = true;
        while let Some(c) = chars.next() {
            let blank_follows = chars.peek().is_none_or(|next| matches!(next, ' ' | '\t' | '\n'));
            let (block, flow) = match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"'
                | '%' | '@' | '`'
                    if is_first =>
                {
                    (true, true)
                }
                '-' if is_first => (blank_follows, blank_follows),
                '?' if is_first => (blank_follows, true),
                ':' => (blank_follows, true),
                ',' | '?' | '[' | ']' | '{' | '}' => (false, true),
                '#' => (matches!(before, ' ' | '\t' | '\n'), matches!(before, ' ' | '\t' | '\n')),
                _ => (false, false),
            };
            looks.has_block_indicator |= block;
            looks.has_flow_indicator |= flow;
            looks.has_special |= c != '\n' && !is_printable(c);
            before = c;
            is_first = false;
        }
        looks.has_outer_space_at_end = text.ends_with(' ');
        looks.has_outer_space = looks.has_outer_space_at_end || text.starts_with(' ');
        looks
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' if c != '\u{feff}')
        || c >= '\u{10000}'
}

fn push_escaped(text: &mut String, c: char) {
    let letter = match c {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        c if is_printable(c) => {
            text.push(c);
            return;
        }
        c => {
            // Writing into a String cannot fail.
            let code = c as u32;
            let _ = if code <= 0xff {
                write!(text, "\\x{code:02X}")
            } else if code <= 0xffff {
                write!(text, "\\u{code:04X}")
            } else {
                write!(text, "\\U{code:08X}")
            };
            return;
        }
    };
    text.push('\\');
    text.push(letter);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_go_quotes_them() {
        let check = |text: &str, wanted: &str| {
            let mut map = MapOut::default();
            map.put("k", Out::Text(text.to_owned()));
            assert_eq!(write(&map), format!("k: {wanted}\n"), "{text}");
        };
        check("plain", "plain");
        check("", "\"\"");
        check("1", "\"1\"");
        check("yes", "\"yes\"");
        check("1m", "1m");
        check("(.*);", "(.*);");
        check("a: b", "'a: b'");
        check("a #b", "'a #b'");
        check("it's", "it's");
        check("'tis", "'''tis'");
        check("[a", "'[a'");
        check("*a", "'*a'");
        check(" a", "' a'");
        check("<secret>", "<secret>");
        check("$1", "$1");
        check("a:", "'a:'");
        check("a:b", "a:b");
        check("12:30", "\"12:30\"");
        check("1:2:3.4", "\"1:2:3.4\"");
        check("2020-01-02", "\"2020-01-02\"");
        check("a\tb", "\"a\\tb\"");
        check("a\nb", "|-\n  a\n  b");
        check("a\n", "|\n  a");
        check("-", "'-'");
        check("~", "\"~\"");
    }

    #[test]
    fn a_long_text_is_folded_at_a_space_beyond_column_80() {
        let mut map = MapOut::default();
        let words = "word ".repeat(30);
        map.put("key", Out::Text(words.trim_end().to_owned()));
        let text = write(&map);
        let lines: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(lines, [84, 71]);
    }

    #[test]
    fn lists_stand_under_their_key_without_indentation() {
        let mut inner = MapOut::default();
        inner.text("a", "1m").texts("b", &["x", "y"]);
        inner.put("c", Out::Flow(vec!["p".to_owned(), "q,".to_owned()]));
        let mut map = MapOut::default();
        map.list("list", vec![Out::Map(inner)]).put("empty", Out::Map(MapOut::default()));
        let wanted = "list:\n- a: 1m\n  b:\n  - x\n  - \"y\"\n  c: [p, 'q,']\nempty: {}\n";
        assert_eq!(write(&map), wanted);
    }

    #[test]
    fn the_wide_layout_indents_lists_and_folds_nothing() {
        let mut label = MapOut::default();
        label.text("name", "n").text("text", "a\nb");
        let mut inner = MapOut::default();
        inner.text("expect", &"word ".repeat(30)).list("labels", vec![Out::Map(label)]);
        let mut map = MapOut::default();
        map.map("tcp", MapOut::default().list("list", vec![Out::Map(inner)]).clone());
        let words = "word ".repeat(30);
        let wanted = format!(
            "tcp:\n    list:\n        - expect: '{words}'\n          labels:\n            - name: \"n\"\n              text: |-\n                a\n                b\n"
        );
        assert_eq!(write_indented(&map), wanted);
    }
}
