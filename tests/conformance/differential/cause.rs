//! What the causes of differences look like in the answers.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, Cell, Output, difference, same_cell};

/// A piece of a query that was answered differently, though its parts were not.
pub(super) struct Case<'a> {
    pub(super) query: &'a str,
    pub(super) ours: &'a Answer,
    pub(super) theirs: &'a Answer,
}

/// Relative difference of numbers of which only the last digits differ.
const LAST_DIGITS: f64 = 1e-9;

impl Case<'_> {
    /// Whether the piece is a call of one of these.
    pub(super) fn is_call(&self, names: &[&str]) -> bool {
        let name = self.query.split(['(', ' ']).next().unwrap_or_default();
        names.contains(&name)
    }

    pub(super) fn both_answer(&self) -> bool {
        self.results().is_some()
    }

    /// Whether the answers are those of a range query.
    pub(super) fn are_ranges(&self) -> bool {
        self.results()
            .is_some_and(|(ours, theirs)| ours.kind == "matrix" && theirs.kind == "matrix")
    }

    pub(super) fn ours_fail(&self, words: &str) -> bool {
        matches!(self.ours, Answer::Error(_, text) if text.contains(words))
    }

    pub(super) fn theirs_fail(&self, words: &str) -> bool {
        matches!(self.theirs, Answer::Error(_, text) if text.contains(words))
    }

    pub(super) fn ours_note(&self, words: &str) -> bool {
        notes(self.ours).any(|note| note.contains(words))
    }

    pub(super) fn theirs_note(&self, words: &str) -> bool {
        notes(self.theirs).any(|note| note.contains(words))
    }

    /// Our notes that contain some words, without their places.
    pub(super) fn notes_of_ours(&self, words: &str) -> Vec<&str> {
        let texts = notes(self.ours).map(|note| note.rsplit_once(" (").map_or(note, |pair| pair.0));
        texts.filter(|text| text.contains(words)).collect()
    }

    pub(super) fn has_note_twice(&self) -> bool {
        let notes = self.notes_of_ours("");
        notes.iter().enumerate().any(|(at, note)| notes[..at].contains(note))
    }

    /// The cells of both that differ; nothing where series, times or types do.
    fn differing(&self) -> Option<Vec<(&Cell, &Cell)>> {
        let (ours, theirs) = self.results()?;
        if ours.kind != theirs.kind || ours.rows.len() != theirs.rows.len() {
            return None;
        }
        let rows: BTreeMap<_, _> = theirs.rows.iter().map(|row| (&row.labels, row)).collect();
        let mut cells = Vec::new();
        for row in &ours.rows {
            let other = rows.get(&row.labels)?;
            if row.points.len() != other.points.len() {
                return None;
            }
            for ((time, a), (other_time, b)) in row.points.iter().zip(&other.points) {
                if time != other_time {
                    return None;
                }
                if !same_cell(a, b) {
                    cells.push((a, b));
                }
            }
        }
        Some(cells)
    }

    fn results(&self) -> Option<(&Output, &Output)> {
        match (self.ours, self.theirs) {
            (Answer::Result(ours), Answer::Result(theirs)) => Some((ours, theirs)),
            _ => None,
        }
    }

    fn all_differing(&self, explained: impl Fn(&Cell, &Cell) -> bool) -> bool {
        self.differing()
            .is_some_and(|cells| !cells.is_empty() && cells.iter().all(|(a, b)| explained(a, b)))
    }

    /// Whether all that differs is floats of which this holds, ours first.
    pub(super) fn floats_differ(&self, holds: impl Fn(f64, f64) -> bool) -> bool {
        self.all_differing(|a, b| match (a, b) {
            (Cell::Float(ours), Cell::Float(theirs)) => holds(*ours, *theirs),
            _ => false,
        })
    }

    /// Whether the answers are equal but for names of metrics, which only they have.
    pub(super) fn only_they_have_names(&self) -> bool {
        let Some((ours, theirs)) = self.results() else { return false };
        let named = |output: &Output| {
            output.rows.iter().filter(|row| row.labels.contains_key("__name__")).count()
        };
        let mut nameless = theirs.clone();
        for row in &mut nameless.rows {
            row.labels.remove("__name__");
        }
        named(ours) == 0 && named(theirs) > 0 && difference(ours, &nameless, false).is_none()
    }

    /// Whether only they have names, or cannot be without them.
    pub(super) fn lost_names(&self) -> bool {
        let same = "vector cannot contain metrics with the same labelset";
        self.only_they_have_names() || self.ours_fail(same) && self.only_names_keep_theirs_apart()
    }

    /// Whether both have the same series, perhaps in another order.
    pub(super) fn same_series(&self) -> bool {
        let labels = |output: &Output| -> BTreeSet<_> {
            output.rows.iter().map(|row| row.labels.clone()).collect()
        };
        self.results().is_some_and(|(ours, theirs)| labels(ours) == labels(theirs))
    }

    /// Whether a text of the query is a label that some of the series have and others do not.
    pub(super) fn a_label_is_missing_somewhere(&self) -> bool {
        let Some((ours, _)) = self.results() else { return false };
        self.query.split('"').skip(1).step_by(2).any(|name| {
            let having = ours.rows.iter().filter(|row| row.labels.contains_key(name)).count();
            having > 0 && having < ours.rows.len()
        })
    }

    /// Whether both are one series, and differ only in labels that the query matches twice.
    pub(super) fn labels_named_twice_differ(&self) -> bool {
        let Some((ours, theirs)) = self.results() else { return false };
        let ([ours], [theirs]) = (ours.rows.as_slice(), theirs.rows.as_slice()) else {
            return false;
        };
        let named = |name: &str| {
            let matched = [format!("{name}="), format!("{name}!")];
            matched.iter().map(|text| self.query.matches(text.as_str()).count()).sum::<usize>()
        };
        let differs = |name: &&String| ours.labels.get(*name) != theirs.labels.get(*name);
        let mut different = ours.labels.keys().chain(theirs.labels.keys()).filter(differs);
        different.all(|name| named(name) > 1) && ours.labels != theirs.labels
    }

    /// Whether some of their series would be one at some time if it were not for their names.
    fn only_names_keep_theirs_apart(&self) -> bool {
        let Answer::Result(theirs) = self.theirs else { return false };
        let mut met = BTreeSet::new();
        theirs.rows.iter().any(|row| {
            let mut labels = row.labels.clone();
            labels.remove("__name__");
            row.points.iter().any(|(time, _)| !met.insert((labels.clone(), *time)))
        })
    }

    /// Whether our histograms have infinities where theirs have no numbers.
    pub(super) fn histograms_are_infinite_for_nan(&self) -> bool {
        let fits =
            |ours: f64, theirs: f64| near(ours, theirs) || !ours.is_finite() && theirs.is_nan();
        self.all_differing(|a, b| {
            let (Cell::Histogram(count, sum, a), Cell::Histogram(their_count, their_sum, b)) =
                (a, b)
            else {
                return false;
            };
            fits(*count, *their_count)
                && fits(*sum, *their_sum)
                && a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| fits(a[2], b[2]))
        })
    }

    /// Whether histograms are equal but for the signs of zeros.
    pub(super) fn histograms_differ_in_zeros(&self) -> bool {
        self.all_differing(|a, b| match (a, b) {
            (Cell::Histogram(count, sum, a), Cell::Histogram(their_count, their_sum, b)) => {
                near(*count, *their_count) && near(*sum, *their_sum) && a == b
            }
            _ => false,
        })
    }

    /// Whether both fail, each with an error of its own that is no mistake of grammar.
    pub(super) fn sides_fail_otherwise(&self) -> bool {
        match (self.ours, self.theirs) {
            (Answer::Error(kind, _), Answer::Error(their_kind, _)) => {
                kind == "execution" && their_kind == "execution" && self.query.contains(") ")
            }
            _ => false,
        }
    }

    /// Whether the samples are the same and our notes theirs too.
    pub(super) fn they_only_have_more_notes(&self) -> bool {
        self.differing().is_some_and(|cells| cells.is_empty())
            && notes(self.ours).all(|note| notes(self.theirs).any(|other| other == note))
    }

    /// Whether all their samples are ours too.
    pub(super) fn they_lack_samples(&self) -> bool {
        let Some((ours, theirs)) = self.results() else { return false };
        theirs.rows.iter().all(|row| {
            let same = ours.rows.iter().find(|our_row| our_row.labels == row.labels);
            same.is_some_and(|ours| row.points.iter().all(|point| ours.points.contains(point)))
        })
    }

    /// Whether both give as many samples at the same times.
    pub(super) fn as_many_at_each_time(&self) -> bool {
        let Some((ours, theirs)) = self.results() else { return false };
        let counts = |output: &Output| -> Vec<(i64, usize)> {
            values_by_time(output).into_iter().map(|(time, values)| (time, values.len())).collect()
        };
        counts(ours) == counts(theirs)
    }

    pub(super) fn only_histograms_differ(&self) -> bool {
        self.all_differing(|a, b| matches!((a, b), (Cell::Histogram(..), Cell::Histogram(..))))
    }

    /// Whether our histograms are theirs times a number below one.
    pub(super) fn histograms_are_less_by_one_factor(&self) -> bool {
        self.all_differing(|a, b| {
            let (Cell::Histogram(count, sum, buckets), Cell::Histogram(theirs, their_sum, others)) =
                (a, b)
            else {
                return false;
            };
            let factor = count / theirs;
            let fits = |a: f64, b: f64| near(a, b * factor);
            (0.0..1.0).contains(&factor)
                && fits(*sum, *their_sum)
                && buckets.len() == others.len()
                && buckets.iter().zip(others).all(|(a, b)| fits(a[2], b[2]))
        })
    }

    /// Whether both give the same numbers at the same times, if for other series.
    pub(super) fn same_values_in_other_series(&self) -> bool {
        let Some((ours, theirs)) = self.results() else { return false };
        values_by_time(ours) == values_by_time(theirs)
    }

    /// Whether the series differ in nothing but last digits of numbers in label values.
    pub(super) fn labels_differ_in_last_digits(&self) -> bool {
        let Some((ours, theirs)) = self.results() else { return false };
        let labels = |output: &Output| -> Vec<String> {
            let mut labels: Vec<_> =
                output.rows.iter().map(|row| rounded(&format!("{:?}", row.labels))).collect();
            labels.sort();
            labels
        };
        labels(ours) == labels(theirs)
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= LAST_DIGITS * a.abs().max(b.abs())
}

fn notes(answer: &Answer) -> impl Iterator<Item = &str> {
    let output = match answer {
        Answer::Result(output) => Some(output),
        Answer::Error(..) => None,
    };
    output.into_iter().flat_map(|o| o.warnings.iter().chain(&o.infos)).map(String::as_str)
}

fn values_by_time(output: &Output) -> BTreeMap<i64, Vec<String>> {
    let mut values: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for (time, cell) in output.rows.iter().flat_map(|row| &row.points) {
        let text = match cell {
            Cell::Float(value) => format!("{value:.9e}"),
            _ => format!("{cell:?}"),
        };
        values.entry(*time).or_default().push(text);
    }
    values.values_mut().for_each(|values| values.sort());
    values
}

/// A text with its numbers cut to nine digits.
fn rounded(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || "+-.e".contains(c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(from) = rest.find(is_part) {
        let (before, number) = rest.split_at(from);
        let to = number.find(|c| !is_part(c)).unwrap_or(number.len());
        out.push_str(before);
        match number[..to].parse::<f64>() {
            Ok(value) => out.push_str(&format!("{value:.8e}")),
            Err(_) => out.push_str(&number[..to]),
        }
        rest = &number[to..];
    }
    out + rest
}
