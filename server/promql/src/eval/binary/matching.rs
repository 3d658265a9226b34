//! Operators between two vectors: one to one, `group_left`, `group_right`, `fill`.

use common_model::Labels;

use super::super::groups::{Grouping, Groups};
use super::super::{Eval, Grid, Merger, Sink, invariant, is_metadata_label};
use super::element::{Element, Outcome};
use super::is_swapped;
use super::steps::Steps;
use crate::ast::{Binary, Cardinality, Matching};
use crate::engine::QueryError;
use crate::value::{Column, Point, Track};

/// What a series of the "one" side takes beside its column and labels: itself, its signature with
/// its number, and the list of those that share it. Tables that grow are up to half empty.
const ONE_BYTES: usize = 2 * (size_of::<Track>() + size_of::<One>() + size_of::<(Labels, usize)>());

/// How many points pass between two looks at the interrupt.
const POINTS_BETWEEN_CHECKS: usize = 64;

/// The series of the "one" side that share a signature. Usually it is one; several may take turns.
#[derive(Default)]
struct One {
    tracks: Vec<Track>,
    /// Steps at which a series of the "many" side met this signature.
    met: Option<Steps>,
}

/// Two series of the "one" side at one step: an error unless the other side is empty there.
struct Duplicate {
    step: usize,
    text: String,
}

struct Match<'a, 'q> {
    eval: &'a Eval<'q>,
    binary: &'a Binary,
    matching: &'a Matching,
    grid: Grid,
    swapped: bool,
    element: Element<'a, 'q>,
    ones: Vec<One>,
    duplicate_steps: Steps,
    many_steps: Steps,
    duplicates: Vec<Duplicate>,
    /// The labels that the "one" side gives, sorted.
    included: Vec<&'a str>,
    /// Points that were looked at since the query's end was.
    unchecked: usize,
    samples: usize,
    bytes: usize,
}

impl Eval<'_> {
    pub(super) fn matched(
        &self,
        binary: &Binary,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let default = Matching::default();
        let matching = binary.matching.as_ref().unwrap_or(&default);
        let swapped = is_swapped(binary);
        let (many, one) =
            if swapped { (&binary.right, &binary.left) } else { (&binary.left, &binary.right) };
        let mut signatures = Groups::new(Grouping::of_matching(matching));
        let mut included: Vec<&str> = matching.include.iter().map(String::as_str).collect();
        included.sort_unstable();
        included.dedup();
        let mut matcher = Match {
            eval: self,
            binary,
            matching,
            grid: *grid,
            swapped,
            element: Element::new(self, binary),
            ones: Vec::new(),
            duplicate_steps: Steps::none(grid.steps),
            many_steps: Steps::none(grid.steps),
            duplicates: Vec::new(),
            included,
            unchecked: 0,
            samples: 0,
            bytes: 0,
        };
        self.vector(one, grid, &mut |track| {
            let (number, _) = signatures.place(&track.labels);
            matcher.keep_one(number, track)
        })?;
        let mut merger = Merger::new(self);
        self.vector(many, grid, &mut |track| {
            let number = match matcher.filled_one_side() {
                Some(_) => Some(signatures.place(&track.labels).0),
                None => signatures.find(&track.labels),
            };
            matcher.many(number, track, &mut merger)
        })?;
        matcher.fill_many_side(&mut merger)?;
        matcher.check_duplicates(grid.steps)?;
        self.budget.release(matcher.samples, matcher.bytes);
        merger.drain(sink)
    }
}

impl Match<'_, '_> {
    /// What stands for a series missing on the "one" side. As upstream has it that is
    /// `fill_right` even under `group_right`, where the "one" side stands left.
    fn filled_one_side(&self) -> Option<f64> {
        self.matching.fill_right
    }

    /// What stands for a series missing on the "many" side.
    fn filled_many_side(&self) -> Option<f64> {
        self.matching.fill_left
    }

    /// The labels of a series that decide what it is matched with.
    fn signature(&self, labels: &Labels) -> Labels {
        Grouping::of_matching(self.matching).of(labels)
    }

    fn has_fill(&self) -> bool {
        self.matching.fill_left.is_some() || self.matching.fill_right.is_some()
    }

