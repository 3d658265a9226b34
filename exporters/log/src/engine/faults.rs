//! The runtime errors of one program: counted, the last one kept, some of them logged.

use crate::line::Line;
use crate::vm::{Object, RuntimeError};

/// Bytes of a line that an error quotes.
const QUOTED_BYTES_MAX: usize = 2048;

/// Errors of one program that are logged in one second; a program may fail on every line.
pub(crate) const LOGGED_PER_SECOND_MAX: u32 = 10;

/// Runtime errors of a program.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) total: u64,
    last: Option<Fault>,
    /// The second that is counted, and the errors logged in it.
    second: i64,
    logged: u32,
}

/// One error. It is put into words when somebody asks.
#[derive(Debug)]
struct Fault {
    error: RuntimeError,
    /// The instruction.
    at: usize,
    source: String,
    quoted: Vec<u8>,
}

impl Faults {
    /// Notes an error on a line.
    pub(super) fn note(
        &mut self,
        at: usize,
        error: RuntimeError,
        line: Line<'_>,
        now_ns: i64,
    ) -> Noted<'_> {
        self.total += 1;
        let (mut source, mut quoted) = match self.last.take() {
            Some(last) => (last.source, last.quoted),
            None => (String::new(), Vec::new()),
        };
        source.clear();
        source.push_str(line.source);
        quoted.clear();
        quoted.extend_from_slice(&line.text[..line.text.len().min(QUOTED_BYTES_MAX)]);
        self.last = Some(Fault { error, at, source, quoted });
        let second = now_ns.div_euclid(1_000_000_000);
        if self.second != second {
            (self.second, self.logged) = (second, 0);
        }
        self.logged = self.logged.saturating_add(1);
        Noted(self)
    }

    /// The last error of the program of that name, with its place and the line; empty if there was
    /// none.
    pub(super) fn last(&self, name: &str, object: &Object) -> String {
        let Some(Fault { error, at, source, quoted }) = &self.last else { return String::new() };
        let program_line = object.lines.get(*at).map_or(0, |line| line + 1);
        format!(
            "{error}\nError occurred at instruction {at}, originating in {name} at line \
             {program_line}\nFull input text from {source:?} was {}",
            crate::go::quote(quoted)
        )
    }
}

/// Errors of which one was just noted.
pub(super) struct Noted<'a>(&'a Faults);

impl Noted<'_> {
    fn is_to_be_logged(&self) -> bool {
        self.0.logged <= LOGGED_PER_SECOND_MAX
    }

    /// Logs it, if errors of the program of that name are logged and this second had not too many.
    pub(super) fn log(&self, logs_errors: bool, (name, object): (&str, &Object)) {
        if logs_errors && self.is_to_be_logged() {
            tracing::info!("{name}: Runtime error: {}", self.0.last(name, object));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Faults, LOGGED_PER_SECOND_MAX};
    use crate::line::Line;
    use crate::vm::{Object, RuntimeError};

    #[test]
    fn every_error_is_counted_and_few_of_a_second_are_logged() {
        let mut faults = Faults::default();
        let object = Object { lines: vec![0, 6], ..Object::default() };
        assert_eq!(faults.last("p", &object), "");
        let line = Line { source: "/x", text: b"a\xff" };
        let mut note = |now_ns| faults.note(1, RuntimeError::Shift, line, now_ns).is_to_be_logged();
        let logged = (0..100).filter(|_| note(5_000_000_000)).count();
        assert_eq!(logged, LOGGED_PER_SECOND_MAX as usize);
        assert!(note(6_000_000_000));
        assert_eq!(faults.total, 101);
        assert_eq!(
            faults.last("p", &object),
            "shift int out of range\nError occurred at instruction 1, originating in p at line 7\n\
             Full input text from \"/x\" was \"a\\xff\""
        );
    }
}
