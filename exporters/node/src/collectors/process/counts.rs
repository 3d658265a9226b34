//! What processes and threads count: only ever more, as long as they live.

/// User and system ticks, bytes read and written, major and minor faults, switches that were
/// voluntary and those that were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts(pub(super) [u64; 8]);

pub(super) const USER: usize = 0;
pub(super) const SYSTEM: usize = 1;
pub(super) const READ: usize = 2;
pub(super) const WRITTEN: usize = 3;
pub(super) const MAJOR: usize = 4;
pub(super) const MINOR: usize = 5;
pub(super) const VOLUNTARY: usize = 6;
pub(super) const NONVOLUNTARY: usize = 7;

impl Counts {
    /// How much more this is; nothing where it is less, which only a mistake of the kernel's makes.
    pub(super) fn since(&self, earlier: &Counts) -> Counts {
        let mut more = *self;
        for (one, earlier) in more.0.iter_mut().zip(earlier.0) {
            *one = one.saturating_sub(earlier);
        }
        more
    }

    /// The context switches of it.
    pub(super) fn switches(&self) -> Counts {
        let mut switches = Counts::default();
        switches.0[VOLUNTARY..].copy_from_slice(&self.0[VOLUNTARY..]);
        switches
    }

    /// Adds.
    pub(super) fn add(&mut self, more: &Counts) {
        for (one, more) in self.0.iter_mut().zip(more.0) {
            *one = one.saturating_add(more);
        }
    }
}

/// Processes by state, in the order of [`STATES`].
pub(super) type States = [u32; 5];

/// How states are called in labels.
pub(super) const STATES: [&str; 5] = ["Running", "Sleeping", "Waiting", "Zombie", "Other"];

/// The place of a state in [`STATES`], by the letter of `stat`.
pub(super) fn state_index(letter: u8) -> usize {
    match letter {
        b'R' => 0,
        b'S' => 1,
        b'D' => 2,
        b'Z' => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_never_fall() {
        let mut sum = Counts([1; 8]);
        sum.add(&Counts([5; 8]).since(&Counts([3; 8])));
        assert_eq!(sum, Counts([3; 8]));
        sum.add(&Counts([3; 8]).since(&Counts([5; 8])));
        assert_eq!(sum, Counts([3; 8]));
    }
}
