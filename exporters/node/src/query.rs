//! The query of a scrape: which collectors it wants.

/// Values of `collect[]` and `exclude[]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Only these.
    pub(crate) collect: Vec<String>,
    /// All but these.
    pub(crate) exclude: Vec<String>,
}

impl Query {
    /// Reads a query string; other parameters are ignored.
    pub(crate) fn parse(text: &str) -> Query {
        let mut query = Query::default();
        for pair in text.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match decode(name).as_str() {
                "collect[]" => query.collect.push(decode(value)),
                "exclude[]" => query.exclude.push(decode(value)),
                _ => {}
            }
        }
        query
    }

    /// Whether nothing is filtered.
    pub(crate) fn is_empty(&self) -> bool {
        self.collect.is_empty() && self.exclude.is_empty()
    }
}

/// Undoes percent encoding; what is none stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| (*after.get(at)? as char).to_digit(16);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
                continue;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(first),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_may_be_encoded() {
        fn check(text: &str, collect: &[&str], exclude: &[&str]) {
            let query = Query::parse(text);
            assert_eq!(
                (query.collect, query.exclude),
                (
                    collect.iter().map(|&s| s.into()).collect(),
                    exclude.iter().map(|&s| s.into()).collect()
                )
            );
        }
        check("", &[], &[]);
        check("collect[]=cpu&collect%5b%5D=a%20b+c", &["cpu", "a b c"], &[]);
        check("exclude[]=%zz&name[]=x&exclude[]", &[], &["%zz", ""]);
    }
}
