//! How long programs take for a line.

use std::time::Duration;

/// Upper bounds of the buckets in seconds: those of mtail, 20 microseconds doubled nine times.
pub(crate) const BOUNDS: [f64; 10] = [
    0.000_02, 0.000_04, 0.000_08, 0.000_16, 0.000_32, 0.000_64, 0.001_28, 0.002_56, 0.005_12,
    0.010_24,
];

/// The distribution of times of one program.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Timing {
    counts: [u64; BOUNDS.len()],
    pub(crate) count: u64,
    pub(crate) sum_s: f64,
}

impl Timing {
    /// Notes the time that so many lines took together; each of them took its part.
    #[expect(clippy::cast_precision_loss, reason = "fewer lines than bytes in memory")]
    pub(crate) fn note(&mut self, taken: Duration, lines: u64) {
        let taken_s = taken.as_secs_f64() / lines.max(1) as f64;
        if let Some(bucket) = BOUNDS.iter().position(|bound| taken_s <= *bound) {
            self.counts[bucket] += lines;
        }
        self.count += lines;
        self.sum_s += taken.as_secs_f64();
    }

    /// Bounds and how many lines took no longer; the last one has no bound.
    #[expect(clippy::cast_precision_loss, reason = "the formats have floats only")]
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (f64, f64)> {
        let mut sum = 0;
        let counted = BOUNDS.iter().zip(&self.counts);
        let counted = counted.map(move |(bound, count)| {
            sum += count;
            (*bound, sum as f64)
        });
        counted.chain([(f64::INFINITY, self.count as f64)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_batch_took_the_same_time() {
        let mut timing = Timing::default();
        timing.note(Duration::from_micros(20 * 64), 64);
        timing.note(Duration::from_micros(21), 1);
        timing.note(Duration::from_secs(2), 2);
        let buckets: Vec<(f64, f64)> = timing.buckets().collect();
        assert_eq!(buckets[0], (0.000_02, 64.0));
        assert_eq!(buckets[1], (0.000_04, 65.0));
        assert_eq!(buckets[9], (0.010_24, 65.0));
        assert_eq!(buckets[10], (f64::INFINITY, 67.0));
        assert!((timing.sum_s - 2.001_301).abs() < 1e-9, "{}", timing.sum_s);
    }
}
