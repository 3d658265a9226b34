//! What is wrong with a configuration, and where it stands.

use std::fmt;

/// A place in a text; lines and columns count from one, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A complaint about a configuration text; prints as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", Place(file, *position))]
pub struct Error {
    /// The file's name, empty until [`Error::in_file`] names it.
    pub file: String,
    /// Where it stands, unless the whole file is meant.
    pub position: Option<Position>,
    /// What was expected and what stood there.
    pub message: String,
}

impl Error {
    /// A complaint about what stands at `position`.
    pub fn at(position: Position, message: impl Into<String>) -> Error {
        Error { file: String::new(), position: Some(position), message: message.into() }
    }

    /// A complaint about the whole file.
    pub fn whole(message: impl Into<String>) -> Error {
        Error { file: String::new(), position: None, message: message.into() }
    }

    /// The same complaint with the file's name, unless it already has one.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Error {
        if self.file.is_empty() {
            file.clone_into(&mut self.file);
        }
        self
    }
}

struct Place<'a>(&'a str, Option<Position>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() {
            write!(f, "{}:", self.0)?;
        }
        if let Some(position) = self.1 {
            write!(f, "{position}:")?;
        }
        f.write_str(if self.0.is_empty() && self.1.is_none() { "" } else { " " })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_as_much_of_the_place_as_it_knows() {
        let at = Error::at(Position { line: 3, column: 7 }, "no");
        assert_eq!(at.to_string(), "3:7: no");
        assert_eq!(at.in_file("a.yml").in_file("b.yml").to_string(), "a.yml:3:7: no");
        assert_eq!(Error::whole("no").to_string(), "no");
        assert_eq!(Error::whole("no").in_file("a.yml").to_string(), "a.yml: no");
    }
}
