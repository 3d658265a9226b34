//! Places in a program, and what is wrong there.

use std::fmt::{self, Write as _};

/// Where something stands: a line and a span of columns, counted from zero in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Line.
    pub line: i32,
    /// First column.
    pub start: i32,
    /// Last column; less than the first for a line feed.
    pub end: i32,
}

impl Position {
    /// The span that holds both, where they stand on one line; else the first.
    #[must_use]
    pub fn merge(self, other: Position) -> Position {
        if self.line != other.line {
            return self;
        }
        Position {
            line: self.line,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// As [`Position::merge`] where either may be unknown.
    #[must_use]
    pub fn merge_maybe(first: Option<Position>, second: Option<Position>) -> Option<Position> {
        match (first, second) {
            (Some(first), Some(second)) => Some(first.merge(second)),
            (first, second) => first.or(second),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line + 1, self.start + 1)?;
        if self.end > self.start {
            write!(f, "-{}", self.end + 1)?;
        }
        Ok(())
    }
}

/// One mistake in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where; a program as a whole has no place.
    pub position: Option<Position>,
    /// What, in mtail's words.
    pub message: String,
}

/// Stands for the program's name inside of messages.
pub(super) const NAME_MARK: char = '\u{1}';

/// Most complaints that one program gets.
pub const COMPLAINTS_MAX: usize = 1000;

/// Everything that is wrong with a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaints(pub Vec<Complaint>);

impl Complaints {
    /// Adds one; those beyond [`COMPLAINTS_MAX`] are dropped, the program is refused anyway.
    pub fn add(&mut self, position: impl Into<Option<Position>>, message: impl Into<String>) {
        if self.0.len() < COMPLAINTS_MAX {
            let (position, message) = (position.into(), message.into());
            self.0.push(Complaint { position, message });
        }
    }

    /// One line for each, as mtail prints them; hints follow on lines of their own.
    #[must_use]
    pub fn text(&self, program: &str) -> String {
        let mut text = String::new();
        for (index, complaint) in self.0.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            // Writing to a string cannot fail.
            let _ = match complaint.position {
                Some(position) => write!(text, "{program}:{position}: {}", complaint.message),
                None => write!(text, ":0:0: {}", complaint.message),
            };
        }
        // Places inside of messages name the program, too.
        text.replace(NAME_MARK, program)
    }
}
