//! One series over all steps of an evaluation.

use std::sync::Arc;

use common_model::{FloatHistogram, Labels, STALE_NAN};

/// Stands for "no sample at this step". No computation yields these bits, and the stale marker
/// itself never gets past a selector.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN);

/// Whether a value of a column stands for "no sample".
#[inline]
pub(crate) fn is_absent(value: f64) -> bool {
    value.to_bits() == STALE_NAN
}

/// What stands at one step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Point<'a> {
    /// Nothing.
    Absent,
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(&'a Arc<FloatHistogram>),
}

/// One value a step. `histograms` is empty while there are only floats, else as long as `values`,
/// which then holds zero where a histogram stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    pub(crate) values: Vec<f64>,
    pub(crate) histograms: Vec<Option<Arc<FloatHistogram>>>,
}

impl Column {
    /// A column without samples.
    pub(crate) fn absent(steps: usize) -> Column {
        Column { values: vec![ABSENT; steps], histograms: Vec::new() }
    }

    /// Makes it a column of `steps` without samples, keeping the memory.
    pub(crate) fn reset(&mut self, steps: usize) {
        self.values.clear();
        self.values.resize(steps, ABSENT);
        self.histograms.clear();
    }

    /// Number of steps.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is a sample at a step.
    #[inline]
    pub(crate) fn has(&self, step: usize) -> bool {
        !is_absent(self.values[step])
    }

    /// Whether there is no sample at all.
    pub(crate) fn is_blank(&self) -> bool {
        self.values.iter().all(|&v| is_absent(v))
    }

    /// The step of the first sample.
    pub(crate) fn first(&self) -> Option<usize> {
        self.values.iter().position(|&v| !is_absent(v))
    }

    /// How many samples there are.
    pub(crate) fn samples(&self) -> usize {
        self.values.iter().filter(|&&v| !is_absent(v)).count()
    }

    /// The sample at a step.
    #[inline]
    pub(crate) fn get(&self, step: usize) -> Point<'_> {
        if let Some(Some(histogram)) = self.histograms.get(step) {
            return Point::Histogram(histogram);
        }
        let value = self.values[step];
        if is_absent(value) { Point::Absent } else { Point::Float(value) }
    }

    /// Puts a float at a step.
    #[inline]
    pub(crate) fn set(&mut self, step: usize, value: f64) {
        self.values[step] = value;
        if let Some(place) = self.histograms.get_mut(step) {
            *place = None;
        }
    }

    /// Takes the sample at a step away.
    #[inline]
    pub(crate) fn clear(&mut self, step: usize) {
        self.set(step, ABSENT);
    }

    /// Puts a histogram at a step.
    pub(crate) fn set_histogram(&mut self, step: usize, histogram: Arc<FloatHistogram>) {
        self.histograms.resize(self.values.len(), None);
        self.values[step] = 0.0;
        self.histograms[step] = Some(histogram);
    }

    /// Puts a copy of another column's sample at a step.
    pub(crate) fn copy_from(&mut self, step: usize, other: &Column, from: usize) {
        match other.get(from) {
            Point::Absent => self.clear(step),
            Point::Float(value) => self.set(step, value),
            Point::Histogram(histogram) => self.set_histogram(step, histogram.clone()),
        }
    }

    /// Applies `f` to every float and takes histograms away.
    pub(crate) fn map_floats(&mut self, f: impl Fn(f64) -> f64) {
        for step in 0..self.values.len() {
            match self.get(step) {
                Point::Absent => {}
                Point::Float(value) => self.values[step] = f(value),
                Point::Histogram(_) => self.clear(step),
            }
        }
        self.histograms.clear();
    }

    /// Repeats the only step of a column.
    pub(crate) fn spread(&mut self, steps: usize) {
        debug_assert_eq!(self.values.len(), 1, "only one step can be spread");
        let value = self.values.first().copied().unwrap_or(ABSENT);
        self.values.resize(steps, value);
        if let Some(first) = self.histograms.first().cloned() {
            self.histograms.resize(steps, first);
        }
    }

    /// Bytes on the heap, for the memory budget; histograms shared with others are not counted.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<f64>()
            + self.histograms.capacity() * size_of::<Option<Arc<FloatHistogram>>>()
    }
}

/// A series on its way through the evaluator.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    pub(crate) labels: Labels,
    /// The metric name is to be dropped when the query ends (delayed name removal).
    pub(crate) drop_name: bool,
    pub(crate) column: Column,
}
