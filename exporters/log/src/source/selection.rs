//! What a value of `--logs` stands for, for those who only want to know.

use std::path::{Path, PathBuf};

use super::address::{Address, AddressError};
use super::glob::{Expansion, Pattern};
use super::journal;

/// A value of `--logs`.
#[derive(Debug)]
pub struct Selection {
    text: String,
    what: What,
}

#[derive(Debug)]
enum What {
    Files(PathBuf),
    Journal(Option<PathBuf>),
    /// Standard input and sockets are there as soon as somebody reads them.
    Stream,
}

impl Selection {
    /// Reads a value; relative paths begin at `directory`.
    ///
    /// # Errors
    /// Where it names nothing.
    pub fn new(text: &str, directory: &Path) -> Result<Selection, AddressError> {
        let what = match Address::parse(text, directory)? {
            Address::Files { pattern, .. } => What::Files(pattern),
            Address::Journal(path) => What::Journal(path),
            Address::Stdin | Address::Stream(..) | Address::Datagram(..) => What::Stream,
        };
        Ok(Selection { text: text.to_owned(), what })
    }

    /// The pattern of the names under which programs see its lines.
    pub fn names(&self) -> String {
        match &self.what {
            What::Files(pattern) => pattern.to_string_lossy().into_owned(),
            What::Stream if self.text == "/dev/stdin" => "-".to_owned(),
            What::Journal(_) | What::Stream => self.text.clone(),
        }
    }

    /// Whether there is something to read now.
    pub fn has_any(&self) -> bool {
        match &self.what {
            What::Files(pattern) => {
                let mut found = Expansion::default();
                Pattern::new(pattern).expand(1, &mut found);
                !found.paths.is_empty()
            }
            What::Journal(path) => journal::is_there(path.as_deref()),
            What::Stream => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Selection;

    #[test]
    fn what_is_there_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str, names: &str, is_there: bool| {
            let selection = Selection::new(text, folder.path()).unwrap();
            let names = names.replace("HERE", folder.path().to_str().unwrap());
            assert_eq!((selection.names(), selection.has_any()), (names, is_there), "{text}");
        };
        check("*.log", "HERE/*.log", false);
        check("journal://j", "journal://j", false);
        std::fs::write(folder.path().join("a.log"), "").unwrap();
        std::fs::create_dir_all(folder.path().join("j/0")).unwrap();
        std::fs::write(folder.path().join("j/0/system.journal"), "").unwrap();
        check("*.log", "HERE/*.log", true);
        check("journal://j", "journal://j", true);
        check("-", "-", true);
        check("udp://:514", "udp://:514", true);
    }
}
