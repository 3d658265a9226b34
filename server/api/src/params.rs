//! Parameters of a request, from the query string and a form body alike.

use std::collections::HashSet;
use std::net::IpAddr;
use std::num::IntErrorKind;
use std::sync::Arc;

use axum::extract::OriginalUri;
use axum::http::Method;
use axum::http::request::Parts;
use common_config::duration;
use common_model::{Matcher, TimestampMs, parse_float};
use common_web::Peer;
use server_promql::engine::{Origin, Reservation};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::ApiError;
use crate::running::Leave;

/// Times outside these are refused; the API's own constants for "as early" and "as late as possible".
pub(crate) const TIME_MIN: TimestampMs = i64::MIN / 1_000_000;
pub(crate) const TIME_MAX: TimestampMs = i64::MAX / 1_000_000;

/// Bytes of a form body at most.
pub(crate) const BODY_BYTES_MAX: usize = 10 << 20;

/// Names and values in the order they came, and what was wrong with the first that could not be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    problem: Option<String>,
    /// The memory of these and of what is made of them.
    memory: Option<Arc<Reservation>>,
    /// Leave to work on them, where they are large.
    leave: Option<Arc<OwnedSemaphorePermit>>,
    asker: Asker,
}

/// Who asks, for those who are told of queries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    client: Option<IpAddr>,
    method: Method,
    path: String,
}

impl Asker {
    /// Who sent this request.
    pub(crate) fn of(head: &Parts) -> Asker {
        let peer = head.extensions.get::<Peer>();
        let original = head.extensions.get::<OriginalUri>().map_or(&head.uri, |uri| &uri.0);
        Asker {
            client: peer.and_then(|peer| peer.address).map(|address| address.ip()),
            method: head.method.clone(),
            path: original.path().to_owned(),
        }
    }
}

impl Params {
    /// No parameters yet.
    pub(crate) fn of(asker: Asker) -> Params {
        Params { asker, ..Params::default() }
    }

    /// Who asks, as queries say it.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let Asker { client, method, path } = &self.asker;
        Origin::Request { client: *client, method: method.as_str(), path }
    }

    /// Bytes of all names and values.
    pub(crate) fn bytes(&self) -> usize {
        self.pairs.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    /// Decodes `a=b&c=d` after what is already there. Pairs that cannot be read are left out.
    pub(crate) fn extend(&mut self, encoded: &[u8]) {
        let mut problem = None;
        for part in encoded.split(|&byte| byte == b'&').filter(|part| !part.is_empty()) {
            if part.contains(&b';') {
                // It overwrites what was found before it, as in the original.
                problem = Some("invalid semicolon separator in query".to_owned());
                continue;
            }
            let mut sides = part.splitn(2, |&byte| byte == b'=').map(decode);
            let name = sides.next().unwrap_or_else(|| Ok(String::new()));
            let value = sides.next().unwrap_or_else(|| Ok(String::new()));
            match (name, value) {
                (Ok(name), Ok(value)) => self.pairs.push((name, value)),
                (Err(escape), _) | (_, Err(escape)) => {
                    problem.get_or_insert_with(|| format!("invalid URL escape {escape:?}"));
                }
            }
        }
        self.problem = self.problem.take().or(problem);
    }

    /// Keeps the memory that was counted for these, and the leave to work on them.
    pub(crate) fn hold(&mut self, memory: Arc<Reservation>, leave: Leave) {
        self.memory = Some(memory);
        self.leave = leave.map(Arc::new);
    }

    /// The leave to work on them, for somebody who gives it back sooner.
    pub(crate) fn take_leave(&mut self) -> Leave {
        self.leave.take().and_then(Arc::into_inner)
    }

    /// An error where a pair could not be read: some routes insist, others look over it.
    pub(crate) fn insist(&self) -> Result<(), ApiError> {
        match &self.problem {
            None => Ok(()),
            Some(problem) => {
                Err(ApiError::bad_data(format!("error parsing form values: {problem}")))
            }
        }
    }

    /// The first value, empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }

    /// All values.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
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

    /// A time that must be given.
    pub(crate) fn time_required(&self, name: &str) -> Result<TimestampMs, ApiError> {
        parse_time(self.get(name)).map_err(|e| ApiError::parameter(name, e))
    }

    /// A duration in nanoseconds, where one is given; it may be negative.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_duration(text).map(Some).map_err(|e| ApiError::parameter(name, e)),
        }
    }

    /// A limit; zero when none is given.
    pub(crate) fn limit(&self, name: &str) -> Result<usize, ApiError> {
        match self.get(name) {
            "" => Ok(0),
            text => {
                let limit = go_integer("Atoi", text).map_err(|e| ApiError::parameter(name, e))?;
                usize::try_from(limit)
                    .map_err(|_| ApiError::parameter(name, "limit must be non-negative"))
            }
        }
    }

    /// A limit of which zero is one, and anything below zero, like nothing, is none.
    pub(crate) fn limit_or_none(&self, name: &str) -> Result<Option<usize>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => match go_integer("Atoi", text) {
                Ok(limit) => Ok(usize::try_from(limit).ok()),
                Err(_) => Err(ApiError::bad_data(format!("{name} must be a number"))),
            },
        }
    }

    /// The sets of matchers under `match[]`, each of which must ask for something.
    pub(crate) fn matchers(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        let sets = self.selectors()?;
        if sets.iter().any(|set| set.iter().all(Matcher::matches_empty)) {
            return Err(ApiError::bad_data("match[] must contain at least one non-empty matcher"));
        }
        Ok(sets)
    }

    /// The sets of matchers under `match[]`, whatever they ask for; each once.
    pub(crate) fn selectors(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        let mut seen = HashSet::new();
        self.all("match[]")
            .filter(|text| seen.insert(*text))
            .map(|text| {
                server_promql::parser::parse_selector(text)
                    .map_err(|error| ApiError::bad_data(error.to_string()))
            })
            .collect()
    }
}

