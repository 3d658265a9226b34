//! Binary operators: scalars with scalars, vectors with scalars, vectors with vectors, sets.

mod arithmetic;
mod element;
mod matching;
mod sets;
mod steps;

use super::{Eval, Grid, Sink, invariant};
use crate::ast::{Binary, BinaryOp, Cardinality, Unary, ValueType};
use crate::engine::QueryError;
use crate::value::histogram;
use crate::value::{Point, Scalars, Track};

pub(crate) use arithmetic::scalars;
use element::{Element, Outcome};

impl Eval<'_> {
    /// The series of a binary operation of which at least one side is a vector.
    pub(super) fn binary(
        &self,
        binary: &Binary,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        match (binary.left.value_type(), binary.right.value_type()) {
            (ValueType::Vector, ValueType::Scalar) => {
                let scalars = self.scalar(&binary.right, grid)?;
                self.vector_scalar(binary, &scalars, false, grid, sink)
            }
            (ValueType::Scalar, ValueType::Vector) => {
                let scalars = self.scalar(&binary.left, grid)?;
                self.vector_scalar(binary, &scalars, true, grid, sink)
            }
            (ValueType::Vector, ValueType::Vector) => match binary.op {
                BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => self.sets(binary, grid, sink),
                _ => self.matched(binary, grid, sink),
            },
            (left, right) => Err(QueryError::BadData(format!(
                "binary expression must contain only scalar and instant vector types, got {} and {}",
                left.describe(),
                right.describe()
            ))),
        }
    }

    fn vector_scalar(
        &self,
        binary: &Binary,
        scalars: &Scalars,
        swapped: bool,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let vector = if swapped { &binary.right } else { &binary.left };
        let element = Element::new(self, binary);
        let run = |sink: &mut Sink<'_>| {
            self.vector(vector, grid, &mut |track| {
                apply_scalar(&element, binary, scalars, swapped, track);
                if track.column.is_blank() { Ok(()) } else { sink(track) }
            })
        };
        if invariant::changes_metric(binary.op) || binary.return_bool {
            self.nameless(vector, sink, run)
        } else {
            run(sink)
        }
    }

    /// `-x`
    pub(super) fn negate(
        &self,
        unary: &Unary,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        self.nameless(&unary.expr, sink, |sink| {
            self.vector(&unary.expr, grid, &mut |track| {
                let column = &mut track.column;
                for step in 0..column.len() {
                    match column.get(step) {
                        Point::Absent => {}
                        Point::Float(value) => column.set(step, -value),
                        Point::Histogram(h) => {
                            let negated = histogram::scaled(h, -1.0);
                            column.set_histogram(step, negated);
                        }
                    }
                }
                sink(track)
            })
        })
    }
}

fn apply_scalar(
    element: &Element<'_, '_>,
    binary: &Binary,
    scalars: &Scalars,
    swapped: bool,
    track: &mut Track,
) {
    let column = &mut track.column;
    for step in 0..column.len() {
        let vector = column.get(step);
        if matches!(vector, Point::Absent) {
            continue;
        }
        let scalar = Point::Float(scalars.at(step));
        let outcome =
            if swapped { element.apply(scalar, vector) } else { element.apply(vector, scalar) };
        match outcome {
            Outcome::Refused => column.clear(step),
            Outcome::Float(value) => column.set(step, value),
            Outcome::Histogram(histogram) => column.set_histogram(step, histogram),
            Outcome::Compared(holds) if binary.return_bool => {
                column.set(step, if holds { 1.0 } else { 0.0 });
            }
            // A comparison keeps the vector's own value, on whichever side it stands.
            Outcome::Compared(true) => {}
            Outcome::Compared(false) => column.clear(step),
        }
    }
}

/// Whether the operation's many side, whose labels the result has, is the right one.
pub(super) fn is_swapped(binary: &Binary) -> bool {
    binary.matching.as_ref().is_some_and(|m| m.cardinality == Cardinality::OneToMany)
}
