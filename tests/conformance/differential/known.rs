//! What changed in the language between Prometheus 3.5.3, the peer, and 3.14, which this is.

use std::collections::BTreeSet;

use super::answer::{Answer, Output};
pub(super) use super::cause::Case;

/// One change.
pub(super) struct Change {
    /// The release with the change; `always` where the original still does so.
    pub(super) since: &'static str,
    pub(super) what: &'static str,
    /// Whether it explains why a piece of a query is answered differently, whose parts are not.
    pub(super) explains: fn(&Case<'_>) -> bool,
}

/// All changes that random queries run into.
pub(super) const CHANGES: &[Change] = &[
    Change {
        since: "3.8",
        what: "custom buckets with other bounds are reconciled, not refused (#17278)",
        explains: |case| {
            case.ours_note("mismatched custom buckets were reconciled")
                && case.theirs_note("incompatible")
        },
    },
    Change {
        since: "3.6",
        what: "rates of native histograms are not extrapolated below zero (#16828)",
        explains: |case| {
            case.is_call(&["rate", "increase"]) && case.histograms_are_less_by_one_factor()
        },
    },
    Change {
        since: "3.6",
        what: "native histograms in subqueries are not changed by who uses them (#16879)",
        explains: |case| {
            case.query.contains(")[")
                && case.is_call(&["rate", "increase", "irate", "idelta", "delta"])
                && case.only_histograms_differ()
        },
    },
    Change {
        since: "3.14",
        what: "info() looks for info series at the time after @ and offset (#19266)",
        explains: |case| {
            case.is_call(&["info"])
                && (case.query.contains(" @ ") || case.query.contains("offset"))
                && case.both_answer()
        },
    },
    Change {
        since: "3.8",
        what: "info() in a range query keeps info series apart that take turns (#17135, #17199)",
        explains: |case| case.is_call(&["info"]) && case.are_ranges() && case.both_answer(),
    },
    Change {
        since: "3.10",
        what: "info() keeps series that have no label of a target, or a label of the info series \
               already (#17817, #17898)",
        explains: |case| case.is_call(&["info"]) && case.they_lack_samples(),
    },
    Change {
        since: "after 3.14",
        what: "names that are dropped at the end are dropped also after info() (#19413)",
        explains: |case| case.is_call(&["info"]) && case.lost_names(),
    },
    Change {
        since: "3.13",
        what: "subqueries do not look further than the last step (#18081), so that notes of what \
               lies there are not shown",
        explains: |case| {
            case.query.contains(")[") && case.are_ranges() && case.they_only_have_more_notes()
        },
    },
    Change {
        since: "3.9",
        what: "series that take turns are one when their names are dropped at the end (#17678)",
        explains: |case| {
            !case.ours.is_error()
                && case.theirs_fail("vector cannot contain metrics with the same labelset")
        },
    },
    Change {
        since: "3.9",
        what: "what a comparison filters out counts for one-to-one matching too (#17668)",
        explains: |case| case.ours_fail("multiple matches for labels") && !case.theirs.is_error(),
    },
    Change {
        since: "3.8",
        what: "histogram_fraction of classic buckets is a number where the lower bound lies in the \
               first bucket (#17424)",
        explains: |case| {
            case.is_call(&["histogram_fraction"]) && case.floats_differ(|_, theirs| theirs.is_nan())
        },
    },
    Change {
        since: "3.14",
        what: "mad_over_time of NaN is NaN",
        explains: |case| {
            case.is_call(&["mad_over_time"]) && case.floats_differ(|ours, _| ours.is_nan())
        },
    },
    Change {
        since: "3.12",
        what: "names that are dropped at the end are dropped also after last_over_time of a \
               subquery (#18409)",
        explains: |case| case.query.contains(")[") && case.lost_names(),
    },
    Change {
        since: "3.11",
        what: "averages of histograms are sums divided, so that infinity is not lost to NaN \
               (#15687)",
        explains: |case| {
            case.is_call(&["avg", "avg_over_time"]) && case.histograms_are_infinite_for_nan()
        },
    },
    Change {
        since: "always",
        what: "the original reads no buckets where counts and sums are all that is asked for, and \
               then misses resets that only buckets of gauges show",
        explains: |case| {
            ["histogram_count(", "histogram_sum(", "histogram_avg("]
                .iter()
                .any(|name| case.query.contains(name))
                && case.ours_note("this native histogram metric is not a counter")
                && (case.floats_differ(|_, _| true) || case.is_call(&["count_values", "info"]))
        },
    },
    Change {
        since: "always",
        what: "timestamp() of a selector with @ and offset gives the times of the samples that the \
               offset leads to, the original those near the time after @",
        explains: |case| {
            case.is_call(&["timestamp"])
                && case.query.contains("offset")
                && case.query.contains(" @ ")
                && case.both_answer()
        },
    },
    Change {
        since: "always",
        what: "what is left of large numbers that are nearly equal has few digits, and which \
               depends on the order of the series",
        explains: |case| {
            let calls = ["stdvar", "stddev", "stdvar_over_time", "stddev_over_time"];
            let few = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-6);
            case.is_call(&calls) && case.floats_differ(few)
        },
    },
    Change {
        since: "3.11",
        what: "sums of histograms have a positive zero where all is zero (#15687)",
        explains: |case| {
            case.is_call(&["sum", "avg", "sum_over_time", "avg_over_time"])
                && case.histograms_differ_in_zeros()
        },
    },
    Change {
        since: "always",
        what: "of two errors on the two sides of an operator either may come first",
        explains: |case| case.sides_fail_otherwise(),
    },
    Change {
        since: "always",
        what: "slopes of values that are nearly equal have few digits",
        explains: |case| {
            let few = |a: f64, b: f64| (a - b).abs() <= 1e-2 * a.abs().max(b.abs());
            case.is_call(&["deriv", "predict_linear"]) && case.floats_differ(few)
        },
    },
    Change {
        since: "always",
        what: "the last digit of a large number decides what its remainder is",
        explains: |case| case.query.contains(" % ") && case.floats_differ(|_, _| true),
    },
    Change {
        since: "always",
        what: "the original's exp is infinite already from 2^1023.5 on",
        explains: |case| {
            case.is_call(&["exp", "cosh", "sinh"])
                && case.floats_differ(|ours, theirs| ours.abs() > 4e307 && theirs.is_infinite())
        },
    },
    Change {
        since: "always",
        what: "logarithms of numbers below the normal ones are right here",
        explains: |case| {
            case.is_call(&["log10", "log2", "ln"])
                && case.floats_differ(|ours, theirs| ours < -300.0 && ours < theirs)
        },
    },
    Change {
        since: "always",
        what: "the original's order of zeros of either sign is that of a sort that is not stable",
        explains: |case| case.floats_differ(|ours, theirs| ours == 0.0 && theirs == 0.0),
    },
    Change {
        since: "always",
        what: "limitk takes the first series, and the original's come in the order of a hash table",
        explains: |case| case.is_call(&["limitk"]) && case.as_many_at_each_time(),
    },
    Change {
        since: "always",
        what: "the original meets series in the order of a hash table, and of equals takes the first",
        explains: |case| case.is_call(&["topk", "bottomk"]) && case.same_values_in_other_series(),
    },
    Change {
        since: "always",
        what: "the original's bounds of exponential buckets are off by a last digit, seen as text",
        explains: |case| case.query.contains("count_values") && case.labels_differ_in_last_digits(),
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
        what: "the original's order by a label that is missing somewhere contradicts itself",
        explains: |case| {
            case.is_call(&["sort_by_label", "sort_by_label_desc"])
                && case.same_series()
                && case.a_label_is_missing_somewhere()
        },
    },
    Change {
        since: "always",
        what: "the original's store puts the matchers of a selector into another order, by which \
               absent() decides where several name one label",
        explains: |case| {
            case.is_call(&["absent", "absent_over_time"]) && case.labels_named_twice_differ()
        },
    },
    Change {
        since: "always",
        what: "the last digit of a large power decides about the sine of it",
        explains: |case| {
            case.is_call(&["sin", "cos", "tan"])
                && (case.query.contains('^') || case.query.contains("exp("))
                && case.floats_differ(|_, _| true)
        },
    },
];

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
/// of a hash table, and without the numbers by which the original calls words without a name.
fn without_labels(text: &str) -> String {
    let text = match (text.find("match group {"), text.rfind("];")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
        _ => text.to_owned(),
    };
    match text.split_once("\"<Item ") {
        Some((before, rest)) => {
            let after = rest.split_once("\" ").map_or(rest, |(_, after)| after);
            format!("{before}{after}")
        }
        None => text,
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
