//! Recorded answers of the kernel for tests: JSON as Go writes and reads structures, where names
//! match whatever their case and what is missing is zero.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::source::read_file;

/// One structure.
#[derive(Debug)]
pub(crate) struct Record(Value);

/// The list of structures in a file.
pub(crate) fn read_list(path: &Path) -> io::Result<Vec<Record>> {
    match parse(path)? {
        Value::Array(all) => Ok(all.into_iter().map(Record).collect()),
        _ => Err(wrong(path, "expected a list")),
    }
}

/// The only structure in a file.
pub(crate) fn read_one(path: &Path) -> io::Result<Record> {
    parse(path).map(Record)
}

fn parse(path: &Path) -> io::Result<Value> {
    serde_json::from_slice(&read_file(path)?).map_err(|error| wrong(path, error))
}

fn wrong(path: &Path, problem: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {problem}", path.display()))
}

impl Record {
    fn field(&self, name: &str) -> Option<&Value> {
        let fields = self.0.as_object()?;
        fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.field(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.field(name).and_then(Value::as_f64).unwrap_or_default()
    }

    /// A whole number that is not negative.
    pub(crate) fn unsigned(&self, name: &str) -> u64 {
        self.field(name).and_then(Value::as_u64).unwrap_or_default()
    }

    /// Bytes, which stand there in Base64.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        BASE64_STANDARD.decode(self.text(name)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_their_case_and_missing_ones_are_zero() {
        let record = Record(serde_json::json!({"IfName": "a", "BYTES": 7, "mac": "AQI=", "d": -4}));
        assert_eq!((record.text("ifname"), record.text("no")), ("a", ""));
        assert_eq!((record.unsigned("Bytes"), record.unsigned("no")), (7, 0));
        assert_eq!((record.number("D"), record.number("no")), (-4.0, 0.0));
        assert_eq!((record.bytes("MAC"), record.bytes("d")), (vec![1, 2], vec![]));
    }
}
