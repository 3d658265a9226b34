//! From the instructions of a program to steps: what often stands in a row is done at once.
//!
//! The instructions are those that mtail makes, one for each little thing. A line of a log takes
//! dozens of them, each of which pops what the one before it pushed.

use std::cmp::Ordering;

use super::code::{Comparison, Op};

/// What is done at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    /// One instruction.
    Op(Op),
    /// Goes into a block if a pattern matches the line: `Match`, `JumpUnless`, `SetMatched(false)`.
    Enter { pattern: u32, otherwise: u32 },
    /// Goes into a block if two values compare as this, or do not: `Compare`, `Not`, `JumpUnless`,
    /// `SetMatched(false)`.
    EnterIf { comparison: Comparison, order: Ordering, holds: bool, otherwise: u32 },
    /// Goes into a block if a group compares with a number as this, or does not: `Capref`,
    /// `TextToInt`, `PushInt`, and what [`Step::EnterIf`] is made of.
    EnterIfGroup {
        pattern: u32,
        group: u32,
        value: i64,
        order: Ordering,
        holds: bool,
        otherwise: u32,
    },
    /// Pushes a group as an integer: `Capref`, `TextToInt`.
    GroupInt { pattern: u32, group: u32 },
    /// Parses a group by a layout into the time register: `Capref`, `PushText`, `Strptime`.
    GroupTime { pattern: u32, group: u32, layout: u32 },
    /// Pushes the datum with some labels: those, `Load`.
    Datum { metric: u32, labels: u32 },
    /// Adds one to the datum with some labels: those, `Load`, `Increase`.
    Count { metric: u32, labels: u32 },
    /// Adds a group to the datum with some labels: those, `Load`, `Capref`, `TextToInt`,
    /// `Increase`.
    Add { metric: u32, labels: u32, pattern: u32, group: u32 },
}

/// A label that needs no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// A group.
    Group { pattern: u32, group: u32 },
    /// A group that is an integer, as Go prints it.
    GroupInt { pattern: u32, group: u32 },
    /// A constant text.
    Text(u32),
}

/// The code that is run.
#[derive(Debug, Default)]
pub(super) struct Code {
    /// Jumps give the number of the next step.
    pub(super) steps: Vec<Step>,
    /// Lists of labels; the same list stands here once.
    pub(super) labels: Vec<Box<[Label]>>,
    /// The number of each step's first instruction.
    origins: Vec<u32>,
}

impl Code {
    /// Joins instructions.
    pub(super) fn new(ops: &[Op]) -> Code {
        let mut code = Code::default();
        // A row of instructions into which somebody jumps stays as it is.
        let mut is_target = vec![false; ops.len() + 1];
        for op in ops {
            if let Op::Jump(to) | Op::JumpIf(to) | Op::JumpUnless(to) = *op
                && let Some(target) = is_target.get_mut(to as usize)
            {
                *target = true;
            }
        }
        let mut new_of_old = vec![0; ops.len() + 1];
        let mut at = 0;
        while at < ops.len() {
            let end = is_target[at + 1..].iter().position(|&is| is);
            let row = &ops[at..end.map_or(ops.len(), |end| at + 1 + end)];
            let (step, length) = code.join(row);
            new_of_old[at] = code.count();
            code.origins.push(u32::try_from(at).unwrap_or(u32::MAX));
            code.steps.push(step);
            at += length;
        }
        new_of_old[ops.len()] = code.count();
        let new = |old: u32| new_of_old.get(old as usize).copied().unwrap_or(u32::MAX);
        for step in &mut code.steps {
            match step {
                Step::Op(Op::Jump(to) | Op::JumpIf(to) | Op::JumpUnless(to))
                | Step::Enter { otherwise: to, .. }
                | Step::EnterIf { otherwise: to, .. }
                | Step::EnterIfGroup { otherwise: to, .. } => *to = new(*to),
                _ => {}
            }
        }
        code
    }

