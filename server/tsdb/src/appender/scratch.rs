//! Buffers that a batch fills and gives back: one batch after the other needs the same.

use parking_lot::Mutex;

use crate::wal::record::RefSample;
use crate::wal::writer::Packer;

/// As many batches are under way at a time on a small host.
const KEPT_MAX: usize = 2;
/// Buffers of more samples than that are not kept.
const KEPT_SAMPLES_MAX: usize = 1 << 16;

/// The buffers of one batch, empty while nobody uses them.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) floats: Vec<RefSample>,
    pub(crate) packer: Packer,
}

/// Buffers that no batch uses now.
#[derive(Debug, Default)]
pub(crate) struct Scratches(Mutex<Vec<Scratch>>);

impl Scratches {
    pub(crate) fn take(&self) -> Scratch {
        self.0.lock().pop().unwrap_or_default()
    }

    pub(crate) fn give(&self, mut scratch: Scratch) {
        // The packer's buffers are as long as the records of these samples.
        if scratch.floats.capacity() > KEPT_SAMPLES_MAX {
            return;
        }
        let mut kept = self.0.lock();
        if kept.len() < KEPT_MAX {
            scratch.floats.clear();
            kept.push(scratch);
        }
    }
}
