//! Folders of sysfs with a small file for each value: what lies in one is found from there.

use std::io;
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::parse::{hex, signed, unsigned};

/// Longest value that is read: where drivers give more, the originals cut it here as well.
const VALUE_BYTES_MAX: usize = 128;

/// More entries than any folder of sysfs has that is listed here; the others are left out.
const NAMES_MAX: usize = 65_536;

/// An opened folder.
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder by its path.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder(openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Opens a folder in this one; symbolic links are followed.
    pub(crate) fn folder(&self, name: &str) -> io::Result<Folder> {
        Ok(Folder(openat(&self.0, name, FOLDER, Mode::empty())?))
    }

    /// Device and inode: a new device may have got the name of an old one.
    pub(crate) fn identity(&self) -> io::Result<(u64, u64)> {
        let stat = rustix::fs::fstat(&self.0)?;
        Ok((stat.st_dev, stat.st_ino))
    }

    /// Whether there is a folder of that name in it.
    pub(crate) fn is_folder(&self, name: &str) -> bool {
        rustix::fs::statat(&self.0, name, AtFlags::empty())
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// The names in it, sorted; those that are not UTF-8 are left out.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)?.take(NAMES_MAX) {
            match entry?.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => names.push(name.to_owned()),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The value of a file as it stands there, with one `read(2)`: some drivers answer EAGAIN for
    /// ever to a second one.
    pub(crate) fn read<'a>(&self, name: &str, value: &'a mut Value) -> io::Result<&'a [u8]> {
        let file = openat(&self.0, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let length = rustix::io::read(&file, &mut value.0[..])?;
        Ok(&value.0[..length])
    }

    /// The value of a file without blanks around it, or `None` if the driver does not give it.
    pub(crate) fn text<'a>(
        &self,
        name: &str,
        value: &'a mut Value,
    ) -> io::Result<Option<&'a [u8]>> {
        match self.read(name, value) {
            Ok(value) => Ok(Some(value.trim_ascii())),
            Err(error) if is_not_given(&error) => Ok(None),
            Err(error) => Err(io::Error::new(error.kind(), format!("{name}: {error}"))),
        }
    }

    /// A counter: decimal, or hexadecimal behind `0x`; `None` if the driver does not give it.
    pub(crate) fn counter(&self, name: &str, value: &mut Value) -> io::Result<Option<u64>> {
        self.parsed(name, value, unsigned)
    }

    /// A number that may be negative, else as [`Folder::counter`].
    pub(crate) fn number(&self, name: &str, value: &mut Value) -> io::Result<Option<i64>> {
        self.parsed(name, value, signed)
    }

    fn parsed<T: TryFrom<u64>>(
        &self,
        name: &str,
        value: &mut Value,
        decimal: impl FnOnce(&[u8]) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let Some(text) = self.text(name, value)? else { return Ok(None) };
        let parsed = match text.strip_prefix(b"0x") {
            Some(digits) => hex(digits).and_then(|number| number.try_into().ok()),
            None => decimal(text),
        };
        match parsed {
            Some(parsed) => Ok(Some(parsed)),
            None => {
                let found = crate::parse::text(text);
                Err(io::Error::other(format!("{name}: expected a number, found {found:?}")))
            }
        }
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The buffer for one value after the other.
pub(crate) struct Value(Box<[u8; VALUE_BYTES_MAX]>);

impl Value {
    /// An empty buffer.
    pub(crate) fn new() -> Value {
        Value(Box::new([0; VALUE_BYTES_MAX]))
    }
}

/// Whether an error says that this device has no such value, or none for us: nothing is broken.
fn is_not_given(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    errno.is_some_and(|errno| {
        matches!(
            errno,
            Errno::NOENT
                | Errno::ACCESS
                | Errno::PERM
                | Errno::OPNOTSUPP
                | Errno::INVAL
                | Errno::NODEV
                | Errno::NODATA
        )
    })
}

/// The first problem of a scrape: a collector exports what it can and then says what went wrong.
#[derive(Default)]
pub(crate) struct FirstProblem(Option<String>);

impl FirstProblem {
    /// The value, or `None` after noting why there is none and whose it was.
    pub(crate) fn note<T>(&mut self, of: &str, result: io::Result<Option<T>>) -> Option<T> {
        match result {
            Ok(value) => value,
            Err(error) => {
                self.0.get_or_insert_with(|| format!("{of}: {error}"));
                None
            }
        }
    }

    /// The outcome of the collector that read below `path`.
    pub(crate) fn outcome(self, path: &Path) -> Result<(), common_instrument::CollectError> {
        match self.0 {
            None => Ok(()),
            Some(problem) => Err(common_instrument::CollectError::failed(path.display(), problem)),
        }
    }
}

/// The folder of a device class; machines without such devices have none.
pub(crate) fn class(path: &Path) -> Result<Folder, common_instrument::CollectError> {
    use common_instrument::CollectError;
    Folder::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => CollectError::Absent(path.display().to_string()),
        _ => CollectError::failed(path.display(), error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_once_and_cut_and_what_a_device_lacks_is_no_problem() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let mut value = Value::new();
        write("long", &"x".repeat(300));
        assert_eq!(folder.read("long", &mut value).unwrap().len(), VALUE_BYTES_MAX);
        write("padded", " a b \n");
        assert_eq!(folder.read("padded", &mut value).unwrap(), b" a b \n");
        assert_eq!(folder.text("padded", &mut value).unwrap(), Some(&b"a b"[..]));
        assert_eq!(folder.text("missing", &mut value).unwrap(), None);
        assert_eq!(folder.names().unwrap(), ["long", "padded"]);
        std::fs::create_dir(dir.path().join("power")).unwrap();
        let problem = folder.text("power", &mut value).unwrap_err().to_string();
        assert!(problem.starts_with("power: "), "{problem}");
    }

    #[test]
    fn numbers_are_decimal_or_marked_as_hexadecimal() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let check = |text: &str, counter: Result<u64, &str>, number: Result<i64, &str>| {
            std::fs::write(dir.path().join("n"), text).unwrap();
            let mut value = Value::new();
            let found = folder.counter("n", &mut value).map_err(|error| error.to_string());
            assert_eq!(found, counter.map(Some).map_err(str::to_owned));
            let found = folder.number("n", &mut value).map_err(|error| error.to_string());
            assert_eq!(found, number.map(Some).map_err(str::to_owned));
        };
        check("17\n", Ok(17), Ok(17));
        check("0x1f\n", Ok(31), Ok(31));
        let negative = "n: expected a number, found \"-1\"";
        check("-1\n", Err(negative), Ok(-1));
        let huge = "n: expected a number, found \"0xffffffffffffffff\"";
        check("0xffffffffffffffff", Ok(u64::MAX), Err(huge));
        let empty = "n: expected a number, found \"\"";
        check("", Err(empty), Err(empty));
    }
}