    /// The instruction that a step begins with.
    pub(super) fn origin(&self, step: usize) -> usize {
        self.origins.get(step).map_or(0, |&origin| origin as usize)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// The step that a row of at least one instruction begins with, and how many of them it does.
    fn join(&mut self, row: &[Op]) -> (Step, usize) {
        use Op::{Capref, Compare, JumpUnless, Match, PushText, SetMatched, Strptime};
        match *row {
            [Match(pattern), JumpUnless(otherwise), SetMatched(false), ..] => {
                (Step::Enter { pattern, otherwise }, 3)
            }
            [Compare(..), ..] => join_condition(row).unwrap_or((Step::Op(row[0]), 1)),
            [Capref { pattern, group }, PushText(layout), Strptime, ..] => {
                (Step::GroupTime { pattern, group, layout }, 3)
            }
            _ => self.join_labels(row).unwrap_or_else(|| join_group(row)),
        }
    }

    fn join_labels(&mut self, row: &[Op]) -> Option<(Step, usize)> {
        let mut labels = Vec::new();
        let mut at = 0;
        while let Some((label, length)) = label(&row[at..]) {
            labels.push(label);
            at += length;
        }
        let Some(&Op::Load { metric, keys }) = row.get(at) else { return None };
        if keys as usize != labels.len() {
            return None;
        }
        let known = self.labels.iter().position(|list| **list == labels[..]);
        let index = known.unwrap_or_else(|| {
            self.labels.push(labels.into());
            self.labels.len() - 1
        });
        let labels = u32::try_from(index).ok()?;
        let group_as_int = Op::TextToInt { base: false };
        Some(match row[at + 1..] {
            [Op::Increase { popped: false }, ..] => (Step::Count { metric, labels }, at + 2),
            [Op::Capref { pattern, group }, int, Op::Increase { popped: true }, ..]
                if int == group_as_int =>
            {
                (Step::Add { metric, labels, pattern, group }, at + 4)
            }
            _ => (Step::Datum { metric, labels }, at + 1),
        })
    }
}

fn label(row: &[Op]) -> Option<(Label, usize)> {
    match *row {
        [Op::Capref { pattern, group }, Op::TextToInt { base: false }, Op::IntToText, ..] => {
            Some((Label::GroupInt { pattern, group }, 3))
        }
        [Op::Capref { pattern, group }, ..] => Some((Label::Group { pattern, group }, 1)),
        [Op::PushText(text), ..] => Some((Label::Text(text), 1)),
        _ => None,
    }
}

/// The step of a comparison that decides about a block.
fn join_condition(row: &[Op]) -> Option<(Step, usize)> {
    use Op::{Compare, JumpUnless, Not, SetMatched};
    let (comparison, order, holds, otherwise, length) = match *row {
        [Compare(comparison, order), JumpUnless(otherwise), SetMatched(false), ..] => {
            (comparison, order, true, otherwise, 3)
        }
        [Compare(comparison, order), Not, JumpUnless(otherwise), SetMatched(false), ..] => {
            (comparison, order, false, otherwise, 4)
        }
        _ => return None,
    };
    Some((Step::EnterIf { comparison, order, holds, otherwise }, length))
}

/// The step of a group that is compared with a number.
fn join_group_condition(row: &[Op]) -> Option<(Step, usize)> {
    let [
        Op::Capref { pattern, group },
        Op::TextToInt { base: false },
        Op::PushInt(value),
        ref rest @ ..,
    ] = *row
    else {
        return None;
    };
    match join_condition(rest)? {
        (Step::EnterIf { comparison: Comparison::Int, order, holds, otherwise }, length) => Some((
            Step::EnterIfGroup { pattern, group, value, order, holds, otherwise },
            3 + length,
        )),
        _ => None,
    }
}

fn join_group(row: &[Op]) -> (Step, usize) {
    if let Some(joined) = join_group_condition(row) {
        return joined;
    }
    match *row {
        [Op::Capref { pattern, group }, Op::TextToInt { base: false }, ..] => {
            (Step::GroupInt { pattern, group }, 2)
        }
        [op, ..] => (Step::Op(op), 1),
        [] => (Step::Op(Op::Stop), 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Label, Step};
    use crate::vm::code::{Comparison, Op};
    use std::cmp::Ordering;

    const GROUP: Op = Op::Capref { pattern: 0, group: 1 };
    const TO_INT: Op = Op::TextToInt { base: false };

    fn check(ops: &[Op], wanted: &[Step], origins: &[usize]) -> Code {
        let code = Code::new(ops);
        assert_eq!(code.steps, wanted);
        let found: Vec<usize> = (0..wanted.len()).map(|step| code.origin(step)).collect();
        assert_eq!(found, origins);
        code
    }

    #[test]
    fn a_counted_block_is_two_steps_and_its_end() {
        let load = Op::Load { metric: 3, keys: 3 };
        let count = Op::Increase { popped: false };
        let ops = [
            Op::Match(0),
            Op::JumpUnless(12),
            Op::SetMatched(false),
            GROUP,
            Op::PushText(2),
            Op::Strptime,
            GROUP,
            TO_INT,
            Op::IntToText,
            Op::PushText(1),
            GROUP,
            load,
            count,
        ];
        // Somebody jumps in front of the last one.
        let code = check(
            &ops,
            &[
                Step::Enter { pattern: 0, otherwise: 3 },
                Step::GroupTime { pattern: 0, group: 1, layout: 2 },
                Step::Datum { metric: 3, labels: 0 },
                Step::Op(count),
            ],
            &[0, 3, 6, 12],
        );
        let (pattern, group) = (0, 1);
        let labels =
            [Label::GroupInt { pattern, group }, Label::Text(1), Label::Group { pattern, group }];
        assert_eq!(*code.labels[0], labels);
    }

    #[test]
    fn conditions_on_numbers_are_joined_and_jumps_follow() {
        let compare = Op::Compare(Comparison::Int, Ordering::Greater);
        check(
            &[
                GROUP,
                TO_INT,
                Op::PushInt(0),
                compare,
                Op::Not,
                Op::JumpUnless(7),
                Op::SetMatched(false),
                Op::Jump(9),
                Op::Stop,
            ],
            &[
                Step::EnterIfGroup {
                    pattern: 0,
                    group: 1,
                    value: 0,
                    order: Ordering::Greater,
                    holds: false,
                    otherwise: 1,
                },
                Step::Op(Op::Jump(3)),
                Step::Op(Op::Stop),
            ],
            &[0, 7, 8],
        );
        let compare = Op::Compare(Comparison::Dynamic, Ordering::Less);
        check(
            &[GROUP, TO_INT, Op::PushInt(0), compare, Op::JumpUnless(6), Op::SetMatched(false)],
            &[
                Step::GroupInt { pattern: 0, group: 1 },
                Step::Op(Op::PushInt(0)),
                Step::EnterIf {
                    comparison: Comparison::Dynamic,
                    order: Ordering::Less,
                    holds: true,
                    otherwise: 3,
                },
            ],
            &[0, 2, 3],
        );
    }

    #[test]
    fn labels_that_are_computed_stay_on_the_stack() {
        let load = Op::Load { metric: 0, keys: 2 };
        let ops = [GROUP, Op::Lower, GROUP, load];
        check(&ops, &ops.map(Step::Op), &[0, 1, 2, 3]);
        let scalar = [Op::Load { metric: 1, keys: 0 }, Op::Increase { popped: false }];
        check(&scalar, &[Step::Count { metric: 1, labels: 0 }], &[0]);
        let increase = Op::Increase { popped: true };
        let ops = [Op::Load { metric: 1, keys: 0 }, GROUP, TO_INT, increase];
        check(&ops, &[Step::Add { metric: 1, labels: 0, pattern: 0, group: 1 }], &[0]);
        let ops = [Op::Load { metric: 1, keys: 0 }, GROUP, increase];
        let datum = Step::Datum { metric: 1, labels: 0 };
        check(&ops, &[datum, Step::Op(GROUP), Step::Op(increase)], &[0, 1, 2]);
        // A jump into the middle keeps it apart.
        let ops = [Op::JumpIf(2), GROUP, TO_INT];
        check(&ops, &ops.map(Step::Op), &[0, 1, 2]);
    }
}
