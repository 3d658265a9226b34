//! What a client accepts and already has, read from its request headers.

use axum::http::{HeaderMap, header};

/// Whether `Accept-Encoding` allows gzip, by RFC 9110 section 12.5.3; silence counts as no.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut any = false;
    for item in lines.flat_map(|line| line.split(',')) {
        let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
        let allowed = quality(parameters) > 0.0;
        match coding.trim() {
            coding if coding.eq_ignore_ascii_case("gzip") => return allowed,
            "*" => any = allowed,
            _ => {}
        }
    }
    any
}

fn quality(parameters: &str) -> f32 {
    let value = parameters.split(';').find_map(|p| p.trim().strip_prefix("q="));
    value.map_or(1.0, |q| q.trim().parse().unwrap_or(0.0))
}

/// Whether `If-None-Match` names this entity tag (weak comparison, as for a GET).
pub(crate) fn has_already(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_only_to_those_who_accept_it() {
        let check = |line, wanted| {
            assert_eq!(accepts_gzip(&headers(header::ACCEPT_ENCODING, line)), wanted, "{line}");
        };
        check("gzip, deflate, br", true);
        check("GZIP;q=0.5", true);
        check("br, gzip;q=0", false);
        check("gzip;q=0, *", false);
        check("*", true);
        check("*;q=0", false);
        check("identity", false);
        check("gzip;q=nonsense", false);
        check("", false);
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn an_entity_tag_is_found_in_a_list_weak_or_strong() {
        let check = |line, wanted| {
            assert_eq!(
                has_already(&headers(header::IF_NONE_MATCH, line), "\"a\""),
                wanted,
                "{line}"
            );
        };
        check("\"a\"", true);
        check("\"b\", W/\"a\"", true);
        check("*", true);
        check("\"ab\"", false);
        check("a", false);
    }
}