    fn one(&mut self, number: usize) -> &mut One {
        if number >= self.ones.len() {
            self.ones.resize_with(number + 1, One::default);
        }
        &mut self.ones[number]
    }

    fn keep_one(&mut self, number: usize, track: &mut Track) -> Result<(), QueryError> {
        let column = std::mem::take(&mut track.column);
        let bytes = column.heap_bytes() + 2 * track.labels.heap_bytes() + ONE_BYTES;
        self.eval.budget.charge(column.len(), bytes)?;
        self.samples += column.len();
        self.bytes += bytes;
        let (labels, drop_name) = (track.labels.clone(), track.drop_name);
        let mut track = Track { labels, drop_name, column };
        for step in 0..track.column.len() {
            if !track.column.has(step) {
                continue;
            }
            let earlier = self.one(number).tracks.iter().find(|t| t.column.has(step));
            let Some(earlier) = earlier.map(|t| t.labels.clone()) else { continue };
            // The first one goes on alone; whether it is an error depends on the other side.
            track.column.clear(step);
            if !self.duplicate_steps.set(step) {
                let text = self.duplicate_text(&earlier, &track.labels);
                self.duplicates.push(Duplicate { step, text });
            }
        }
        // Nearly always it is the only one.
        let tracks = &mut self.one(number).tracks;
        if tracks.is_empty() {
            tracks.reserve_exact(1);
        }
        tracks.push(track);
        Ok(())
    }