/// A decimal number, or what Go's `function` says of it.
pub(crate) fn go_integer(function: &str, text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| {
        let problem = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.{function}: parsing {text:?}: {problem}")
    })
}

/// Percent and plus decoding, or the escape that is none; what is not UTF-8 becomes U+FFFD.
fn decode(encoded: &[u8]) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(&byte) = encoded.get(at) {
        if byte != b'%' {
            bytes.push(if byte == b'+' { b' ' } else { byte });
            at += 1;
            continue;
        }
        let digit = |at: usize| encoded.get(at).and_then(|&digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
            let end = encoded.len().min(at + 3);
            return Err(String::from_utf8_lossy(&encoded[at..end]).into_owned());
        };
        // Two hexadecimal digits are at most 255.
        bytes.push((high * 16 + low) as u8);
        at += 3;
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// A number as Go's `strconv.ParseFloat` reads it: underscores may stand between digits.
fn go_float(text: &str) -> Option<f64> {
    if !text.contains('_') {
        return parse_float(text);
    }
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|byte| byte.is_ascii_digit())
    };
    let lonely = |at: usize| !digit(at.checked_sub(1)) || !digit(at.checked_add(1));
    if (0..bytes.len()).any(|at| bytes[at] == b'_' && lonely(at)) {
        return None;
    }
    parse_float(&text.replace('_', ""))
}

/// Seconds as a number, or RFC 3339.
pub(crate) fn parse_time(text: &str) -> Result<TimestampMs, String> {
    let wrong = || format!("cannot parse {text:?} to a valid timestamp");
    match text {
        // How clients of the original write "as early" and "as late as possible".
        "-292273086-05-16T16:47:06Z" => return Ok(TIME_MIN),
        "+292277025-08-18T07:12:54.999999999Z" => return Ok(TIME_MAX),
        _ => {}
    }
    if let Some(seconds) = go_float(text) {
        // The fraction is rounded by itself, where it has more digits than the sum.
        let milliseconds = seconds.trunc() * 1000.0 + (seconds.fract() * 1000.0).round();
        let in_range = milliseconds >= TIME_MIN as f64 && milliseconds <= TIME_MAX as f64;
        return if in_range { Ok(milliseconds as TimestampMs) } else { Err(wrong()) };
    }
    if !is_rfc3339(text) {
        return Err(wrong());
    }
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(|_| wrong())
}

