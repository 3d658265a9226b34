//! A pattern as steps for a matcher that backtracks only where it must.
//!
//! The order in which alternatives are tried is that of Go, so that the first match found is the
//! right one. Where what follows a run of characters cannot begin with one of them, the run is
//! taken as a whole; where one look at the next byte decides between two ways, only one is tried.
//! Log patterns are nearly always of that kind.

use regex_syntax::hir::{Hir, HirKind, Look};

use super::fixed::{Class as ByteClass, Classes, Fixed};
use super::set::{CharSet, First};

/// Patterns with more steps are left to automata.
const STEPS_MAX: usize = 2000;

/// Deepest nesting.
const DEPTH_MAX: usize = 200;

/// The number of a step.
pub(super) type Pc = u32;

/// The step that is reached where everything matched; it is planned first.
pub(super) const MATCH: Pc = 0;

/// What to do at a place of the text, and where to go on.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Match,
    Byte {
        byte: u8,
        next: Pc,
    },
    Literal {
        bytes: Box<[u8]>,
        next: Pc,
    },
    /// A piece of fixed length.
    Fixed(Box<Fixed>),
    One {
        set: u32,
        next: Pc,
    },
    /// As many of a set as there are; giving one back would not help.
    Run {
        set: u32,
        min: u32,
        max: u32,
        next: Pc,
    },
    /// As many as there are, and fewer if that does not match.
    RunBack {
        set: u32,
        min: u32,
        max: u32,
        next: Pc,
    },
    /// As few as possible, and more if that does not match.
    RunLazy {
        set: u32,
        min: u32,
        max: u32,
        next: Pc,
    },
    /// One way, and if it does not match the other.
    Split {
        first: Pc,
        second: Pc,
    },
    Save {
        slot: u32,
        next: Pc,
    },
    Look {
        look: Look,
        next: Pc,
    },
}

/// The steps of a pattern.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) firsts: Vec<First>,
    pub(super) sets: Vec<CharSet>,
    /// The sets of its pieces of fixed length.
    pub(super) classes: Classes,
    pub(super) start: Pc,
    /// It matches at the begin of the text or not at all.
    pub(super) anchored: bool,
    /// What it begins with, where that is a run.
    pub(super) lead: Option<Lead>,
    /// It matches nothing but the end of the text, or what looks there.
    pub(super) begins_at_end: bool,
    /// For each step what can stand behind its first byte.
    pub(super) seconds: Vec<First>,
    /// For each step the byte that must stand there, where there is one only.
    pub(super) singles: Vec<Option<u8>>,
}

/// As many of a set as there are: if there is no match where such a run begins, there is none within
/// it either.
#[derive(Debug)]
pub(super) struct Lead {
    pub(super) set: u32,
    /// There is at least one.
    pub(super) some: bool,
    pub(super) next: Pc,
}

struct Planner<'a> {
    plan: Plan,
    /// Whether a step leads to a match whatever follows.
    sure: Vec<bool>,
    wanted: &'a [bool],
    depth: usize,
}

/// Plans a pattern; `wanted` says by number which groups somebody reads. `None` where it is not one
/// of those that are matched this way.
pub(super) fn plan(hir: &Hir, wanted: &[bool]) -> Option<Plan> {
    let anchored = hir.properties().look_set_prefix().contains(Look::Start);
    let plan = Plan {
        steps: Vec::new(),
        firsts: Vec::new(),
        sets: Vec::new(),
        classes: Classes::default(),
        start: 0,
        anchored,
        lead: None,
        begins_at_end: false,
        seconds: Vec::new(),
        singles: Vec::new(),
    };
    let mut planner = Planner { plan, sure: Vec::new(), wanted, depth: 0 };
    let mut end = planner.add(Step::Match, First::all(), true)?;
    let whole_is_wanted = wanted.first().copied().unwrap_or(false);
    if whole_is_wanted {
        end = planner.save(1, end)?;
    }
    let mut start = planner.hir(hir, end)?;
    if whole_is_wanted {
        start = planner.save(0, start)?;
    }
    planner.plan.start = start;
    // The search begins there anyway.
    while anchored
        && let Step::Look { look: Look::Start, next } = planner.plan.steps[start as usize]
    {
        start = next;
        planner.plan.start = start;
    }
    planner.plan.lead = planner.lead();
    planner.plan.begins_at_end = planner.first(start).len() == 0;
    planner.plan.seconds = planner.seconds();
    planner.plan.singles = planner.plan.firsts.iter().map(First::single).collect();
    let Plan { steps, classes, .. } = &mut planner.plan;
    for step in steps {
        if let Step::Fixed(fixed) = step {
            fixed.settle(classes);
        }
    }
    Some(planner.plan)
}

