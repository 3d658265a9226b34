//! Answers of XML-RPC (xmlrpc.com/spec.md), as far as a monitor needs them.

use std::borrow::Cow;

use crate::parse::text;

/// Values inside values; more is an attack.
const DEPTH_MAX: usize = 16;
/// Longest name of an entity: `&#x10FFFF;`.
const ENTITY_BYTES_MAX: usize = 12;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    /// A string, or any type whose text says enough.
    Text(String),
    Array(Vec<Value>),
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// A member of a struct.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct(members) => {
                members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// A string.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// The value that a call returned; a fault is an error.
pub(super) fn parse(document: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { document, at: 0, pending_end: None };
    reader.expect_start("methodResponse")?;
    match reader.start()? {
        Some(name) if name == b"params" => {
            reader.expect_start("param")?;
            reader.value(0)
        }
        Some(name) if name == b"fault" => {
            let fault = reader.value(0)?;
            let code = fault.member("faultCode").and_then(Value::integer).unwrap_or(0);
            let told = fault.member("faultString").and_then(Value::text).unwrap_or_default();
            Err(format!("fault {code}: {told}"))
        }
        _ => Err(reader.complain("<params> or <fault>")),
    }
}

/// A piece of XML.
#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Start(&'a [u8]),
    End(&'a [u8]),
    /// Between tags, entities and blanks as they stand there.
    Text(&'a [u8]),
    /// Of a CDATA section.
    Raw(&'a [u8]),
}

struct Reader<'a> {
    document: &'a [u8],
    at: usize,
    /// The element that an empty tag (`<x/>`) has opened and closes next.
    pending_end: Option<&'a [u8]>,
}

impl<'a> Reader<'a> {
    fn complain(&self, expected: &str) -> String {
        format!("byte {} of the answer: expected {expected}", self.at)
    }

    /// The next token; comments, declarations and instructions are passed over.
    fn token(&mut self) -> Result<Option<Token<'a>>, String> {
        if let Some(name) = self.pending_end.take() {
            return Ok(Some(Token::End(name)));
        }
        loop {
            let rest = &self.document[self.at..];
            if rest.is_empty() {
                return Ok(None);
            }
            if rest[0] != b'<' {
                let length = rest.iter().position(|&byte| byte == b'<').unwrap_or(rest.len());
                self.at += length;
                return Ok(Some(Token::Text(&rest[..length])));
            }
            let (open, close): (&[u8], &[u8]) = match rest {
                [b'<', b'!', b'-', b'-', ..] => (b"<!--", b"-->"),
                _ if rest.starts_with(b"<![CDATA[") => (b"<![CDATA[", b"]]>"),
                [b'<', b'?', ..] => (b"<?", b"?>"),
                [b'<', b'!', ..] => (b"<!", b">"),
                _ => (b"<", b">"),
            };
            let inner = &rest[open.len()..];
            let length = inner.windows(close.len()).position(|window| window == close);
            let length = length.ok_or_else(|| self.complain("the end of a tag"))?;
            self.at += open.len() + length + close.len();
            let inner = &inner[..length];
            match open {
                b"<![CDATA[" => return Ok(Some(Token::Raw(inner))),
                b"<" => return Ok(Some(self.tag(inner))),
                _ => {}
            }
        }
    }

    fn tag(&mut self, inner: &'a [u8]) -> Token<'a> {
        let name = |tag: &'a [u8]| tag.split(u8::is_ascii_whitespace).next().unwrap_or_default();
        if let Some(end) = inner.strip_prefix(b"/") {
            return Token::End(name(end));
        }
        let name = match inner.strip_suffix(b"/") {
            Some(empty) => {
                self.pending_end = Some(name(empty));
                name(empty)
            }
            None => name(inner),
        };
        Token::Start(name)
    }

    /// The next start tag, or `None` at an end tag; blanks before it do not count.
    fn start(&mut self) -> Result<Option<&'a [u8]>, String> {
        loop {
            match self.token()? {
                Some(Token::Start(name)) => return Ok(Some(name)),
                Some(Token::End(_)) => return Ok(None),
                Some(Token::Text(blank)) if blank.trim_ascii().is_empty() => {}
                _ => return Err(self.complain("a tag")),
            }
        }
    }

    fn expect_start(&mut self, name: &str) -> Result<(), String> {
        match self.start()? {
            Some(found) if found == name.as_bytes() => Ok(()),
            _ => Err(self.complain(&format!("<{name}>"))),
        }
    }

    fn expect_end(&mut self) -> Result<(), String> {
        match self.start()? {
            None => Ok(()),
            Some(_) => Err(self.complain("an end tag")),
        }
    }

    /// From `<value>` to `</value>`.
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.expect_start("value")?;
        self.value_inside(depth)
    }

    /// What stands between `<value>` and `</value>`, the end included.
    fn value_inside(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err(self.complain("fewer values inside values"));
        }
        let mut bare = String::new();
        loop {
            match self.token()? {
                Some(Token::Text(part)) => bare.push_str(&unescape(part)),
                Some(Token::Raw(part)) => bare.push_str(&text(part)),
                // A value without a type is a string.
                Some(Token::End(_)) => return Ok(Value::Text(bare)),
                Some(Token::Start(kind)) => {
                    let value = self.typed(kind, depth)?;
                    self.expect_end()?;
                    return Ok(value);
                }
                None => return Err(self.complain("</value>")),
            }
        }
    }

    fn typed(&mut self, kind: &[u8], depth: usize) -> Result<Value, String> {
        match kind {
            b"array" => self.array(depth),
            b"struct" => self.members(depth),
            b"int" | b"i4" | b"i8" | b"boolean" => {
                let digits = self.text()?;
                let number = digits.trim().parse();
                number.map(Value::Integer).map_err(|_| self.complain("a whole number"))
            }
            _ => self.text().map(Value::Text),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        let mut whole = String::new();
        loop {
            match self.token()? {
                Some(Token::Text(part)) => whole.push_str(&unescape(part)),
                Some(Token::Raw(part)) => whole.push_str(&text(part)),
                Some(Token::End(_)) => return Ok(whole),
                Some(Token::Start(_)) | None => return Err(self.complain("text")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        let mut values = Vec::new();
        self.expect_start("data")?;
        while let Some(name) = self.start()? {
            if name != b"value" {
                return Err(self.complain("<value>"));
            }
            values.push(self.value_inside(depth + 1)?);
        }
        self.expect_end()?;
        Ok(Value::Array(values))
    }

    fn members(&mut self, depth: usize) -> Result<Value, String> {
        let mut members = Vec::new();
        while let Some(name) = self.start()? {
            if name != b"member" {
                return Err(self.complain("<member>"));
            }
            self.expect_start("name")?;
            let name = self.text()?;
            members.push((name, self.value(depth + 1)?));
            self.expect_end()?;
        }
        Ok(Value::Struct(members))
    }
}

/// Replaces the entities of XML; others stay.
fn unescape(escaped: &[u8]) -> Cow<'_, str> {
    let escaped = text(escaped);
    if !escaped.contains('&') {
        return escaped;
    }
    let mut plain = String::with_capacity(escaped.len());
    let mut rest = &*escaped;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|&end| end < ENTITY_BYTES_MAX);
        let character = end.and_then(|end| entity(&rest[1..end]));
        plain.push(character.unwrap_or('&'));
        rest = &rest[if character.is_some() { end.unwrap_or(0) + 1 } else { 1 }..];
    }
    plain.push_str(rest);
    plain.into()
}

