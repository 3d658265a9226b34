//! Parameters of a request, from the query string and a form body alike.

use std::time::Duration;

use common_config::duration;
use common_model::{Matcher, TimestampMs, parse_float};

use crate::error::ApiError;

/// Times outside these are refused; the API's own constants for "as early" and "as late as possible".
pub(crate) const TIME_MIN: TimestampMs = i64::MIN / 1_000_000;
pub(crate) const TIME_MAX: TimestampMs = i64::MAX / 1_000_000;

/// Bytes of a form body at most.
pub(crate) const BODY_BYTES_MAX: usize = 10 << 20;

/// Names and values in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes `a=b&c=d` after what is already there.
    pub(crate) fn extend(&mut self, encoded: &[u8]) {
        for part in encoded.split(|&byte| byte == b'&').filter(|part| !part.is_empty()) {
            let mut sides = part.splitn(2, |&byte| byte == b'=');
            let name = decode(sides.next().unwrap_or_default());
            let value = decode(sides.next().unwrap_or_default());
            self.0.push((name, value));
        }
    }

    /// The first value, empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// All values.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A time, where one is given.
    pub(crate) fn time(&self, name: &str) -> Result<Option<TimestampMs>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_time(text).map(Some).map_err(|e| {
                ApiError::parameter(name, format!("invalid time value for '{name}': {e}"))
            }),
        }
    }

    /// A duration, where one is given.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_duration(text).map(Some).map_err(|e| ApiError::parameter(name, e)),
        }
    }

    /// A limit; zero when none is given.
    pub(crate) fn limit(&self, name: &str) -> Result<usize, ApiError> {
        match self.get(name) {
            "" => Ok(0),
            text => match text.parse::<i64>() {
                Ok(limit) => usize::try_from(limit)
                    .map_err(|_| ApiError::parameter(name, "limit must be non-negative")),
                Err(_) => Err(ApiError::parameter(
                    name,
                    format!("strconv.Atoi: parsing {text:?}: invalid syntax"),
                )),
            },
        }
    }

    /// The sets of matchers under `match[]`.
    pub(crate) fn matchers(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        self.all("match[]")
            .map(|text| {
                server_promql::parser::parse_selector(text)
                    .map_err(|error| ApiError::bad_data(error.to_string()))
            })
            .collect()
    }
}

/// Percent and plus decoding; what is not UTF-8 becomes U+FFFD.
fn decode(encoded: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        let hex = (byte == b'%').then(|| encoded.get(at + 1..at + 3)).flatten();
        let code = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                bytes.push(code);
                at += 3;
            }
            None => {
                bytes.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// Seconds as a number, or RFC 3339.
pub(crate) fn parse_time(text: &str) -> Result<TimestampMs, String> {
    let wrong = || format!("cannot parse {text:?} to a valid timestamp");
    if let Some(seconds) = parse_float(text) {
        let milliseconds = (seconds * 1000.0).round();
        let in_range = milliseconds >= TIME_MIN as f64 && milliseconds <= TIME_MAX as f64;
        return if in_range { Ok(milliseconds as TimestampMs) } else { Err(wrong()) };
    }
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| wrong())
}

/// Seconds as a number, or `5m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("cannot parse {text:?} to a valid duration");
    if let Some(seconds) = parse_float(text) {
        return Duration::try_from_secs_f64(seconds)
            .map_err(|_| format!("cannot parse {text:?} to a valid duration. It overflows int64"));
    }
    duration::parse(text).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_found_by_name() {
        let mut params = Params::default();
        params.extend(b"query=up%7Ba%3D%22b%22%7D+1&match[]=x&match%5B%5D=y&bad=%zz%");
        assert_eq!(params.get("query"), "up{a=\"b\"} 1");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((params.get("bad"), params.get("none")), ("%zz%", ""));
    }

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        for (text, wanted) in [
            ("1600000000.1234", Ok(1_600_000_000_123)),
            ("-1", Ok(-1000)),
            ("2015-06-03T13:21:58.555Z", Ok(1_433_337_718_555)),
            ("2015-06-03T14:21:58.555+01:00", Ok(1_433_337_718_555)),
            ("foo", Err("cannot parse \"foo\" to a valid timestamp".to_owned())),
            ("1e300", Err("cannot parse \"1e300\" to a valid timestamp".to_owned())),
        ] {
            assert_eq!(parse_time(text), wanted);
        }
    }
}
