//! Whether errors, warnings and infos are those expected.

use super::script::{Expect, Text, Topic};
use crate::engine::QueryOutput;

impl Text {
    fn fits(&self, message: &str) -> bool {
        match self {
            Text::Any => true,
            Text::Exactly(text) => text == message,
            Text::Matching(regex) => regex.is_match(message),
        }
    }
}

/// Whether the query is expected to fail.
pub(super) fn expects_failure(expects: &[Expect]) -> bool {
    expects.iter().any(|e| e.topic == Topic::Fail)
}

/// Whether an error is the expected one.
pub(super) fn check_failure(expects: &[Expect], message: &str) -> Result<(), String> {
    match expects.iter().find(|e| e.topic == Topic::Fail && !e.text.fits(message)) {
        None => Ok(()),
        Some(expect) => Err(format!("expected failure {:?}, got \"{message}\"", expect.text)),
    }
}

/// Where something is expected of warnings (infos), each must be expected and each expectation met.
pub(super) fn check(expects: &[Expect], output: &QueryOutput) -> Result<(), String> {
    for (topic, none, messages) in [
        (Topic::Warn, Topic::NoWarn, &output.warnings),
        (Topic::Info, Topic::NoInfo, &output.infos),
    ] {
        if expects.iter().any(|e| e.topic == none) && !messages.is_empty() {
            return Err(format!("unexpected annotations: {messages:?}"));
        }
        let wanted: Vec<&Expect> = expects.iter().filter(|e| e.topic == topic).collect();
        if wanted.is_empty() {
            continue;
        }
        if let Some(expect) = wanted.iter().find(|e| !messages.iter().any(|m| e.text.fits(m))) {
            return Err(format!("expected {:?}, got {messages:?}", expect.text));
        }
        if let Some(message) = messages.iter().find(|m| !wanted.iter().any(|e| e.text.fits(m))) {
            return Err(format!("unexpected annotation: {message}"));
        }
    }
    Ok(())
}