impl Planner<'_> {
    fn add(&mut self, step: Step, first: First, sure: bool) -> Option<Pc> {
        if self.plan.steps.len() >= STEPS_MAX {
            return None;
        }
        self.plan.steps.push(step);
        self.plan.firsts.push(first);
        self.sure.push(sure);
        Pc::try_from(self.plan.steps.len() - 1).ok()
    }

    fn first(&self, pc: Pc) -> First {
        self.plan.firsts[pc as usize]
    }

    /// The steps of a pattern in front of the step `next`.
    fn hir(&mut self, hir: &Hir, next: Pc) -> Option<Pc> {
        self.depth += 1;
        let pc = if self.depth > DEPTH_MAX { None } else { self.kind(hir, next) };
        self.depth -= 1;
        pc
    }

    fn kind(&mut self, hir: &Hir, next: Pc) -> Option<Pc> {
        match hir.kind() {
            HirKind::Empty => Some(next),
            HirKind::Literal(literal) => self.literal(&literal.0, next),
            HirKind::Class(class) => {
                let set = self.set(CharSet::new(class)?)?;
                let first = self.plan.sets[set as usize].first();
                if let Some(fixed) = self.fixed_of_set(set, 1, next) {
                    return self.add(fixed, first, false);
                }
                self.add(Step::One { set, next }, first, false)
            }
            HirKind::Look(look) => self.look(*look, next),
            HirKind::Repetition(repetition) => {
                let (min, max) = (repetition.min, repetition.max.unwrap_or(u32::MAX));
                match repetition.sub.kind() {
                    HirKind::Class(class) => {
                        let set = self.set(CharSet::new(class)?)?;
                        self.run(set, (min, max), repetition.greedy, next)
                    }
                    HirKind::Literal(literal) if literal.0.len() == 1 => {
                        let c = char::from(*literal.0.first()?);
                        let range = regex_syntax::hir::ClassUnicodeRange::new(c, c);
                        let class = regex_syntax::hir::ClassUnicode::new([range]);
                        let class = regex_syntax::hir::Class::Unicode(class);
                        let set = self.set(CharSet::new(&class)?)?;
                        self.run(set, (min, max), repetition.greedy, next)
                    }
                    _ => self.repetition(&repetition.sub, (min, max), repetition.greedy, next),
                }
            }
            HirKind::Capture(capture) => {
                let index = capture.index;
                if !self.wanted.get(index as usize).copied().unwrap_or(false) {
                    return self.hir(&capture.sub, next);
                }
                let end = self.save(index * 2 + 1, next)?;
                let sub = self.hir(&capture.sub, end)?;
                self.save(index * 2, sub)
            }
            HirKind::Concat(subs) => {
                subs.iter().rev().try_fold(next, |next, sub| self.hir(sub, next))
            }
            HirKind::Alternation(subs) => {
                let mut later = None;
                for sub in subs.iter().rev() {
                    let way = self.hir(sub, next)?;
                    later = Some(match later {
                        None => way,
                        Some(later) => self.split(way, later)?,
                    });
                }
                later
            }
        }
    }

    fn literal(&mut self, bytes: &[u8], next: Pc) -> Option<Pc> {
        let mut first = First::default();
        first.add(*bytes.first()?);
        if self.is_fixed(next) {
            // What is compared with a piece behind it needs no step of its own.
            let fixed = self.fixed_at(next);
            if let Some(fixed) = fixed.and_then(|fixed| self.fixed_of_literal(bytes, fixed)) {
                return self.add(Step::Fixed(Box::new(fixed)), first, false);
            }
        }
        let step = match *bytes {
            [byte] => Step::Byte { byte, next },
            _ => Step::Literal { bytes: bytes.into(), next },
        };
        self.add(step, first, false)
    }

    /// Whether a step always takes the same number of bytes.
    fn is_fixed(&self, pc: Pc) -> bool {
        matches!(
            self.plan.steps[pc as usize],
            Step::Fixed(_) | Step::Byte { .. } | Step::Literal { .. }
        )
    }

    /// The piece that begins with a step; an empty one where that is of another kind.
    fn fixed_at(&mut self, pc: Pc) -> Option<Fixed> {
        match self.plan.steps[pc as usize].clone() {
            Step::Fixed(fixed) => Some(*fixed),
            Step::Byte { byte, next } => self.fixed_of_literal(&[byte], Fixed::new(next)),
            Step::Literal { bytes, next } => self.fixed_of_literal(&bytes, Fixed::new(next)),
            _ => Some(Fixed::new(pc)),
        }
    }

    fn fixed_of_literal(&mut self, bytes: &[u8], behind: Fixed) -> Option<Fixed> {
        bytes.iter().rev().try_fold(behind, |behind, &byte| {
            behind.behind(self.plan.classes.add(|other| other == byte)?, 1)
        })
    }

    /// A piece that begins with `count` characters of a set, if those are of one byte each.
    fn fixed_of_set(&mut self, set: u32, count: u32, next: Pc) -> Option<Step> {
        let Plan { sets, classes, .. } = &mut self.plan;
        let set = &sets[set as usize];
        if !set.is_ascii() {
            return None;
        }
        let class: ByteClass = classes.add(|byte| set.holds_byte(byte))?;
        let behind = self.fixed_at(next)?;
        let fixed = behind.behind(class, usize::try_from(count).ok()?)?;
        Some(Step::Fixed(Box::new(fixed)))
    }

    fn look(&mut self, look: Look, next: Pc) -> Option<Pc> {
        let first = match look {
            Look::Start | Look::StartLF | Look::WordAscii | Look::WordAsciiNegate => {
                self.first(next)
            }
            Look::End => First::at_end(),
            Look::EndLF => {
                let mut first = First::at_end();
                first.add(b'\n');
                first
            }
            _ => return None,
        };
        self.add(Step::Look { look, next }, first, false)
    }

    fn save(&mut self, slot: u32, next: Pc) -> Option<Pc> {
        let (first, sure) = (self.first(next), self.sure[next as usize]);
        if self.is_fixed(next)
            && let Some(fixed) = self.fixed_at(next)
        {
            return self.add(Step::Fixed(Box::new(fixed.saving(slot))), first, sure);
        }
        self.add(Step::Save { slot, next }, first, sure)
    }

    fn split(&mut self, first: Pc, second: Pc) -> Option<Pc> {
        let both = self.first(first).or(self.first(second));
        let sure = self.sure[first as usize] || self.sure[second as usize];
        self.add(Step::Split { first, second }, both, sure)
    }

    fn set(&mut self, set: CharSet) -> Option<u32> {
        let known = self.plan.sets.iter().position(|other| *other == set);
        let index = known.unwrap_or_else(|| {
            self.plan.sets.push(set);
            self.plan.sets.len() - 1
        });
        u32::try_from(index).ok()
    }

    fn run(&mut self, set: u32, (min, max): (u32, u32), greedy: bool, next: Pc) -> Option<Pc> {
        let of_set = self.plan.sets[set as usize].first();
        let (after, sure) = (self.first(next), self.sure[next as usize]);
        if min == max
            && min > 0
            && let Some(fixed) = self.fixed_of_set(set, min, next)
        {
            return self.add(fixed, of_set, false);
        }
        let step = if (sure && greedy) || (!sure && of_set.is_disjoint(&after)) || min == max {
            Step::Run { set, min, max, next }
        } else if sure {
            Step::Run { set, min, max: min, next }
        } else if greedy {
            Step::RunBack { set, min, max, next }
        } else {
            Step::RunLazy { set, min, max, next }
        };
        let first = if min == 0 { of_set.or(after) } else { of_set };
        self.add(step, first, min == 0 && sure)
    }

    /// Of something that is more than a character.
    fn repetition(
        &mut self,
        sub: &Hir,
        (min, max): (u32, u32),
        greedy: bool,
        next: Pc,
    ) -> Option<Pc> {
        // Something empty that is repeated for ever has rules of its own.
        let nullable = sub.properties().minimum_len().is_none_or(|length| length == 0);
        let mut pc = next;
        if max == u32::MAX {
            if nullable {
                return None;
            }
            pc = self.endless(sub, greedy, next)?;
        } else {
            for _ in min..max {
                let way = self.hir(sub, pc)?;
                pc = if greedy { self.split(way, next)? } else { self.split(next, way)? };
            }
        }
        for _ in 0..min {
            pc = self.hir(sub, pc)?;
        }
        Some(pc)
    }

    fn endless(&mut self, sub: &Hir, greedy: bool, next: Pc) -> Option<Pc> {
        // What one more can begin with is not known before it is planned; everything is safe.
        let pc = self.add(Step::Split { first: next, second: next }, First::all(), false)?;
        let way = self.hir(sub, pc)?;
        let both = self.first(way).or(self.first(next));
        self.plan.firsts[pc as usize] = both;
        self.sure[pc as usize] = self.sure[next as usize];
        // Once more, now that it is known what may follow.
        let way = self.hir(sub, pc)?;
        let (first, second) = if greedy { (way, next) } else { (next, way) };
        self.plan.steps[pc as usize] = Step::Split { first, second };
        Some(pc)
    }

    fn seconds(&self) -> Vec<First> {
        let of_step = |step: &Step| match step {
            Step::Fixed(fixed) => match fixed.second(&self.plan.classes) {
                Some(second) => second,
                None => self.first(fixed.next),
            },
            _ => First::any(),
        };
        self.plan.steps.iter().map(of_step).collect()
    }

    fn lead(&self) -> Option<Lead> {
        let mut pc = self.plan.start;
        loop {
            match self.plan.steps[pc as usize] {
                Step::Save { next, .. } => pc = next,
                Step::Run { set, min: min @ (0 | 1), max: u32::MAX, next } => {
                    return Some(Lead { set, some: min > 0, next });
                }
                _ => return None,
            }
        }
    }
}
