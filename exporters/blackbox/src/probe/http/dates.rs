//! `Last-Modified` in the three forms of RFC 9110 section 5.6.7.

use jiff::civil::DateTime;
use jiff::fmt::strtime::parse;
use jiff::tz::TimeZone;

const FORMS: [&str; 3] =
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];

/// Seconds since the epoch.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let read = |form: &&str| parse(form, text).ok()?.to_datetime().ok();
    let time: DateTime = FORMS.iter().find_map(read)?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn all_three_forms_are_read() {
        let check =
            |text: &str, expected: Option<i64>| assert_eq!(seconds(text), expected, "{text}");
        check("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777));
        check("Sun Nov  6 08:49:37 1994", Some(784_111_777));
        check("Sun, 06 Nov 1994 08:49:37 CET", None);
        check("yesterday", None);
        check("", None);
    }
}
