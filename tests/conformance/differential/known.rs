//! What changed in the language between Prometheus 3.5.3, the peer, and 3.14, which this is.

use std::collections::BTreeSet;

use super::answer::Answer;
use super::answer::Output;

/// One change.
pub(super) struct Change {
    /// The release with the change; `3.6 to 3.14` where it was not looked up which, `always` where the
    /// original still does so.
    pub(super) since: &'static str,
    pub(super) what: &'static str,
    /// Whether it explains a difference.
    pub(super) explains: fn(&Case<'_>) -> bool,
}

/// A question that was answered differently.
pub(super) struct Case<'a> {
    pub(super) query: &'a str,
    pub(super) ours: &'a Answer,
    pub(super) theirs: &'a Answer,
}

/// All changes that random queries run into.
pub(super) const CHANGES: &[Change] = &[
    Change {
        since: "3.8",
        what: "custom buckets with other bounds are reconciled, not refused (prometheus#17278)",
        explains: |case| case.query.contains("hx"),
    },
    Change {
        since: "3.6",
        what: "rates of native histograms are not extrapolated below zero (prometheus#16828); those of \
               gauges, which are warned of, see other resets",
        explains: |case| {
            (case.query.contains("hf") || case.query.contains(")["))
                && case.calls(&["rate", "increase", "irate"])
                && case.both_answer()
        },
    },
    Change {
        since: "3.6 to 3.14",
        what: "histogram_fraction of classic buckets is a number where 3.5.3 finds NaN",
        explains: |case| case.query.contains("req_bucket") && case.calls(&["histogram_fraction"]),
    },
    Change {
        since: "3.6 to 3.14",
        what: "mad_over_time of NaN is NaN",
        explains: |case| case.query.contains("odd") && case.calls(&["mad_over_time"]),
    },
    Change {
        since: "3.6 to 3.14",
        what: "series that take turns are one when their names are dropped at the end",
        explains: |case| {
            let same = "vector cannot contain metrics with the same labelset";
            !case.ours.is_error() && matches!(case.theirs, Answer::Error(_, text) if text == same)
        },
    },
    Change {
        since: "always",
        what: "the original meets series in the order of a hash table, and of equals takes the first",
        explains: |case| {
            case.calls(&["limitk", "topk", "bottomk", "max", "min"]) && case.both_answer()
        },
    },
    Change {
        since: "always",
        what: "the original's bounds of exponential buckets are off by a last digit, seen as text",
        explains: |case| case.calls(&["count_values"]) && case.both_answer(),
    },
    Change {
        since: "3.6 to 3.14",
        what: "names that are dropped at the end are dropped also after a comparison with \
               group_left and after functions that keep names",
        explains: |case| case.names_of_theirs() > case.names_of_ours(),
    },
    Change {
        since: "always",
        what: "a note about two places is shown once by the original, here for each place",
        explains: |case| case.has_note_twice(),
    },
    Change {
        since: "always",
        what: "of several notes of one operation the original shows the last",
        explains: |case| case.notes_of_ours("incompatible sample types").len() > 1,
    },
    Change {
        since: "always",
        what: "what is left of large numbers that are nearly equal has few digits",
        explains: |case| {
            let calls = ["stdvar", "stddev", "stdvar_over_time", "stddev_over_time"];
            (case.calls(&calls) || case.calls(&["mad_over_time"])) && case.both_answer()
        },
    },
    Change {
        since: "always",
        what: "sines of large numbers turn a last digit into any number",
        explains: |case| case.calls(&["sin", "cos", "tan"]) && case.both_answer(),
    },
    Change {
        since: "always",
        what: "of two errors in one query either may come first",
        explains: |case| case.ours.is_error() && case.theirs.is_error(),
    },
];

