//! The files of a bcachefs file system, as `fs/bcachefs/sysfs.c` writes them.

use crate::parse::{ParseError, lines, number, unsigned, words};

/// Letters of 1024, 1024², ...
const UNITS: &[u8] = b"kmgtpe";

/// A size that may be rounded for people: `17`, `62.5k`, `2.05G`.
pub(super) fn rounded(word: &[u8]) -> Option<f64> {
    let last = word.last()?.to_ascii_lowercase();
    let (digits, factor) = match UNITS.iter().position(|&unit| unit == last) {
        Some(unit) => (&word[..word.len() - 1], 1024f64.powi(unit as i32 + 1)),
        None => (word, 1.0),
    };
    let is_plain = digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if is_plain { Some((number(digits)? * factor).trunc()) } else { None }
}

/// The value of a counter since the file system was made; 0 if it is known since the mount only.
pub(super) fn counter(text: &[u8]) -> Result<f64, ParseError> {
    const SINCE_MOUNT: &[u8] = b"since mount:";
    const SINCE_CREATION: &[u8] = b"since filesystem creation:";
    let mut found = None;
    for (number, line) in lines(text) {
        if let Some(value) = line.strip_prefix(SINCE_CREATION) {
            let value = rounded(value.trim_ascii());
            return value.ok_or_else(|| ParseError::new(number, "a number", line));
        }
        if line.starts_with(SINCE_MOUNT) {
            found = Some(0.0);
        }
    }
    found.ok_or_else(|| ParseError::new(1, "since filesystem creation: NUMBER", text))
}

/// Calls `each(name, values)` for lines of a name, perhaps a colon, and `N` numbers; the first line
/// holds the headings. A number that is none is the error, but the other lines count.
pub(super) fn table<const N: usize>(
    text: &[u8],
    each: impl FnMut(&[u8], [f64; N]),
) -> Result<(), ParseError> {
    rows(lines(text).skip(1), each)
}

/// Calls `each(error, count)` for lines such as `bset_bad_csum  2  1767112063`, the last of which
/// is a time.
pub(super) fn errors(text: &[u8], mut each: impl FnMut(&[u8], f64)) -> Result<(), ParseError> {
    rows(lines(text), |name, [count]| each(name, count))
}

