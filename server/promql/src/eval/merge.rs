//! Brings together what comes in parts: series with equal labels and samples at different steps.

use common_model::Labels;
use hashbrown::HashMap;

use super::{Eval, Sink};
use crate::engine::QueryError;
use crate::value::{Column, Track};

/// Collects tracks; those of equal labels become one. Two samples at one step are an error.
pub(crate) struct Merger<'e, 'q> {
    eval: &'e Eval<'q>,
    tracks: Vec<Track>,
    places: HashMap<Labels, usize>,
    samples: usize,
    bytes: usize,
}

impl<'e, 'q> Merger<'e, 'q> {
    pub(crate) fn new(eval: &'e Eval<'q>) -> Merger<'e, 'q> {
        Merger { eval, tracks: Vec::new(), places: HashMap::new(), samples: 0, bytes: 0 }
    }

    /// Adds a track, taking its column.
    pub(crate) fn push(&mut self, track: &mut Track) -> Result<(), QueryError> {
        // A track without samples says nothing about the name either.
        let samples = track.column.samples();
        if samples == 0 {
            return Ok(());
        }
        if let Some(&place) = self.places.get(&track.labels) {
            let kept = &mut self.tracks[place];
            // Whether the name stays is said by the sample that comes first, as in the original.
            if track.column.first() < kept.column.first() {
                kept.drop_name = track.drop_name;
            }
            return merge(&mut kept.column, &track.column);
        }
        let column = std::mem::take(&mut track.column);
        let bytes = column.heap_bytes() + track.labels.heap_bytes() + 2 * size_of::<Track>();
        self.eval.budget.charge(samples, bytes)?;
        self.samples += samples;
        self.bytes += bytes;
        self.places.insert(track.labels.clone(), self.tracks.len());
        let (labels, drop_name) = (track.labels.clone(), track.drop_name);
        self.tracks.push(Track { labels, drop_name, column });
        Ok(())
    }

    /// Hands on what was collected, in the order in which it came.
    pub(crate) fn drain(self, sink: &mut Sink<'_>) -> Result<(), QueryError> {
        let Merger { eval, tracks, places, samples, bytes, .. } = self;
        drop(places);
        for mut track in tracks {
            if !track.column.is_blank() {
                sink(&mut track)?;
            }
        }
        eval.budget.release(samples, bytes);
        Ok(())
    }
}

fn merge(into: &mut Column, from: &Column) -> Result<(), QueryError> {
    for step in 0..from.len() {
        if !from.has(step) {
            continue;
        }
        if into.has(step) {
            return Err(same_labelset());
        }
        into.copy_from(step, from, step);
    }
    Ok(())
}

/// The error of two samples that nothing tells apart.
pub(crate) fn same_labelset() -> QueryError {
    QueryError::execution("vector cannot contain metrics with the same labelset")
}