impl Case<'_> {
    /// Whether the query calls one of these.
    fn calls(&self, names: &[&str]) -> bool {
        let is_called = |name: &&str| {
            self.query.match_indices(*name).any(|(at, _)| {
                let before = self.query[..at].chars().next_back();
                let after = self.query[at + name.len()..].chars().next();
                let in_a_name = |c: char| c.is_alphanumeric() || c == '_';
                !before.is_some_and(in_a_name) && matches!(after, Some('(' | ' '))
            })
        };
        names.iter().any(is_called)
    }

    fn names_of_theirs(&self) -> usize {
        names(self.theirs)
    }

    fn names_of_ours(&self) -> usize {
        names(self.ours)
    }

    /// Our notes that contain some words, without their places.
    fn notes_of_ours(&self, words: &str) -> Vec<&str> {
        let Answer::Result(output) = self.ours else { return Vec::new() };
        let notes = output.warnings.iter().chain(&output.infos);
        let texts = notes.map(|note| note.rsplit_once(" (").map_or(note.as_str(), |pair| pair.0));
        texts.filter(|text| text.contains(words)).collect()
    }

    fn has_note_twice(&self) -> bool {
        let notes = self.notes_of_ours("");
        notes.iter().enumerate().any(|(at, note)| notes[..at].contains(note))
    }

    fn both_answer(&self) -> bool {
        !self.ours.is_error() && !self.theirs.is_error()
    }
}

/// How many series have a name.
fn names(answer: &Answer) -> usize {
    let Answer::Result(output) = answer else { return 0 };
    output.rows.iter().filter(|row| row.labels.contains_key("__name__")).count()
}

/// A note that is worded otherwise, or was not there yet.
pub(super) struct Note {
    pub(super) since: &'static str,
    pub(super) what: &'static str,
    /// The note as it is compared; `None` takes it out of the comparison.
    compared: fn(&str) -> Option<String>,
}

pub(super) const NOTES: &[Note] = &[
    Note {
        since: "3.6 to 3.14",
        what: "resets that contradict each other are warned of",
        compared: |note| (!note.contains("conflicting counter resets")).then(|| note.into()),
    },
    Note {
        since: "3.12",
        what: "sorting in a range query is warned of",
        compared: |note| (!note.contains("sort is ineffective for range")).then(|| note.into()),
    },
    Note {
        since: "3.6 to 3.14",
        what: "notes name the metric only where its name is still known",
        compared: |note| {
            let concerned = ["has a malformed value of ", "needed to be fixed for monotonicity"];
            if !concerned.iter().any(|words| note.contains(words)) {
                return Some(note.to_owned());
            }
            let (before, rest) = note.split_once(" for metric name ").unwrap_or((note, ""));
            let place = rest.rsplit_once(" (").map(|(_, place)| format!(" ({place}"));
            Some(format!("{before}{}", place.unwrap_or_default()))
        },
    },
];

/// Notes without what is known to be said otherwise.
fn compared(notes: &BTreeSet<String>) -> BTreeSet<String> {
    let compared =
        |note: &String| NOTES.iter().try_fold(note.clone(), |note, known| (known.compared)(&note));
    notes.iter().filter_map(compared).collect()
}

/// What differs between two errors.
pub(super) fn different_errors(ours: &Answer, theirs: &Answer) -> Option<String> {
    let (Answer::Error(kind, text), Answer::Error(their_kind, their_text)) = (ours, theirs) else {
        return Some("one fails".to_owned());
    };
    let same = kind == their_kind && without_labels(text) == without_labels(their_text);
    (!same).then(|| "the errors differ".to_owned())
}

/// What an error says without the labels of the series that it met first, which depend on the order
/// of a hash table.
fn without_labels(text: &str) -> String {
    match (text.find("match group {"), text.rfind("];")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
        _ => text.to_owned(),
    }
}

/// What differs between the notes of two results. They show ten of a kind at most.
pub(super) fn different_notes(ours: &Output, theirs: &Output) -> Option<String> {
    let pairs = [(&ours.warnings, &theirs.warnings), (&ours.infos, &theirs.infos)];
    let differs = pairs.into_iter().any(|(ours, theirs)| {
        let cut = theirs.iter().any(|note| note.contains("annotations omitted"));
        !cut && compared(ours) != compared(theirs)
    });
    let all = (&ours.warnings, &ours.infos, &theirs.warnings, &theirs.infos);
    differs.then(|| format!("ours are {:?} {:?}, theirs {:?} {:?}", all.0, all.1, all.2, all.3))
}
