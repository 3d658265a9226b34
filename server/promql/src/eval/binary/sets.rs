//! `and`, `or`, `unless`.

use super::super::groups::{Grouping, Groups};
use super::super::{Eval, Grid, Merger, Sink};
use super::steps::Steps;
use crate::ast::{Binary, BinaryOp, Matching};
use crate::engine::QueryError;
use crate::value::Track;

/// At which steps a signature was seen, for every signature.
struct Seen<'m> {
    signatures: Groups<'m>,
    steps: Vec<Steps>,
    bytes: usize,
}

impl Eval<'_> {
    pub(super) fn sets(
        &self,
        binary: &Binary,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let default = Matching::default();
        let matching = binary.matching.as_ref().unwrap_or(&default);
        if binary.op == BinaryOp::Or {
            return self.union(binary, matching, grid, sink);
        }
        let mut seen = Seen {
            signatures: Groups::new(Grouping::of_matching(matching)),
            steps: Vec::new(),
            bytes: 0,
        };
        self.vector(&binary.right, grid, &mut |track| self.note(&mut seen, track))?;
        let keep_matched = binary.op == BinaryOp::And;
        self.vector(&binary.left, grid, &mut |track| {
            let steps = seen.signatures.find(&track.labels).map(|n| &seen.steps[n]);
            for step in 0..track.column.len() {
                if steps.is_some_and(|s| s.has(step)) != keep_matched {
                    track.column.clear(step);
                }
            }
            if track.column.is_blank() { Ok(()) } else { sink(track) }
        })?;
        self.budget.release(0, seen.bytes);
        Ok(())
    }

    /// Series of the right side that have the labels of one of the left side continue it, so
    /// everything waits for everything.
    fn union(
        &self,
        binary: &Binary,
        matching: &Matching,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let mut seen = Seen {
            signatures: Groups::new(Grouping::of_matching(matching)),
            steps: Vec::new(),
            bytes: 0,
        };
        let mut merger = Merger::new(self);
        self.vector(&binary.left, grid, &mut |track| {
            self.note(&mut seen, track)?;
            merger.push(track)
        })?;
        self.vector(&binary.right, grid, &mut |track| {
            if let Some(number) = seen.signatures.find(&track.labels) {
                for step in 0..track.column.len() {
                    if seen.steps[number].has(step) {
                        track.column.clear(step);
                    }
                }
            }
            merger.push(track)
        })?;
        self.budget.release(0, seen.bytes);
        merger.drain(sink)
    }

    fn note(&self, seen: &mut Seen<'_>, track: &Track) -> Result<(), QueryError> {
        let (number, is_new) = seen.signatures.place(&track.labels);
        if is_new {
            let steps = Steps::none(track.column.len());
            let bytes = steps.heap_bytes() + track.labels.heap_bytes();
            self.budget.charge(0, bytes)?;
            seen.bytes += bytes;
            seen.steps.push(steps);
        }
        for step in 0..track.column.len() {
            if track.column.has(step) {
                seen.steps[number].set(step);
            }
        }
        Ok(())
    }
}
