//! The matcher that follows a plan.

use regex_syntax::hir::Look;

use super::plan::{Lead, MATCH, Pc, Plan, Step};
use super::set::{CharSet, char_length};

/// Longer texts are left to automata.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 20;

/// A place that is none.
pub(super) const NOWHERE: u32 = u32::MAX;

/// Work that is allowed for each byte of the text before an automaton takes over, whose work is
/// bounded; and in addition.
const WORK_PER_BYTE: usize = 16;
const WORK_BASE: usize = 4096;

/// Within so many bytes the end of a run is looked for byte by byte.
const NEAR_BYTES: usize = 4;

/// What to do when there is no way on.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// Try another way from there.
    Other { pc: Pc, at: u32 },
    /// A slot gets its former value.
    Restore { slot: u32, old: u32 },
    /// A run gives back characters down to `low`.
    Shorter { pc: Pc, low: u32, at: u32 },
    /// A run takes one more of its characters.
    Longer { pc: Pc, at: u32, left: u32 },
}

/// Buffers of a search, kept for the next one.
#[derive(Debug, Default)]
pub(super) struct Room {
    frames: Vec<Frame>,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Found,
    NotFound,
    /// It was too much work.
    GaveUp,
}

struct Runner<'a> {
    plan: &'a Plan,
    text: &'a [u8],
    slots: &'a mut [u32],
    frames: &'a mut Vec<Frame>,
    work: usize,
    /// Some slots are set.
    is_dirty: bool,
    is_plain: bool,
}

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub(in crate::vm) struct Text<'a> {
    /// Valid UTF-8.
    pub(in crate::vm) bytes: &'a [u8],
    /// Whether it is known to be [`PLAIN`](crate::engine::PLAIN).
    pub(in crate::vm) is_plain: bool,
}

/// Searches for the leftmost match; places of groups that are saved are left in `slots`, which hold
/// [`NOWHERE`] before. `prefix` is what every match begins with.
pub(super) fn search(
    plan: &Plan,
    text: Text<'_>,
    prefix: Option<&memchr::memmem::Finder<'_>>,
    slots: &mut [u32],
    room: &mut Room,
    work_is_bounded: bool,
) -> Outcome {
    let Text { bytes: text, is_plain } = text;
    let work = if work_is_bounded { WORK_BASE + WORK_PER_BYTE * text.len() } else { usize::MAX };
    let frames = &mut room.frames;
    let mut runner = Runner { plan, text, slots, frames, work, is_dirty: true, is_plain };
    match &plan.lead {
        _ if plan.anchored && !runner.may_begin(plan.start, 0) => Outcome::NotFound,
        _ if plan.anchored => runner.follow(plan.start, 0),
        Some(lead) => runner.search_lead(lead),
        None => runner.search_anywhere(prefix),
    }
}

