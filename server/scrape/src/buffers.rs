//! Buffers for pages, shared by all targets: each needs one for moments only.

use parking_lot::Mutex;

/// Buffers of one kind that are kept; as many are in use at a time on a small host.
const KEPT_MAX: usize = 2;

/// A buffer that grew beyond that is not kept.
const KEPT_BYTES_MAX: usize = 2 << 20;

/// Buffers that nobody uses now.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// For pages as they come over the wire.
    pub(crate) wire: Kept,
    /// For pages that came packed.
    pub(crate) unpacked: Kept,
}

/// Buffers of one kind, with what they were used for last.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Vec<Vec<u8>>>);

impl Kept {
    /// A buffer; what is in it means nothing.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.0.lock().pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn give(&self, buffer: Vec<u8>) {
        let mut kept = self.0.lock();
        if kept.len() < KEPT_MAX && buffer.capacity() <= KEPT_BYTES_MAX {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_unless_it_is_too_large() {
        let kept = Kept::default();
        kept.give(Vec::with_capacity(1000));
        kept.give(Vec::with_capacity(KEPT_BYTES_MAX + 1));
        let back = kept.take();
        assert!(back.capacity() >= 1000);
        assert_eq!(kept.take().capacity(), 0);
        for _ in 0..5 {
            kept.give(Vec::with_capacity(10));
        }
        assert_eq!(kept.0.lock().len(), KEPT_MAX);
    }
}
