//! Whether an `Accept-Encoding` header accepts a compression. RFC 9110 section 12.5.3.

/// Clauses of a header that are looked at.
const CLAUSES_MAX: usize = 64;

/// Whether `header` accepts `encoding`; the clause that names it decides, else `*`.
pub(super) fn accepts(header: &str, encoding: &str) -> bool {
    if header.trim().is_empty() {
        return false;
    }
    let mut others = None;
    for clause in header.split(',').take(CLAUSES_MAX) {
        let mut parts = clause.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse);
        let is_accepted = weight.is_ok_and(|weight: f64| weight > 0.0);
        if name.eq_ignore_ascii_case(encoding) {
            return is_accepted;
        }
        if name == "*" {
            others = Some(is_accepted);
        }
    }
    others.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn weights_and_stars_decide() {
        let check = |header: &str, expected: bool| {
            assert_eq!(accepts(header, "gzip"), expected, "{header:?}");
        };
        check("", false);
        check("gzip", true);
        check("GZIP", true);
        check("gzip;q=1", true);
        check("gzip;q=0", false);
        check("gzip; q=0.0", false);
        check("deflate", false);
        check("br, gzip;q=0.2", true);
        check("*", true);
        check("*;q=0.0", false);
        check("*, gzip;q=0", false);
        check("identity", false);
    }
}
