//! Functions of strings.

use crate::format::quote;
use std::net::IpAddr;
use std::str::FromStr;

/// One character to one character, as Go has it: `ß` stays.
fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(lower), None) => lower,
        // The dotted capital I.
        _ if c == '\u{130}' => 'i',
        _ => c,
    }
}

/// `strings.ToUpper`
pub(crate) fn to_upper(text: &str) -> String {
    text.chars().map(upper).collect()
}

/// `strings.ToLower`
pub(crate) fn to_lower(text: &str) -> String {
    text.chars().map(lower).collect()
}

/// A pattern as Go's `regexp.MustCompile` quotes it.
pub(super) fn backquote(text: &str) -> String {
    let plain = |c: char| c != '`' && c != '\u{7f}' && c != '\u{feff}' && (c >= ' ' || c == '\t');
    if text.chars().all(plain) { format!("`{text}`") } else { quote(text) }
}

/// The path of a URL.
pub(super) fn url_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let Some(start) = rest.find('/') else { return "" };
    let path = &rest[start..];
    path.find(['?', '#']).map_or(path, |end| &path[..end])
}

/// `net.SplitHostPort`
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let colon = text.rfind(':')?;
    let (host, port) = (&text[..colon], &text[colon + 1..]);
    if let Some(inner) = text.strip_prefix('[') {
        let end = inner.find(']')?;
        // The colon has to follow the bracket.
        let good = end + 2 == colon && !inner[..end].contains('[') && !port.contains([']', '[']);
        return good.then_some((&inner[..end], port));
    }
    (!host.contains([':', '[', ']']) && !port.contains(['[', ']'])).then_some((host, port))
}

/// `host:port` without its port.
pub(super) fn strip_port(text: &str) -> &str {
    split_host_port(text).map_or(text, |(host, _)| host)
}

/// `host.domain:port` without its domain; addresses stay.
pub(super) fn strip_domain(text: &str) -> String {
    let (host, port) = split_host_port(text).unwrap_or((text, ""));
    if IpAddr::from_str(host).is_ok() {
        return text.to_owned();
    }
    let host = host.split('.').next().unwrap_or(host);
    match port {
        "" => host.to_owned(),
        port if host.contains(':') => format!("[{host}]:{port}"),
        port => format!("{host}:{port}"),
    }
}

const UNITS_MS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// What 64 bits of nanoseconds hold.
const MILLIS_MAX: u64 = i64::MAX.unsigned_abs() / 1_000_000;

/// Prometheus' durations, `1h30m`, in seconds.
pub(super) fn parse_duration(text: &str) -> Result<f64, String> {
    match text {
        "0" => return Ok(0.0),
        "" => return Err("empty duration string".to_owned()),
        _ => {}
    }
    let invalid = || format!("not a valid duration string: {}", quote(text));
    let (mut rest, mut units) = (text, UNITS_MS.as_slice());
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, behind) = rest.split_at(length);
        let unit_length = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit_length);
        let number = digits.parse::<u64>().map_err(|_| invalid())?;
        if unit.is_empty() {
            return Err(invalid());
        }
        if !UNITS_MS.iter().any(|(name, _)| *name == unit) {
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        }
        // Each unit at most once, from the largest to the smallest.
        let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(invalid)?;
        let part = number.checked_mul(units[at].1);
        let sum = part.and_then(|part| millis.checked_add(part)).filter(|sum| *sum <= MILLIS_MAX);
        millis = sum.ok_or_else(|| "duration out of range".to_owned())?;
        units = &units[at + 1..];
        rest = behind;
    }
    Ok(millis as f64 / 1000.0)
}
