//! Distinguished names as Go's `pkix.Name` prints them.

use std::fmt::Write as _;

use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The attributes that Go knows, in the order of its text.
const KNOWN: [(&str, &str); 9] = [
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.3", "CN"),
    ("2.5.4.11", "OU"),
    ("2.5.4.10", "O"),
    ("2.5.4.17", "POSTALCODE"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.6", "C"),
];

/// The name: known attributes in Go's order, several values of one joined by `+`, then the others
/// from last to first with their numbers.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let values: Vec<(String, String)> =
        name.iter_attributes().map(|a| (a.attr_type().to_id_string(), value(a))).collect();
    let mut parts = Vec::new();
    for (oid, short) in KNOWN {
        let mut found: Vec<&str> =
            values.iter().filter(|(known, _)| known == oid).map(|(_, v)| v.as_str()).collect();
        if matches!(short, "CN" | "SERIALNUMBER") {
            // Of these Go keeps the last one.
            found = found.into_iter().rev().take(1).filter(|value| !value.is_empty()).collect();
        }
        if !found.is_empty() {
            let shown: Vec<String> =
                found.iter().map(|value| format!("{short}={}", escaped(value))).collect();
            parts.push(shown.join("+"));
        }
    }
    let is_known = |oid: &str| KNOWN.iter().any(|(known, _)| *known == oid);
    for (oid, value) in values.iter().rev().filter(|(oid, _)| !is_known(oid)) {
        parts.push(format!("{oid}={}", escaped(value)));
    }
    parts.join(",")
}

fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    match attribute.as_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(attribute.as_slice()).into_owned(),
    }
}

fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let is_escaped = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => at == 0 || at + 1 == value.len(),
            '#' => at == 0,
            _ => false,
        };
        if is_escaped {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Bytes in hexadecimal.
pub(in crate::probe) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_escaped_where_they_would_separate() {
        let check = |value: &str, expected: &str| assert_eq!(escaped(value), expected);
        check("Foo, Inc.", "Foo\\, Inc.");
        check(" a b ", "\\ a b\\ ");
        check("#a#", "\\#a#");
        check("a+b=c;\"<>\\", "a\\+b=c\\;\\\"\\<\\>\\\\");
    }
}
