//! Fields of structured lines, an extension: `json("request.status")` and `logfmt("status")`.
//!
//! A field that is not there, or a line that is of another form, gives an empty text.

use serde_json::Value;

/// What was made of a line. It is decoded when a field is asked for first.
#[derive(Debug, Default)]
pub(super) struct Fields {
    generation: u64,
    json: Option<Value>,
}

impl Fields {
    /// Appends a field of a JSON line to `out`. Names of nested objects and numbers of list entries
    /// are joined by dots; a name with a dot in it is found too. Objects and lists give their JSON.
    pub(super) fn json(&mut self, generation: u64, line: &[u8], path: &[u8], out: &mut Vec<u8>) {
        if self.generation != generation {
            self.generation = generation;
            // Only objects have fields; most other lines are told apart by their first byte.
            let is_object = line.trim_ascii_start().first() == Some(&b'{');
            self.json = is_object.then(|| serde_json::from_slice(line).ok()).flatten();
        }
        let (Some(value), Ok(path)) = (&self.json, std::str::from_utf8(path)) else { return };
        match field(value, path) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => out.extend_from_slice(text.as_bytes()),
            Some(other) => out.extend_from_slice(other.to_string().as_bytes()),
        }
    }
}

fn field<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if let Some(found) = value.get(path) {
        return Some(found);
    }
    if let (Some(list), Ok(index)) = (value.as_array(), path.parse::<usize>()) {
        return list.get(index);
    }
    let (name, rest) = path.split_once('.')?;
    match value {
        Value::Array(list) => field(list.get(name.parse::<usize>().ok()?)?, rest),
        _ => field(value.get(name)?, rest),
    }
}

/// Appends a field of a line in logfmt (`key=value key="a value"`) to `out`; of several with one
/// name the first. A name without value gives `true`.
pub(super) fn logfmt(line: &[u8], key: &[u8], out: &mut Vec<u8>) {
    let mut rest = line;
    while !rest.is_empty() {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|&byte| byte == b'=' || byte == b' ').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let is_it = name == key && !name.is_empty();
        let Some(value) = behind.strip_prefix(b"=") else {
            if is_it {
                out.extend_from_slice(b"true");
                return;
            }
            rest = behind;
            continue;
        };
        if let Some(quoted) = value.strip_prefix(b"\"") {
            let before = out.len();
            rest = unquote(quoted, out);
            if is_it {
                return;
            }
            out.truncate(before);
            continue;
        }
        let end = memchr::memchr(b' ', value).unwrap_or(value.len());
        if is_it {
            out.extend_from_slice(&value[..end]);
            return;
        }
        rest = &value[end..];
    }
}

/// Appends what stands before the closing quote, gives what stands behind it.
fn unquote<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut bytes = text.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return &text[at + 1..],
            b'\\' => match bytes.next() {
                Some((_, b'n')) => out.push(b'\n'),
                Some((_, b't')) => out.push(b'\t'),
                Some((_, b'r')) => out.push(b'\r'),
                Some((_, &escaped)) => out.push(escaped),
                None => out.push(b'\\'),
            },
            _ => out.push(byte),
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::{Fields, logfmt};

    #[test]
    fn fields_of_json_are_found_by_path() {
        let line = br#" {"a":{"b":[1,{"c":"x"}],"d.e":2.50},"t":true,"n":null,"s":"\u00e9"}"#;
        let check = |line: &[u8], path: &str, wanted: &str| {
            let mut out = Vec::new();
            Fields::default().json(1, line, path.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), wanted, "{path}");
        };
        check(line, "a.b.1.c", "x");
        check(line, "a.b.0", "1");
        check(line, "a.b", r#"[1,{"c":"x"}]"#);
        check(line, "a.d.e", "2.5");
        check(line, "t", "true");
        check(line, "s", "é");
        check(line, "n", "");
        check(line, "a.x", "");
        check(b"no json", "a", "");
        check(b"{\"a\":", "a", "");
    }

    #[test]
    fn fields_of_logfmt_are_found_by_name() {
        let check = |line: &str, key: &str, wanted: &str| {
            let mut out = Vec::new();
            logfmt(line.as_bytes(), key.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), wanted, "{line} {key}");
        };
        let line = r#"level=warn msg="a \"quoted\" level=x\n" debug took=1.5s empty= url=/?a=b"#;
        check(line, "level", "warn");
        check(line, "msg", "a \"quoted\" level=x\n");
        check(line, "debug", "true");
        check(line, "took", "1.5s");
        check(line, "empty", "");
        check(line, "url", "/?a=b");
        check(line, "none", "");
        check("a=\"open", "b", "");
        check("=x a=1", "a", "1");
    }
}
