//! Errors of the operating system in Go's words: users and tools know them.

use std::io::{Error, ErrorKind};

/// The cause without the number that Rust appends: `no such file or directory`.
#[must_use]
pub fn go_io_error(error: &Error) -> String {
    if error.kind() == ErrorKind::InvalidData && error.raw_os_error().is_none() {
        return "invalid UTF-8".to_owned();
    }
    let text = error.to_string();
    let cause = text.split(" (os error ").next().unwrap_or(&text);
    let mut letters = cause.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => text,
    }
}
