//! Metrics pages, and whether two programs that were asked in turn tell the same.

use std::collections::{BTreeMap, BTreeSet};

/// How far apart the ranges of a value that moves may lie, as a part of it: a gauge of a busy
/// machine jumps between two looks.
const MOVING_TOLERANCE: f64 = 0.1;

/// One page in the text format.
pub(crate) struct Page {
    /// HELP and TYPE lines by family and keyword.
    meta: BTreeMap<String, String>,
    /// Values by series, written as on the page.
    series: BTreeMap<String, f64>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Page {
        let mut page = Page { meta: BTreeMap::new(), series: BTreeMap::new() };
        for line in text.lines() {
            if let Some(meta) = line.strip_prefix("# ") {
                let end = meta.match_indices(' ').nth(1).map_or(meta.len(), |(end, _)| end);
                page.meta.insert(meta[..end].to_owned(), meta[end..].trim().to_owned());
            } else if let Some((series, value)) = line.rsplit_once(' ') {
                let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
                let twice = page.series.insert(series.to_owned(), value);
                assert!(twice.is_none(), "twice on one page: {series}");
            }
        }
        page
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }
}

/// Pages of one program, in the order in which they were fetched.
#[derive(Default)]
pub(crate) struct Pages {
    pages: usize,
    /// What each HELP or TYPE line said, and on how many pages.
    meta: BTreeMap<String, (String, usize)>,
    series: BTreeMap<String, Seen>,
}

/// The values of a series.
struct Seen {
    pages: usize,
    min: f64,
    max: f64,
}

impl Pages {
    pub(crate) fn add(&mut self, page: Page) {
        self.pages += 1;
        for (key, text) in page.meta {
            self.meta.entry(key).or_insert((text, 0)).1 += 1;
        }
        for (series, value) in page.series {
            let seen = self.series.entry(series);
            let seen = seen.or_insert(Seen { pages: 0, min: value, max: value });
            seen.pages += 1;
            seen.min = seen.min.min(value);
            seen.max = seen.max.max(value);
        }
    }

    /// Series that stand on every page; others came or went between two looks.
    fn steady(&self) -> impl Iterator<Item = &String> {
        self.series.iter().filter(|(_, seen)| seen.pages == self.pages).map(|(series, _)| series)
    }
}

/// A difference that is meant, with the reason that docs/differences.md gives.
pub(crate) struct Meant {
    /// Beginning of the series or family.
    pub(crate) prefix: &'static str,
    pub(crate) what: What,
}

/// What may differ.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(crate) enum What {
    /// Whether it is there.
    Presence,
    /// Its value: it tells of the program itself, or of the moment.
    Value,
}

/// What two programs tell differently, a line each.
pub(crate) fn differences(ours: &Pages, peer: &Pages, meant: &[Meant]) -> Vec<String> {
    let is_meant =
        |name: &str, what| meant.iter().any(|one| one.what == what && name.starts_with(one.prefix));
    let mut found = Vec::new();
    let absent = |here: &Pages, there: &Pages, what: &str, found: &mut Vec<String>| {
        let absent = here.steady().filter(|series| !there.series.contains_key(*series));
        let absent = absent.filter(|series| !is_meant(series, What::Presence));
        found.extend(absent.map(|series| format!("{what} {series}")));
    };
    absent(peer, ours, "missing", &mut found);
    absent(ours, peer, "extra", &mut found);
    let keys: BTreeSet<&String> = ours.meta.keys().chain(peer.meta.keys()).collect();
    for key in keys {
        let (mine, theirs) = (ours.meta.get(key), peer.meta.get(key));
        let family = key.split_once(' ').map_or("", |(_, family)| family);
        let comes_and_goes = |one: Option<&(String, usize)>, pages: usize| {
            one.is_some_and(|(_, seen)| *seen < pages)
        };
        let is_steady = !comes_and_goes(mine, ours.pages) && !comes_and_goes(theirs, peer.pages);
        if mine.map(|one| &one.0) != theirs.map(|one| &one.0)
            && (is_steady || (mine.is_some() && theirs.is_some()))
            && !is_meant(family, What::Presence)
        {
            found.push(format!("{key}: {mine:?} instead of {theirs:?}"));
        }
    }
    for (series, mine) in &ours.series {
        let Some(theirs) = peer.series.get(series) else { continue };
        if !meet(mine, theirs) && !is_meant(series, What::Value) {
            let (a, b, c, d) = (mine.min, mine.max, theirs.min, theirs.max);
            found.push(format!("value of {series}: {a} to {b} instead of {c} to {d}"));
        }
    }
    found
}

/// Whether the ranges of two programs meet. Values that neither saw moving are the same.
fn meet(mine: &Seen, theirs: &Seen) -> bool {
    if mine.min.is_nan() || theirs.min.is_nan() {
        return mine.min.is_nan() && theirs.min.is_nan();
    }
    let stands = mine.min == mine.max && theirs.min == theirs.max;
    let tolerance = if stands { 1e-9 } else { MOVING_TOLERANCE };
    let gap = (mine.min - theirs.max).max(theirs.min - mine.max);
    gap <= tolerance * mine.max.abs().max(theirs.max.abs())
}

#[test]
fn pages_are_compared_by_what_stands_still_and_by_what_moves() {
    let pages = |texts: &[&str]| {
        let mut pages = Pages::default();
        texts.iter().for_each(|text| pages.add(Page::parse(text)));
        pages
    };
    let check = |ours: &[&str], peer: &[&str], expected: &[&str]| {
        assert_eq!(differences(&pages(ours), &pages(peer), &[]), expected, "{ours:?} {peer:?}");
    };
    check(&["a 1\n", "a 1\n"], &["a 1\n"], &[]);
    check(&["a 1\n"], &["a 2\n"], &["value of a: 1 to 1 instead of 2 to 2"]);
    check(&["a 1\n", "a 3\n"], &["a 2\n"], &[]);
    check(&["a 1\n", "a 3\n"], &["a 9\n"], &["value of a: 1 to 3 instead of 9 to 9"]);
    check(&["a{x=\"1\"} 1\n"], &["a{x=\"2\"} 1\n"], &["missing a{x=\"2\"}", "extra a{x=\"1\"}"]);
    check(&["a 1\n"], &["a 1\nb 1\n", "a 1\n"], &[]);
    check(
        &["# HELP a One.\na 1\n"],
        &["# HELP a Two.\na 1\n"],
        &["HELP a: Some((\"One.\", 1)) instead of Some((\"Two.\", 1))"],
    );
    check(&["a NaN\n"], &["a NaN\n"], &[]);
}
