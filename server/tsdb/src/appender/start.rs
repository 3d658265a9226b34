//! Since when samples count, which is said of each after it was offered.

use super::Batch;

/// What the sample became that a batch was offered last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Newest {
    /// Nothing: it was refused, or is there already.
    Nothing,
    /// A float.
    Float,
    /// A histogram of a series of which so many samples waited.
    Histogram { pending: u32 },
    /// One out of order.
    Late,
}

impl Batch {
    /// Says since when the sample counts that was offered last; zero where that is not known.
    pub(super) fn start_newest(&mut self, start: i64) {
        match self.newest {
            _ if start == 0 => {}
            Newest::Nothing => {}
            Newest::Float => self.samples.start_float(start),
            Newest::Histogram { pending } => self.samples.start_histogram(start, pending),
            Newest::Late => {
                if let Some((_, late)) = self.late.last_mut() {
                    late.start = start;
                }
            }
        }
    }
}
