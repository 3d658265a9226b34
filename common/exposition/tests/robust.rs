//! Whatever bytes come: an answer, never a panic; and the quick way equals the slow way.

use common_exposition::{Dialect, Event, FamilyOptions, Parser, labels_of, parse_families};
use proptest::prelude::*;

/// Raw bytes, bits of the value and timestamp of all series, or the first error.
type Found = Result<Vec<(Vec<u8>, u64, Option<i64>)>, String>;

/// All series, or the first error.
fn slow(body: &[u8], dialect: Dialect) -> Found {
    let mut parser = Parser::new(body, dialect);
    let mut found = Vec::new();
    while let Some(event) = parser.next().map_err(|error| error.message)? {
        if let Event::Series(series) = event {
            let _ = series.labels();
            found.push((series.raw.to_vec(), series.value.to_bits(), series.timestamp));
        }
    }
    Ok(found)
}

/// The same, each line tried as the one that was expected.
fn quick(body: &[u8], dialect: Dialect) -> Found {
    let expected: Vec<Vec<u8>> = body
        .split(|b| *b == b'\n')
        .map(|line| line[..line.iter().rposition(|b| *b == b' ').unwrap_or(0)].to_vec())
        .collect();
    let mut parser = Parser::new(body, dialect);
    let mut found = Vec::new();
    loop {
        let line = body[..parser.position()].iter().filter(|b| **b == b'\n').count();
        // Only what the slow way would call a series may be expected.
        let raw = expected.get(line).filter(|raw| {
            let mut text = raw.to_vec();
            text.extend_from_slice(if dialect == Dialect::Text { b" 1\n" } else { b" 1\n# EOF\n" });
            slow(&text, dialect).is_ok_and(|s| s.len() == 1 && s[0].0 == **raw)
        });
        let is_known = raw.is_some_and(|raw| parser.ahead(raw.len()) == Some(raw));
        let series = match raw.filter(|_| is_known).map(|raw| parser.known(raw.len())) {
            Some(series) => series.map_err(|error| error.message)?,
            None => match parser.next().map_err(|error| error.message)? {
                None => return Ok(found),
                Some(Event::Series(series)) => series,
                Some(_) => continue,
            },
        };
        found.push((series.raw.to_vec(), series.value.to_bits(), series.timestamp));
    }
}

#[test]
fn known_lines_are_read_as_unknown_ones() {
    let body = b"# HELP a b\na 1\na{x=\"1\"} 2.5\nb{y=\"}\"} NaN 12\n{\"c d\"} 1e3\n";
    let found = slow(body, Dialect::Text).unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(quick(body, Dialect::Text), Ok(found));
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for dialect in [Dialect::Text, Dialect::OpenMetrics] {
            let _ = slow(&body, dialect);
        }
        let _ = labels_of(&body, Default::default());
        let _ = parse_families(&body, FamilyOptions { lenient: true, utf8_names: true, samples_max: 9 });
    }

    #[test]
    fn near_misses_get_an_answer_and_the_quick_way_agrees(
        body in "(#? ?(HELP|TYPE|UNIT|EOF)? ?[ab]{0,2}(\\{(\"?[a,]{0,2}\"?=?\"?[\\\\n\"]{0,2}\"?)?\\})?[ \t]?[0-9.eNa#\0-]{0,3}( [0-9]{0,2})?\n?){0,6}"
    ) {
        for dialect in [Dialect::Text, Dialect::OpenMetrics] {
            prop_assert_eq!(quick(body.as_bytes(), dialect), slow(body.as_bytes(), dialect));
        }
        let _ = parse_families(body.as_bytes(), FamilyOptions::default());
    }
}