    fn duplicate_text(&self, first: &Labels, second: &Labels) -> String {
        let side = if self.swapped { "left" } else { "right" };
        // In the same order whatever order the store gives them in.
        let (first, second) = if first <= second { (first, second) } else { (second, first) };
        let group = self.signature(second);
        format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the \
             operation: [{first}, {second}];many-to-many matching not allowed: matching labels \
             must be unique on one side"
        )
    }

    fn many(
        &mut self,
        number: Option<usize>,
        track: &mut Track,
        merger: &mut Merger<'_, '_>,
    ) -> Result<(), QueryError> {
        for step in 0..track.column.len() {
            if track.column.has(step) {
                self.many_steps.set(step);
            }
        }
        let Some(number) = number else { return Ok(()) };
        self.one(number);
        // The tracks are lent out so that the bookkeeping of the signature can be written meanwhile.
        let ones = std::mem::take(&mut self.ones[number].tracks);
        for one in &ones {
            self.join(number, track, one, merger)?;
        }
        if let Some(fill) = self.filled_one_side() {
            let labels = self.signature(&track.labels);
            let mut one = Track { labels, ..self.filler(fill) };
            for step in 0..self.grid.steps {
                if ones.iter().any(|one| one.column.has(step)) {
                    one.column.clear(step);
                }
            }
            self.join(number, track, &one, merger)?;
        }
        self.ones[number].tracks = ones;
        Ok(())
    }

    fn filler(&self, value: f64) -> Track {
        let mut track = Track::default();
        track.column.values.resize(self.grid.steps, value);
        track
    }

    /// Unmatched series of the "one" side meet the fill value.
    fn fill_many_side(&mut self, merger: &mut Merger<'_, '_>) -> Result<(), QueryError> {
        let Some(fill) = self.filled_many_side() else { return Ok(()) };
        for number in 0..self.ones.len() {
            let ones = std::mem::take(&mut self.ones[number].tracks);
            for one in &ones {
                let labels = self.signature(&one.labels);
                let mut many = Track { labels, ..self.filler(fill) };
                for step in 0..self.grid.steps {
                    let met = self.ones[number].met.as_ref().is_some_and(|m| m.has(step));
                    if met || !one.column.has(step) {
                        many.column.clear(step);
                    }
                }
                self.join(number, &many, one, merger)?;
            }
            self.ones[number].tracks = ones;
        }
        Ok(())
    }

    /// Looks at the steps before `end`.
    fn check_duplicates(&self, end: usize) -> Result<(), QueryError> {
        let counts =
            |d: &&Duplicate| d.step < end && (self.many_steps.has(d.step) || self.has_fill());
        match self.duplicates.iter().filter(counts).min_by_key(|d| d.step) {
            Some(duplicate) => Err(QueryError::execution(duplicate.text.clone())),
            None => Ok(()),
        }
    }

    /// Applies the operator wherever both series have a sample.
    fn join(
        &mut self,
        number: usize,
        many: &Track,
        one: &Track,
        merger: &mut Merger<'_, '_>,
    ) -> Result<(), QueryError> {
        // Everything may meet everything here, so series alone are no measure.
        self.unchecked += self.grid.steps;
        if self.unchecked >= POINTS_BETWEEN_CHECKS {
            self.unchecked = 0;
            self.eval.check_interrupt()?;
        }
        let mut result = Track { column: Column::absent(self.grid.steps), ..Track::default() };
        let one_to_one = self.matching.cardinality == Cardinality::OneToOne;
        let met = self.ones[number].met.get_or_insert_with(|| Steps::none(self.grid.steps));
        let (mut is_match, mut met_again) = (false, None);
        for step in 0..self.grid.steps {
            let (a, b) = (many.column.get(step), one.column.get(step));
            if matches!(a, Point::Absent) || matches!(b, Point::Absent) {
                continue;
            }
            let (left, right) = if self.swapped { (b, a) } else { (a, b) };
            let outcome = self.element.apply(left, right);
            // What does not go together is no match, with `bool` neither.
            if matches!(outcome, Outcome::Refused) {
                continue;
            }
            is_match = true;
            // A sample meets one other at most.
            if met.set(step) && one_to_one {
                met_again = Some(step);
                break;
            }
            match outcome {
                Outcome::Refused => {}
                Outcome::Float(value) => result.column.set(step, value),
                Outcome::Histogram(histogram) => result.column.set_histogram(step, histogram),
                Outcome::Compared(holds) if self.binary.return_bool => {
                    result.column.set(step, if holds { 1.0 } else { 0.0 });
                }
                Outcome::Compared(false) => {}
                Outcome::Compared(true) => {
                    let kept = if self.swapped { &one.column } else { &many.column };
                    result.column.copy_from(step, kept, step);
                }
            }
        }
        if let Some(step) = met_again {
            // The "one" side is looked at before the samples of a step are joined.
            self.check_duplicates(step + 1)?;
            return Err(QueryError::execution(
                "multiple matches for labels: many-to-one matching must be explicit \
                 (group_left/group_right)",
            ));
        }
        if !is_match {
            return Ok(());
        }
        result.labels = self.result_labels(many, one);
        // A comparison that filters forgets that a name was to be dropped, as the original does.
        result.drop_name = self.binary.return_bool;
        // Within one match group equal results have their own message.
        merger.push(&mut result).map_err(|error| match error {
            QueryError::Execution(_) if !one_to_one => QueryError::execution(
                "multiple matches for labels: grouping labels must ensure unique matches",
            ),
            other => other,
        })
    }

    fn result_labels(&self, many: &Track, one: &Track) -> Labels {
        let changes = invariant::changes_metric(self.binary.op);
        let eager = !self.eval.options.delayed_name_removal;
        let is_nameless = changes || (eager && self.binary.return_bool);
        let listed = |name: &str| self.matching.labels.iter().any(|l| l == name);
        let stays = |name: &str| {
            !(is_nameless && is_metadata_label(name))
                && match (self.matching.cardinality, self.matching.on) {
                    (Cardinality::OneToOne, on) => listed(name) == on,
                    _ => true,
                }
        };
        if self.included.is_empty() {
            return many.labels.filter(stays);
        }
        let included = |name: &str| self.included.contains(&name);
        let of_many = many.labels.iter().filter(|(name, _)| stays(name) && !included(name));
        let of_one = self.included.iter().map(|name| (*name, one.labels.value(name)));
        Labels::from_sorted(merged(of_many, of_one.filter(|(_, value)| !value.is_empty())))
    }
}

/// Labels of two sets that have no name in common, in order of names.
fn merged<'l>(
    left: impl Iterator<Item = (&'l str, &'l str)>,
    right: impl Iterator<Item = (&'l str, &'l str)>,
) -> impl Iterator<Item = (&'l str, &'l str)> {
    let (mut left, mut right) = (left.peekable(), right.peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(a), Some(b)) if b < a => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
}
