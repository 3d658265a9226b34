//! The format of `os-release`: shell-like assignments. `os-release(5)`.

use crate::parse::{ParseError, lines, text};

/// Keys and the labels they become.
pub(crate) const KEYS: [(&str, &str); 12] = [
    ("BUILD_ID", "build_id"),
    ("ID", "id"),
    ("ID_LIKE", "id_like"),
    ("IMAGE_ID", "image_id"),
    ("IMAGE_VERSION", "image_version"),
    ("NAME", "name"),
    ("PRETTY_NAME", "pretty_name"),
    ("VARIANT", "variant"),
    ("VARIANT_ID", "variant_id"),
    ("VERSION", "version"),
    ("VERSION_CODENAME", "version_codename"),
    ("VERSION_ID", "version_id"),
];

/// What is exported of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct OsRelease {
    /// In the order of [`KEYS`], `""` where the key is not set.
    pub(crate) values: [String; KEYS.len()],
    /// `major.minor` of `VERSION_ID`, 0 if it has none.
    pub(crate) version: f64,
    /// Midnight UTC of `SUPPORT_END`, in seconds since 1970.
    pub(crate) support_end_s: Option<i64>,
}

/// Reads the assignments; comments and empty lines are passed over.
pub(crate) fn parse(bytes: &[u8]) -> Result<OsRelease, ParseError> {
    let mut release = OsRelease::default();
    for (number, line) in lines(bytes) {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let wrong = |expected| ParseError::new(number, expected, line);
        let equals =
            line.iter().position(|&byte| byte == b'=').ok_or_else(|| wrong("KEY=value"))?;
        let value = unquote(&text(&line[equals + 1..])).ok_or_else(|| wrong("a closing quote"))?;
        let key = text(&line[..equals]);
        let key = key.trim().trim_start_matches("export ").trim();
        if key == "VERSION_ID" {
            release.version = major_minor(&value);
        }
        if key == "SUPPORT_END" && !value.is_empty() {
            let seconds = midnight(&value).ok_or_else(|| wrong("a date such as 2031-12-31"))?;
            release.support_end_s = Some(seconds);
        }
        if let Some(at) = KEYS.iter().position(|(known, _)| *known == key) {
            release.values[at] = value;
        }
    }
    Ok(release)
}

/// A value without its quotes and escapes; `None` if a quote is not closed.
fn unquote(value: &str) -> Option<String> {
    let mut result = String::with_capacity(value.len());
    let mut chars = value.trim().chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('\\', None | Some('"')) => result.push(chars.next()?),
            ('#', None) if result.ends_with(' ') => break,
            (c, _) => result.push(c),
        }
    }
    if quote.is_some() {
        return None;
    }
    Some(if value.trim().ends_with(['"', '\'']) { result } else { result.trim_end().to_owned() })
}

/// The number at the beginning, with at most one fraction: 12 of `12`, 22.04 of `22.04.1`.
fn major_minor(version: &str) -> f64 {
    let mut dots = 0;
    let end = version.find(|c: char| {
        dots += usize::from(c == '.');
        !(c.is_ascii_digit() || c == '.') || dots > 1
    });
    version[..end.unwrap_or(version.len())].trim_end_matches('.').parse().unwrap_or(0.0)
}

/// Seconds from 1970 to a date, which must exist.
fn midnight(date: &str) -> Option<i64> {
    let date: jiff::civil::Date = date.parse().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_quoted_either_way() {
        fn check(value: &str, expected: Option<&str>) {
            assert_eq!(unquote(value).as_deref(), expected, "{value}");
        }
        check("debian", Some("debian"));
        check("\"Debian GNU/Linux\"", Some("Debian GNU/Linux"));
        check("'it is'", Some("it is"));
        check(r#""a \"b\" \$c""#, Some("a \"b\" $c"));
        check("\"open", None);
        check("", Some(""));
        check("a # comment", Some("a"));
    }

    #[test]
    fn versions_and_dates_become_numbers() {
        fn check(text: &str, version: f64, support_end_s: Option<i64>) {
            let found = parse(text.as_bytes()).unwrap();
            assert_eq!((found.version, found.support_end_s), (version, support_end_s));
        }
        check("VERSION_ID=\"12\"", 12.0, None);
        check("VERSION_ID=22.04.1\n# end\n\n", 22.04, None);
        check("VERSION_ID=rolling", 0.0, None);
        check("SUPPORT_END=2031-12-31", 0.0, Some(1956441600));
        assert!(parse(b"SUPPORT_END=soon").is_err());
        assert!(parse(b"no assignment").is_err());
    }
}
