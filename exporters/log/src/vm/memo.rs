//! What texts were parsed to which moments.
//!
//! mtail remembers by the text alone: of two layouts for one text the first one's result counts, and
//! a text that was no time the first time means "now" from then on. Programs live with that.

use std::collections::VecDeque;

use crate::go::time::Moment;

/// As many as mtail remembers.
const MOMENTS_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The text that was asked for last stands first.
    moments: VecDeque<(Vec<u8>, Moment)>,
}

impl Memo {
    pub(super) fn get(&mut self, text: &[u8]) -> Option<Moment> {
        let index = self.moments.iter().position(|(known, _)| known == text)?;
        if index > 0 {
            let entry = self.moments.remove(index)?;
            self.moments.push_front(entry);
        }
        self.moments.front().map(|(_, moment)| *moment)
    }

    pub(super) fn add(&mut self, text: &[u8], moment: Moment) {
        let mut buffer = Vec::new();
        if self.moments.len() == MOMENTS_MAX
            && let Some((oldest, _)) = self.moments.pop_back()
        {
            buffer = oldest;
        }
        buffer.clear();
        buffer.extend_from_slice(text);
        self.moments.push_front((buffer, moment));
    }
}
