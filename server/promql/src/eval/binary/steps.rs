//! Steps at which something was seen.

/// One bit a step.
#[derive(Clone, Debug)]
pub(super) struct Steps(Vec<u64>);

impl Steps {
    pub(super) fn none(steps: usize) -> Steps {
        Steps(vec![0; steps.div_ceil(64)])
    }

    pub(super) fn has(&self, step: usize) -> bool {
        self.0[step / 64] & (1 << (step % 64)) != 0
    }

    /// Sets the bit; tells whether it was set before.
    pub(super) fn set(&mut self, step: usize) -> bool {
        let before = self.has(step);
        self.0[step / 64] |= 1 << (step % 64);
        before
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.len() * 8
    }
}
