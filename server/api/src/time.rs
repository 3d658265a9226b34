//! Times as the API writes them.

use common_model::TimestampMs;

/// RFC 3339 in UTC, with milliseconds where there are any.
pub(crate) fn rfc3339(at: TimestampMs) -> String {
    match jiff::Timestamp::from_millisecond(at) {
        Ok(at) => at.to_string(),
        // Beyond year 9999; Go's zero time is what the original shows for "never".
        Err(_) => "0001-01-01T00:00:00Z".to_owned(),
    }
}

/// A time as it stands in the names of snapshots, `20060102T150405Z`.
pub(crate) fn snapshot_time(at: TimestampMs) -> String {
    let time = jiff::Timestamp::from_millisecond(at).unwrap_or_default();
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}
