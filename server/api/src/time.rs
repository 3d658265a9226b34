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
