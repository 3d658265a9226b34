//! The URL of a target, as Go reads it.

use std::fmt::Write as _;

use common_client::parts::Target;

/// The URL of a target; without a scheme it is plain HTTP.
pub(super) fn parse(text: &str) -> Result<Target, String> {
    let has_scheme = ["http://", "https://"].iter().any(|scheme| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    let url = if has_scheme { text.to_owned() } else { format!("http://{text}") };
    let target = Target::parse(&escaped(&url)).map_err(|cause| cause.to_string())?;
    let authority = target.authority();
    let port = match authority.rsplit_once(']') {
        Some((_, rest)) => rest.strip_prefix(':').unwrap_or(""),
        None => authority.split_once(':').map_or("", |(_, port)| port),
    };
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("parse {url:?}: invalid port {:?} after host", format!(":{port}")));
    }
    Ok(target)
}

/// What a URL may not hold, in percents.
pub(super) fn escaped(url: &str) -> String {
    let mut text = String::with_capacity(url.len());
    for byte in url.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0..=b' ' | 0x7f.. => {
                // Writing into a String cannot fail.
                let _ = write!(text, "%{byte:02X}");
            }
            _ => text.push(char::from(byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_url_with_or_without_scheme() {
        let check = |text: &str, expected: Option<(&str, u16, &str)>| {
            let target = parse(text).ok();
            let got = target.as_ref().map(|t| (t.host.as_str(), t.port, t.path()));
            assert_eq!(got, expected, "{text}");
        };
        check("h", Some(("h", 80, "/")));
        check("h:81/x", Some(("h", 81, "/x")));
        check("https://h/x?y#z", Some(("h", 443, "/x?y")));
        check("HTTP://h/", Some(("h", 80, "/")));
        check("http://h/a b{c}", Some(("h", 80, "/a%20b%7Bc%7D")));
        check("[::1]:9/", Some(("::1", 9, "/")));
        check("http://h:bad/", None);
        check("http://", None);
        check("", None);
    }
}