impl Runner<'_> {
    fn search_anywhere(&mut self, prefix: Option<&memchr::memmem::Finder<'_>>) -> Outcome {
        let mut from = 0;
        loop {
            let start = match prefix {
                Some(prefix) => prefix.find(&self.text[from..]).map(|found| from + found),
                None => self.candidate(from),
            };
            let Some(start) = start else { return Outcome::NotFound };
            if self.may_begin(self.plan.start, start) {
                match self.follow(self.plan.start, start) {
                    Outcome::NotFound => {}
                    outcome => return outcome,
                }
            }
            match self.text.get(start) {
                Some(&lead) => from = start + char_length(lead),
                None => return Outcome::NotFound,
            }
        }
    }

    /// For a pattern that begins with a run: the next attempt begins behind it.
    fn search_lead(&mut self, lead: &Lead) -> Outcome {
        let set = &self.plan.sets[lead.set as usize];
        let mut from = 0;
        while let Some(start) = self.candidate(from) {
            let end = set.run(self.text, start, self.is_plain);
            if (end > start || !lead.some) && self.may_begin(lead.next, end) {
                match self.follow(self.plan.start, start) {
                    Outcome::NotFound => {}
                    outcome => return outcome,
                }
            }
            match self.text.get(start) {
                Some(&lead) => from = end.max(start + char_length(lead)),
                None => return Outcome::NotFound,
            }
        }
        Outcome::NotFound
    }

    /// The next place where a match can begin.
    #[inline]
    fn candidate(&self, from: usize) -> Option<usize> {
        let text = self.text;
        let first = &self.plan.firsts[self.plan.start as usize];
        if self.plan.begins_at_end {
            return (first.end && from <= text.len()).then_some(text.len());
        }
        match text.get(from..)?.iter().position(|&byte| first.contains(byte)) {
            Some(found) => Some(from + found),
            None => first.end.then_some(text.len()),
        }
    }

    /// Whether the steps from `pc` match at `start`.
    fn follow(&mut self, pc: Pc, start: usize) -> Outcome {
        let (mut pc, mut at, mut resumed) = (pc, start, start);
        self.frames.clear();
        // Filling nothing costs a hundred cycles where the C library does it with masks.
        if self.is_dirty && !self.slots.is_empty() {
            self.slots.fill(NOWHERE);
            self.is_dirty = false;
        }
        while pc != MATCH {
            if let Some(next) = self.step(pc, at) {
                (pc, at) = next;
                continue;
            }
            self.spend(1 + (at - resumed) / 16);
            if self.frames.is_empty() {
                return if self.work == 0 { Outcome::GaveUp } else { Outcome::NotFound };
            }
            let next = self.back();
            match next {
                _ if self.work == 0 => return Outcome::GaveUp,
                Some(next) => (pc, at) = next,
                None => return Outcome::NotFound,
            }
            resumed = at;
        }
        Outcome::Found
    }

    fn spend(&mut self, work: usize) {
        self.work = self.work.saturating_sub(work);
    }

    /// One step: where to go on, `None` where there is no way.
    #[inline]
    fn step(&mut self, pc: Pc, at: usize) -> Option<(Pc, usize)> {
        let plan = self.plan;
        match &plan.steps[pc as usize] {
            // Where the search ends.
            Step::Match => None,
            Step::Byte { byte, next } => {
                (self.text.get(at) == Some(byte)).then_some((*next, at + 1))
            }
            Step::Literal { bytes, next } => {
                let is = self.text.get(at..at + bytes.len())? == &**bytes;
                is.then_some((*next, at + bytes.len()))
            }
            Step::Fixed(fixed) => {
                let end = fixed.end(&plan.classes, self.text, at)?;
                for &(slot, offset) in &fixed.saves {
                    self.save(slot, at + offset as usize);
                }
                Some((fixed.next, end))
            }
            Step::One { set, next } => {
                let length = plan.sets[*set as usize].one(self.text, at)?;
                Some((*next, at + length))
            }
            Step::Run { set, min, max, next } => {
                let set = &plan.sets[*set as usize];
                Some((*next, self.reach(set, at, *min, *max)?))
            }
            Step::RunBack { set, min, max, next } => {
                let set = &plan.sets[*set as usize];
                let high = self.reach(set, at, *min, *max)?;
                let low = if *min == 0 { at } else { set.run_counted(self.text, at, *min).0 };
                self.spend((high - at) / 16);
                // Mostly it is seen at once how much is to be given back.
                let end = if plan.firsts[*next as usize].holds(self.text, high) {
                    high
                } else {
                    self.shorter(*next, low, high)?
                };
                if end > low {
                    self.frames.push(Frame::Shorter { pc: *next, low: small(low), at: small(end) });
                }
                Some((*next, end))
            }
            Step::RunLazy { set, min, max, next } => {
                let set = &plan.sets[*set as usize];
                let (low, count) = set.run_counted(self.text, at, *min);
                if count < *min {
                    return None;
                }
                if max > min {
                    self.frames.push(Frame::Longer { pc, at: small(low), left: max - min });
                }
                Some((*next, low))
            }
            Step::Split { first, second } => {
                let (one, other) = (&plan.firsts[*first as usize], &plan.firsts[*second as usize]);
                match (one.holds(self.text, at), other.holds(self.text, at)) {
                    (true, true) if !self.may_go_on(*second, at) => Some((*first, at)),
                    (true, true) => {
                        self.frames.push(Frame::Other { pc: *second, at: small(at) });
                        Some((*first, at))
                    }
                    (true, false) => Some((*first, at)),
                    (false, true) => Some((*second, at)),
                    (false, false) => None,
                }
            }
            Step::Save { slot, next } => {
                self.save(*slot, at);
                Some((*next, at))
            }
            Step::Look { look, next } => looks(*look, self.text, at).then_some((*next, at)),
        }
    }

    /// Where a run of at least `min` and at most `max` characters ends.
    #[inline]
    fn reach(&self, set: &CharSet, at: usize, min: u32, max: u32) -> Option<usize> {
        if max == u32::MAX && min <= 1 {
            let end = set.run(self.text, at, self.is_plain);
            return (end > at || min == 0).then_some(end);
        }
        let (end, count) = set.run_counted(self.text, at, max);
        (count >= min).then_some(end)
    }

    #[inline]
    fn save(&mut self, slot: u32, at: usize) {
        // All slots that are saved are there.
        if let Some(held) = self.slots.get_mut(slot as usize) {
            if !self.frames.is_empty() {
                self.frames.push(Frame::Restore { slot, old: *held });
            }
            *held = small(at);
            self.is_dirty = true;
        }
    }

    /// Whether two bytes at `at` can be those that a step begins with.
    #[inline]
    fn may_begin(&self, pc: Pc, at: usize) -> bool {
        self.plan.firsts[pc as usize].holds(self.text, at)
            && self.plan.seconds[pc as usize].holds(self.text, at + 1)
    }

    /// Whether what stands at `at` can be the begin of a step, and of the one behind it if that one
    /// takes a piece of fixed length.
    #[inline]
    fn may_go_on(&self, pc: Pc, at: usize) -> bool {
        let Plan { steps, firsts, classes, .. } = self.plan;
        match &steps[pc as usize] {
            Step::Fixed(fixed) => fixed
                .end(classes, self.text, at)
                .is_some_and(|end| firsts[fixed.next as usize].holds(self.text, end)),
            _ => firsts[pc as usize].holds(self.text, at),
        }
    }

    /// The last place from which there is another way.
    #[cold]
    fn back(&mut self) -> Option<(Pc, usize)> {
        loop {
            self.spend(1);
            if self.work == 0 {
                return None;
            }
            match self.frames.pop()? {
                Frame::Other { pc, at } => return Some((pc, at as usize)),
                Frame::Restore { slot, old } => {
                    if let Some(held) = self.slots.get_mut(slot as usize) {
                        *held = old;
                    }
                }
                Frame::Shorter { pc, low, at } => {
                    if let Some(at) = self.shorter(pc, low as usize, at as usize) {
                        if at > low as usize {
                            self.frames.push(Frame::Shorter { pc, low, at: small(at) });
                        }
                        return Some((pc, at));
                    }
                }
                Frame::Longer { pc, at, left } => {
                    let Step::RunLazy { set, next, .. } = self.plan.steps[pc as usize] else {
                        return None;
                    };
                    let set = &self.plan.sets[set as usize];
                    if let Some(length) = set.one(self.text, at as usize) {
                        let at = at as usize + length;
                        let left = if left == u32::MAX { left } else { left - 1 };
                        if left > 0 {
                            self.frames.push(Frame::Longer { pc, at: small(at), left });
                        }
                        return Some((next, at));
                    }
                }
            }
        }
    }

    /// The last place before `at`, and not before `low`, where `pc` can go on.
    fn shorter(&mut self, pc: Pc, low: usize, at: usize) -> Option<usize> {
        let first = &self.plan.firsts[pc as usize];
        let within = &self.text[low..at];
        let near = &within[within.len().saturating_sub(NEAR_BYTES)..];
        let found = match near.iter().rposition(|&byte| first.contains(byte)) {
            Some(found) => Some(within.len() - near.len() + found),
            None => {
                let far = &within[..within.len() - near.len()];
                match self.plan.singles[pc as usize] {
                    Some(byte) => memchr::memrchr(byte, far),
                    None => far.iter().rposition(|&byte| first.contains(byte)),
                }
            }
        };
        let found = found.map(|found| low + found);
        self.spend((at - found.unwrap_or(low)) / 16);
        found
    }
}

/// Places fit, because longer texts are not searched here.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "texts are limited to TEXT_BYTES_MAX")]
fn small(place: usize) -> u32 {
    place as u32
}

fn looks(look: Look, text: &[u8], at: usize) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    match look {
        Look::Start => at == 0,
        Look::End => at == text.len(),
        Look::StartLF => before.is_none_or(|&byte| byte == b'\n'),
        Look::EndLF => text.get(at).is_none_or(|&byte| byte == b'\n'),
        Look::WordAscii | Look::WordAsciiNegate => {
            let differs = before.is_some_and(is_word) != text.get(at).is_some_and(is_word);
            differs == (look == Look::WordAscii)
        }
        // The planner lets no others through.
        _ => false,
    }
}