fn entity(name: &str) -> Option<char> {
    let number = match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        name => name.strip_prefix('#')?,
    };
    let code = match number.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(value: &str) -> String {
        format!(
            "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value>{value}</value>\n\
             </param>\n</params>\n</methodResponse>\n"
        )
    }

    #[test]
    fn values_are_what_their_type_says() {
        fn check(value: &str, expected: Value) {
            assert_eq!(parse(response(value).as_bytes()), Ok(expected), "{value}");
        }
        let text = |text: &str| Value::Text(text.to_owned());
        check("<int>-42</int>", Value::Integer(-42));
        check("<i4> 42 </i4>", Value::Integer(42));
        check("<boolean>1</boolean>", Value::Integer(1));
        check("<string>a &lt;b&gt; &amp;&#65;&#x42;&no; &c</string>", text("a <b> &AB&no; &c"));
        check("<string/>", text(""));
        check("", text(""));
        check(" bare &amp; <!-- not said -->text", text(" bare & text"));
        check("<string><![CDATA[<a>&amp;]]></string>", text("<a>&amp;"));
        check("<double>1.5</double>", text("1.5"));
        check("<array><data>\n</data></array>", Value::Array(vec![]));
        check(
            "<array><data><value><int>1</int></value> <value>x</value></data></array>",
            Value::Array(vec![Value::Integer(1), text("x")]),
        );
        check(
            "<struct>\n<member>\n<name>a</name>\n<value>\n<int>1</int>\n</value>\n</member></struct>",
            Value::Struct(vec![("a".to_owned(), Value::Integer(1))]),
        );
    }

    #[test]
    fn what_is_no_answer_says_where() {
        fn check(document: &str, expected: &str) {
            assert_eq!(parse(document.as_bytes()).unwrap_err(), expected, "{document}");
        }
        check("", "byte 0 of the answer: expected a tag");
        check("<html>", "byte 6 of the answer: expected <methodResponse>");
        check("<methodResponse><params>", "byte 24 of the answer: expected a tag");
        check("<methodResponse><params", "byte 16 of the answer: expected the end of a tag");
        check(&response("<int>x</int>"), "byte 75 of the answer: expected a whole number");
        let deep = "<array><data><value>".repeat(DEPTH_MAX + 1);
        let problem = parse(response(&deep).as_bytes()).unwrap_err();
        assert!(problem.ends_with("fewer values inside values"), "{problem}");
        let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name>\
            <value><int>1</int></value></member><member><name>faultString</name>\
            <value>UNKNOWN_METHOD</value></member></struct></value></fault></methodResponse>";
        check(fault, "fault 1: UNKNOWN_METHOD");
    }
}
