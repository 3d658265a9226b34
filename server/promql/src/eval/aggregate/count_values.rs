//! `count_values`: a series for every value.

use common_model::{Labels, format_float_fixed};
use hashbrown::HashMap;

use super::super::groups::Grouping;
use super::super::{Eval, Grid, Sink, unparen, wrong_type};
use crate::ast::{Aggregate, Expr, ValueType};
use crate::engine::QueryError;
use crate::functions::labels::is_label_name;
use crate::value::histogram;
use crate::value::{Column, Point, Track};

impl Eval<'_> {
    pub(super) fn count_values(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let Some(param) = &aggregate.param else {
            return Err(QueryError::BadData("count_values needs a parameter".to_owned()));
        };
        let label = match unparen(param) {
            Expr::String(literal) if is_label_name(literal)? => literal.value.as_str(),
            literal @ Expr::String(_) => {
                return Err(QueryError::Execution(format!("invalid label name {literal}")));
            }
            other => return Err(wrong_type(ValueType::String, other)),
        };
        let mut grouping = Grouping::of_aggregate(aggregate);
        if !aggregate.without {
            grouping.add(label);
        }
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut tracks: Vec<Track> = Vec::new();
        let (mut samples, mut bytes) = (0, 0);
        self.vector(&aggregate.expr, grid, &mut |track| {
            let mut builder = track.labels.to_builder();
            let mut last: Option<(u64, usize)> = None;
            for step in 0..track.column.len() {
                let (bits, text) = match track.column.get(step) {
                    Point::Absent => continue,
                    Point::Float(value) => (Some(value.to_bits()), format_float_fixed(value)),
                    Point::Histogram(h) => (None, histogram::text(h)),
                };
                let place = match (last, bits) {
                    (Some((before, place)), Some(bits)) if before == bits => place,
                    _ => {
                        builder.set(label, &text);
                        let labels = grouping.of(&builder.build());
                        match places.get(&labels) {
                            Some(&place) => place,
                            None => {
                                let column = Column::absent(grid.steps);
                                let size = column.heap_bytes()
                                    + labels.heap_bytes()
                                    + 2 * size_of::<Track>();
                                self.budget.charge(grid.steps, size)?;
                                samples += grid.steps;
                                bytes += size;
                                places.insert(labels.clone(), tracks.len());
                                tracks.push(Track { labels, drop_name: false, column });
                                tracks.len() - 1
                            }
                        }
                    }
                };
                last = bits.map(|bits| (bits, place));
                let column = &mut tracks[place].column;
                let count = if column.has(step) { column.values[step] } else { 0.0 };
                column.set(step, count + 1.0);
            }
            Ok(())
        })?;
        for mut track in tracks {
            sink(&mut track)?;
        }
        self.budget.release(samples, bytes);
        Ok(())
    }
}
