//! What a probe did, line by line, as `debug=true` shows it and as it goes to stderr.

use std::fmt::Display;
use std::panic::Location;
use std::sync::Arc;

use common_service::clock::Clock;
use common_service::logging::{format_time_ms, push_pair};

/// Bytes of one log; what comes later is counted only.
const LOG_BYTES_MAX: usize = 64 << 10;

/// Bytes of one value; a hostile server decides how long its lines are.
const VALUE_BYTES_MAX: usize = 4 << 10;

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Debug,
    /// What happened.
    Info,
    /// What may be unwanted.
    Warn,
    /// What failed.
    Error,
}

impl Level {
    /// The level of a flag's value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Level> {
        match text.to_ascii_lowercase().as_str() {
            "debug" => Some(Level::Debug),
            "info" => Some(Level::Info),
            "warn" => Some(Level::Warn),
            "error" => Some(Level::Error),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        }
    }
}

/// The log of one probe.
pub struct ProbeLog {
    clock: Arc<dyn Clock>,
    least: Level,
    /// `module=... target=...`, in every line.
    subject: String,
    text: String,
    omitted: u64,
}

impl ProbeLog {
    /// A log that keeps lines from `least` on.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, least: Level, module: &str, target: &str) -> ProbeLog {
        let mut subject = String::new();
        push_pair(&mut subject, "module", shortened(module));
        push_pair(&mut subject, "target", shortened(target));
        ProbeLog { clock, least, subject, text: String::new(), omitted: 0 }
    }

    /// Whether lines of a level are kept; for those that are costly to make.
    #[must_use]
    pub fn keeps(&self, level: Level) -> bool {
        level >= self.least
    }

    /// A step.
    #[track_caller]
    pub fn debug(&mut self, message: &str, pairs: &[(&str, &dyn Display)]) {
        self.line(Level::Debug, Location::caller(), message, pairs);
    }

    /// Something that happened.
    #[track_caller]
    pub fn info(&mut self, message: &str, pairs: &[(&str, &dyn Display)]) {
        self.line(Level::Info, Location::caller(), message, pairs);
    }

    /// Something that may be unwanted.
    #[track_caller]
    pub fn warn(&mut self, message: &str, pairs: &[(&str, &dyn Display)]) {
        self.line(Level::Warn, Location::caller(), message, pairs);
    }

    /// Something that failed.
    #[track_caller]
    pub fn error(&mut self, message: &str, pairs: &[(&str, &dyn Display)]) {
        self.line(Level::Error, Location::caller(), message, pairs);
    }

    fn line(
        &mut self,
        level: Level,
        place: &Location<'_>,
        message: &str,
        pairs: &[(&str, &dyn Display)],
    ) {
        if level < self.least {
            return;
        }
        // The verdict is worth more than the middle of a long story.
        if self.text.len() > LOG_BYTES_MAX && level < Level::Error {
            self.omitted += 1;
            return;
        }
        let file = place.file().rsplit('/').next().unwrap_or("");
        let mut line = String::new();
        push_pair(&mut line, "time", &format_time_ms(self.clock.now_ms()));
        push_pair(&mut line, "level", level.name());
        push_pair(&mut line, "source", &format!("{file}:{}", place.line()));
        push_pair(&mut line, "msg", message);
        line.push(' ');
        line.push_str(&self.subject);
        for (key, value) in pairs {
            push_pair(&mut line, key, shortened(&value.to_string()));
        }
        line.push('\n');
        if self.text.len() + line.len() > 2 * LOG_BYTES_MAX {
            self.omitted += 1;
            return;
        }
        self.text.push_str(&line);
    }

    /// All lines.
    #[must_use]
    pub fn into_text(mut self) -> String {
        if self.omitted > 0 {
            let omitted = self.omitted;
            self.text.push_str(&format!("{omitted} more lines were left out\n"));
        }
        self.text
    }
}

fn shortened(value: &str) -> &str {
    if value.len() <= VALUE_BYTES_MAX {
        return value;
    }
    let end = (0..=VALUE_BYTES_MAX).rev().find(|&at| value.is_char_boundary(at)).unwrap_or(0);
    &value[..end]
}

#[cfg(test)]
mod tests {
    use common_service::clock::SystemClock;

    use super::*;

    #[test]
    fn a_line_has_level_place_message_and_pairs_and_a_flood_is_cut() {
        let mut log = ProbeLog::new(Arc::new(SystemClock), Level::Info, "m", "a b");
        log.debug("not kept", &[]);
        log.info("Probe succeeded", &[("n", &1), ("text", &"x=y")]);
        let long = "x".repeat(10_000);
        for _ in 0..1000 {
            log.warn("Read line", &[("line", &long)]);
        }
        log.error("Probe failed", &[]);
        let text = log.into_text();
        let first = text.lines().next().unwrap();
        assert!(first.starts_with("time="), "{first}");
        assert!(first.contains(" level=INFO source=log.rs:"), "{first}");
        let end = " msg=\"Probe succeeded\" module=m target=\"a b\" n=1 text=\"x=y\"";
        assert!(first.ends_with(end), "{first}");
        assert!(text.len() < 80_000, "{}", text.len());
        assert!(text.contains("Probe failed"));
        assert!(text.ends_with(" more lines were left out\n"));
    }
}
