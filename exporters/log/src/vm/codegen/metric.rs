//! Metrics that a program declares.

use super::Generator;
use crate::lang::ast::{Declaration, MetricKind, NodeId};
use crate::lang::types;
use crate::store::ValueKind;
use crate::vm::code::MetricSpec;

impl Generator {
    pub(super) fn declare(&mut self, id: NodeId, declaration: &Declaration) {
        let values = self.value_kind(declaration);
        let scalar = declaration.keys.is_empty();
        let counter = declaration.kind == MetricKind::Counter;
        if scalar && counter && values == ValueKind::Text {
            // mtail shows the node as Go prints it.
            let node = format!("&ast.VarDecl{{Name:{:?}}}", declaration.name);
            return self.complain(id, &format!("Can't initialize to zero a {node}"));
        }
        let mut buckets = Vec::new();
        if declaration.kind == MetricKind::Histogram {
            match bucket_ranges(&declaration.buckets) {
                Ok(ranges) => buckets = ranges,
                Err(message) => return self.complain(id, message),
            }
        }
        let name = match declaration.exported_name.as_str() {
            "" => declaration.name.clone(),
            name => name.to_owned(),
        };
        let position = self.checked.ast.position(id).unwrap_or_default();
        let index = u32::try_from(self.object.metrics.len()).unwrap_or(u32::MAX);
        self.object.metrics.push(MetricSpec {
            name,
            kind: declaration.kind,
            values,
            hidden: declaration.hidden,
            keys: declaration.keys.clone(),
            source: position.to_string(),
            buckets,
            limit: declaration.limit,
            preset: scalar && (counter || declaration.kind == MetricKind::Histogram),
        });
        self.metrics.insert(id, index);
    }

    /// What a metric holds; one nobody knows anything of holds integers.
    fn value_kind(&self, declaration: &Declaration) -> ValueKind {
        if declaration.kind == MetricKind::Histogram {
            return ValueKind::Buckets;
        }
        let ty = declaration.symbol.map_or(types::ERROR, |id| self.checked.symbols.get(id).ty);
        let types = &self.checked.types;
        let value = types.dimension_args(ty).and_then(|args| args.last().copied()).unwrap_or(ty);
        if types.equals(types::FLOAT, value) {
            ValueKind::Float
        } else if types.equals(types::STRING, value) {
            ValueKind::Text
        } else {
            ValueKind::Int
        }
    }
}

fn bucket_ranges(bounds: &[f64]) -> Result<Vec<(f64, f64)>, &'static str> {
    let [first, rest @ ..] = bounds else {
        return Err("a histogram need at least two boundaries");
    };
    if rest.is_empty() {
        return Err("a histogram need at least two boundaries");
    }
    let mut ranges = Vec::with_capacity(bounds.len() + 1);
    if *first > 0.0 {
        ranges.push((0.0, *first));
    }
    let mut low = *first;
    for &high in rest {
        if high <= low {
            return Err("buckets boundaries must be sorted");
        }
        ranges.push((low, high));
        low = high;
    }
    ranges.push((low, f64::INFINITY));
    Ok(ranges)
}