/// Whether a text has the form `2006-01-02T15:04:05.9Z`, the zone being `Z` or `+01:00`; other forms
/// of ISO 8601 are refused.
fn is_rfc3339(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let fits = |text: &[u8], form: &[u8]| {
        text.len() == form.len()
            && text.iter().zip(form).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte == wanted,
            })
    };
    let Some((start, rest)) = text.as_bytes().split_at_checked(FORM.len()) else { return false };
    let digits = match rest.split_first() {
        Some((b'.' | b',', rest)) => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let zone = if digits > 0 { &rest[digits + 1..] } else { rest };
    // No minute has a sixty-first second here, not even a leap second.
    fits(start, FORM)
        && !start.ends_with(b":60")
        && (zone == b"Z" || fits(zone, b"+00:00") || fits(zone, b"-00:00"))
}

/// Seconds as a number, or `5m`; in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    if let Some(seconds) = go_float(text) {
        let nanoseconds = seconds * 1e9;
        if nanoseconds > i64::MAX as f64 || nanoseconds < i64::MIN as f64 {
            return Err(format!("cannot parse {text:?} to a valid duration. It overflows int64"));
        }
        // Not a number is the least of numbers, as the original's processors convert it.
        return Ok(if nanoseconds.is_nan() { i64::MIN } else { nanoseconds as i64 });
    }
    let parsed = duration::parse(text);
    let nanoseconds = parsed.ok().and_then(|parsed| i64::try_from(parsed.as_nanos()).ok());
    nanoseconds.ok_or_else(|| format!("cannot parse {text:?} to a valid duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_found_by_name() {
        let mut params = Params::default();
        params.extend(b"query=up%7Ba%3D%22b%22%7D+1&match[]=x&match%5B%5D=y&bad=%zz%");
        params.extend(b"late=1;2&z=%4");
        assert_eq!(params.get("query"), "up{a=\"b\"} 1");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!((params.get("bad"), params.get("late"), params.get("none")), ("", "", ""));
        let problem = params.insist().unwrap_err();
        assert_eq!(problem.message, "error parsing form values: invalid URL escape \"%zz\"");
    }

    #[test]
    fn times_are_seconds_or_rfc_3339() {
        for (text, wanted) in [
            ("1600000000.1234", Ok(1_600_000_000_123)),
            ("-1", Ok(-1000)),
            ("2015-06-03T13:21:58.555Z", Ok(1_433_337_718_555)),
            ("2015-06-03T14:21:58.555+01:00", Ok(1_433_337_718_555)),
            ("1.0005", Ok(1000)),
            ("2015-06-03T13:21:58,5Z", Ok(1_433_337_718_500)),
            ("-292273086-05-16T16:47:06Z", Ok(TIME_MIN)),
            ("foo", Err("cannot parse \"foo\" to a valid timestamp".to_owned())),
            ("1e300", Err("cannot parse \"1e300\" to a valid timestamp".to_owned())),
        ] {
            assert_eq!(parse_time(text), wanted);
        }
    }

    #[test]
    fn other_forms_of_iso_8601_are_no_times() {
        for text in [
            "2020-01-01",
            "2020-01-01T00:00:00",
            "2020-01-01t00:00:00z",
            "2020-01-01T00:00:00+0100",
            "2020-01-01T00:00:60Z",
            "2020-01-01T24:00:00Z",
            "2020-02-30T00:00:00Z",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00\u{e9}Z",
        ] {
            assert_eq!(
                parse_time(text),
                Err(format!("cannot parse {text:?} to a valid timestamp"))
            );
        }
    }
}