fn rows<'a, const N: usize>(
    lines: impl Iterator<Item = (usize, &'a [u8])>,
    mut each: impl FnMut(&'a [u8], [f64; N]),
) -> Result<(), ParseError> {
    let mut outcome = Ok(());
    for (number, line) in lines {
        if words(line).count() <= N {
            continue;
        }
        let mut words = words(line);
        let name = words.next().unwrap_or_default();
        let mut values = [0.0; N];
        let complete = values.iter_mut().zip(words).all(|(value, word)| {
            let parsed = rounded(word);
            *value = parsed.unwrap_or(0.0);
            parsed.is_some()
        });
        if complete {
            each(name.strip_suffix(b":").unwrap_or(name), values);
        } else {
            outcome = outcome.and(Err(ParseError::new(number, "a name and numbers", line)));
        }
    }
    outcome
}

/// Calls `each(operation, data type, bytes)` for the lines below `read:` and `write:`.
pub(super) fn io_done(
    text: &[u8],
    mut each: impl FnMut(&'static str, &[u8], f64),
) -> Result<(), ParseError> {
    let mut operation = None;
    let mut outcome = Ok(());
    for (number, line) in lines(text) {
        match (line.trim_ascii(), operation) {
            (b"read:", _) => operation = Some("read"),
            (b"write:", _) => operation = Some("write"),
            (line, Some(operation)) => {
                let result = pair(number, line, |name, value| each(operation, name, value));
                outcome = outcome.and(result);
            }
            _ => {}
        }
    }
    outcome
}

/// Calls `each(type, count)` for the errors since the file system was made; below them stand those
/// since somebody set them to zero.
pub(super) fn io_errors(text: &[u8], mut each: impl FnMut(&[u8], f64)) -> Result<(), ParseError> {
    const SECTION: &[u8] = b"IO errors since ";
    const CREATION: &[u8] = b"filesystem creation";
    let mut is_wanted = false;
    let mut outcome = Ok(());
    for (number, line) in lines(text) {
        if let Some(since) = line.strip_prefix(SECTION) {
            is_wanted = since.starts_with(CREATION);
        } else if is_wanted {
            outcome = outcome.and(pair(number, line.trim_ascii(), &mut each));
        }
    }
    outcome
}

/// A line such as `user        :102313054208`; one without a colon is passed over.
fn pair(number: usize, line: &[u8], mut each: impl FnMut(&[u8], f64)) -> Result<(), ParseError> {
    let Some(colon) = line.iter().position(|&byte| byte == b':') else { return Ok(()) };
    let (name, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
    let value = unsigned(value).ok_or_else(|| ParseError::new(number, "an integer", line))?;
    each(name, value as f64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_down_to_bytes() {
        fn check(word: &str, expected: Option<f64>) {
            assert_eq!(rounded(word.as_bytes()), expected);
        }
        check("0", Some(0.0));
        check("2.05G", Some(2_201_170_739.0));
        check("512k", Some(524_288.0));
        check("1K", Some(1024.0));
        check("1.26k", Some(1290.0));
        check("1e", Some(1_152_921_504_606_846_976.0));
        check("18446744073709551615", Some(u64::MAX as f64));
        for word in ["", "k", "-1", "1e5", "inf", "nan", "1 k", "1.2.3", ".", "5q"] {
            check(word, None);
        }
    }

    #[test]
    fn a_counter_is_what_was_counted_since_the_file_system_was_made() {
        fn check(text: &str, expected: Result<f64, &str>) {
            let found = counter(text.as_bytes()).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let two = "since mount:                   475\nsince filesystem creation:     1.5k";
        check(two, Ok(1536.0));
        check("since mount: 3\n", Ok(0.0));
        let line = "since filesystem creation: many";
        check(line, Err(&format!("line 1: expected a number, found {line:?}")));
        check("17", Err("line 1: expected since filesystem creation: NUMBER, found \"17\""));
    }

    /// Lines of `walk` as `name value`.
    fn collect(
        walk: impl FnOnce(&mut dyn FnMut(&[u8], &[f64])) -> Result<(), ParseError>,
    ) -> (Vec<String>, Option<String>) {
        let mut found = Vec::new();
        let result = walk(&mut |name, values| {
            found.push(format!("{} {values:?}", String::from_utf8_lossy(name)));
        });
        (found, result.err().map(|error| error.to_string()))
    }

    #[test]
    fn tables_have_headings_and_errors_have_none() {
        fn check(text: &str, expected: &[&str], complaint: Option<&str>) {
            let (found, error) = collect(|each| {
                table(text.as_bytes(), |name, values: [f64; 2]| each(name, &values))
            });
            assert_eq!(found, expected);
            assert_eq!(error.as_deref(), complaint);
        }
        check(
            "type  a  b\nlz4 1k 2k 7k\ninitial: 3 4\n\nshort 1\n",
            &["lz4 [1024.0, 2048.0]", "initial [3.0, 4.0]"],
            None,
        );
        let complaint = "line 2: expected a name and numbers, found \"lz4 1k x\"";
        check("type\nlz4 1k x\nzstd 1 2\n", &["zstd [1.0, 2.0]"], Some(complaint));
        let (found, error) =
            collect(|each| errors(b"bad_csum 2 17671\n", |name, count| each(name, &[count])));
        assert_eq!((found, error), (vec!["bad_csum [2.0]".to_owned()], None));
    }

    #[test]
    fn io_stands_in_sections() {
        fn check(text: &str, expected: &[&str], complaint: Option<&str>) {
            let (found, error) = collect(|each| {
                io_done(text.as_bytes(), |operation, name, bytes| {
                    each(&[operation.as_bytes(), b"/", name].concat(), &[bytes]);
                })
            });
            assert_eq!(found, expected);
            assert_eq!(error.as_deref(), complaint);
        }
        let text = "sb: 1\nread:\nsb          :       3\nneed_gc_gens:           0\nwrite:\nuser :7\nend\n";
        check(text, &["read/sb [3.0]", "read/need_gc_gens [0.0]", "write/user [7.0]"], None);
        let complaint = "line 2: expected an integer, found \"sb: x\"";
        check("read:\nsb: x\nuser: 1\n", &["read/user [1.0]"], Some(complaint));
    }

    #[test]
    fn io_errors_count_from_the_beginning() {
        let text = b"IO errors since filesystem creation\n  read:    3\n  checksum:1\n\
            IO errors since 8 y ago\n  read:    2\n";
        let (found, error) = collect(|each| io_errors(text, |name, count| each(name, &[count])));
        assert_eq!(
            (&*found, error),
            (&["read [3.0]".to_owned(), "checksum [1.0]".to_owned()][..], None)
        );
    }
}
