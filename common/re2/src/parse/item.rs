//! One node of the syntax tree with its counts.

use super::{HEIGHT_MAX, INSTRUCTIONS_MAX};
use crate::error::{Error, ErrorCode};
use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, HirKind, Repetition,
};

/// A node with what Go counts of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) hir: Hir,
    /// Height of the tree under it.
    height: u32,
    /// Instructions of Go's program.
    size: u64,
    /// Largest product of nested counts.
    pub(super) repeats: u64,
    /// A literal or a single character, which Go joins with its neighbours to one node.
    literal: bool,
}

impl Item {
    /// A node without children.
    pub(super) fn leaf(hir: Hir) -> Item {
        Item { hir, height: 1, size: 1, repeats: 1, literal: false }
    }

    pub(super) fn dot(newline: bool) -> Item {
        Item::leaf(Hir::dot(if newline { Dot::AnyChar } else { Dot::AnyCharExceptLF }))
    }

    pub(super) fn class(class: ClassUnicode) -> Item {
        Item::leaf(Hir::class(Class::Unicode(class)))
    }

    /// One code point, which may be a surrogate: such a one stands in no UTF-8 text.
    pub(super) fn char(code_point: u32, fold_case: bool) -> Item {
        let Some(c) = char::from_u32(code_point) else { return Item::leaf(Hir::fail()) };
        let mut item = if fold_case {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
            class.case_fold_simple();
            Item::class(class)
        } else {
            Item::leaf(Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()))
        };
        item.literal = true;
        item
    }

    /// How many ranges the class has, where it is one.
    pub(super) fn class_ranges(&self) -> usize {
        match self.hir.kind() {
            HirKind::Class(Class::Unicode(class)) => class.ranges().len(),
            _ => 0,
        }
    }

    pub(super) fn concat(mut items: Vec<Item>) -> Item {
        if items.len() == 1 {
            // Just checked that there is one.
            return items.swap_remove(0);
        }
        if items.is_empty() {
            return Item::leaf(Hir::empty());
        }
        let literal = items.iter().all(|item| item.literal);
        Item {
            height: if literal { 1 } else { 1 + greatest(&items, |item| item.height) },
            size: items.iter().fold(0, |sum: u64, item| sum.saturating_add(item.size)),
            repeats: greatest(&items, |item| item.repeats),
            literal,
            hir: Hir::concat(items.into_iter().map(|item| item.hir).collect()),
        }
    }

    pub(super) fn alternation(mut items: Vec<Item>) -> Item {
        if items.len() == 1 {
            return items.swap_remove(0);
        }
        let joints = items.len().saturating_sub(1) as u64;
        Item {
            height: 1 + greatest(&items, |item| item.height),
            size: items.iter().fold(joints, |sum, item| sum.saturating_add(item.size)),
            repeats: greatest(&items, |item| item.repeats),
            literal: false,
            hir: Hir::alternation(items.into_iter().map(|item| item.hir).collect()),
        }
    }

    pub(super) fn capture(self, index: u32) -> Item {
        Item {
            hir: Hir::capture(Capture { index, name: None, sub: Box::new(self.hir) }),
            height: self.height + 1,
            size: self.size.saturating_add(2),
            repeats: self.repeats,
            literal: false,
        }
    }

    pub(super) fn repeat(self, min: u32, max: Option<u32>, greedy: bool, counted: bool) -> Item {
        let size = match (min, max) {
            (0, None) => self.size.saturating_add(2),
            (1, None) | (0, Some(1)) => self.size.saturating_add(1),
            (min, None) => self.size.saturating_mul(u64::from(min)).saturating_add(1),
            (min, Some(max)) => {
                self.size.saturating_mul(u64::from(max)).saturating_add(u64::from(max - min))
            }
        };
        let repeats = match (counted, max) {
            (false, _) => self.repeats,
            (true, Some(max)) => self.repeats.saturating_mul(u64::from(max)),
            (true, None) => self.repeats.saturating_mul(u64::from(min.max(1))),
        };
        Item {
            hir: Hir::repetition(Repetition { min, max, greedy, sub: Box::new(self.hir) }),
            height: self.height + 1,
            size: size.max(1),
            repeats,
            literal: false,
        }
    }

    /// Refuses what Go refuses for its height or size.
    pub(super) fn check(&self, pattern: &str) -> Result<(), Error> {
        if self.size > INSTRUCTIONS_MAX {
            return Err(Error::new(ErrorCode::Large, pattern));
        }
        if self.height > HEIGHT_MAX {
            return Err(Error::new(ErrorCode::NestingDepth, pattern));
        }
        Ok(())
    }
}

fn greatest<N: Ord + Default>(items: &[Item], count: impl Fn(&Item) -> N) -> N {
    items.iter().map(count).max().unwrap_or_default()
}
