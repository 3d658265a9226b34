//! Reads many small files of sysfs one after the other, and goes on behind one that fails.

use std::io;
use std::path::Path;

use common_instrument::CollectError;

use crate::parse::ParseError;
use crate::source::{Attributes, read_file};

/// Reads files that need not exist; remembers the first failure.
pub(crate) struct TreeReader<'a> {
    attributes: &'a mut Attributes,
    outcome: Result<(), CollectError>,
}

impl<'a> TreeReader<'a> {
    /// A reader without failures.
    pub(crate) fn new(attributes: &'a mut Attributes) -> TreeReader<'a> {
        TreeReader { attributes, outcome: Ok(()) }
    }

    /// What `parse` makes of an attribute, without the blanks around it; `None` if it does not exist
    /// or something failed.
    pub(crate) fn read<T>(
        &mut self,
        path: &Path,
        parse: impl FnOnce(&[u8]) -> Result<T, ParseError>,
    ) -> Option<T> {
        let result = match self.attributes.read(path) {
            Ok(text) => parse(text).map_err(|error| CollectError::failed(path.display(), error)),
            Err(error) => return self.unread(path, &error),
        };
        self.keep(result)
    }

    /// As [`TreeReader::read`], for files that may be longer than an attribute.
    pub(crate) fn read_long<T>(
        &mut self,
        path: &Path,
        parse: impl FnOnce(&[u8]) -> Result<T, ParseError>,
    ) -> Option<T> {
        let result = match read_file(path) {
            Ok(text) => parse(&text).map_err(|error| CollectError::failed(path.display(), error)),
            Err(error) => return self.unread(path, &error),
        };
        self.keep(result)
    }

    /// The number that `parse` finds in an attribute.
    pub(crate) fn number(
        &mut self,
        path: &Path,
        parse: impl FnOnce(&[u8]) -> Option<f64>,
    ) -> Option<f64> {
        self.read(path, |text| parse(text).ok_or_else(|| ParseError::new(1, "a number", text)))
    }

    /// What `list` finds in a directory, as [`crate::source::names_in`] does.
    pub(crate) fn list(
        &mut self,
        path: &Path,
        list: impl FnOnce(&Path) -> io::Result<Vec<String>>,
    ) -> Vec<String> {
        let names = list(path).map_or_else(|error| self.unread(path, &error), Some);
        names.unwrap_or_default()
    }

    /// The first failure.
    pub(crate) fn finish(self) -> Result<(), CollectError> {
        self.outcome
    }

    fn unread<T>(&mut self, path: &Path, error: &io::Error) -> Option<T> {
        // Devices that are removed meanwhile answer in the second way.
        let gone = error.kind() == io::ErrorKind::NotFound
            || error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error());
        if gone { None } else { self.keep(Err(CollectError::failed(path.display(), error))) }
    }

    fn keep<T>(&mut self, result: Result<T, CollectError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if self.outcome.is_ok() {
                    self.outcome = Err(error);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::number;

    #[test]
    fn the_first_failure_is_told_and_what_does_not_exist_is_none() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("a", "17\n"), ("b", "x\n"), ("c", "y\n"), ("d", "18\n")] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let mut attributes = Attributes::new();
        let mut reader = TreeReader::new(&mut attributes);
        let found = ["a", "none", "b", "c", "d", "."]
            .map(|name| reader.number(&dir.path().join(name), number));
        assert_eq!(found, [Some(17.0), None, None, None, Some(18.0), None]);
        let path = dir.path().join("d");
        assert_eq!(reader.read_long(&path, |text| Ok(text.len())), Some(3));
        let path = dir.path().join("b");
        let expected =
            CollectError::failed(path.display(), "line 1: expected a number, found \"x\"");
        assert_eq!(reader.finish(), Err(expected));
    }
}
