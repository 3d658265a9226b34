//! The result of a query as JSON, within the query's memory and time.

use common_model::FloatHistogram;
use server_promql::engine::{Interrupt, NoInterrupt, QueryOutput, Reservation};
use server_promql::value::{Sample, SampleValue, Value};

use crate::error::ApiError;
use crate::histogram;
use crate::json::Json;
use crate::matrix;
use crate::running;

/// Samples or points between two looks at the interrupt.
const POINTS_BETWEEN_CHECKS: usize = 4096;

/// The result of a query as it stands under `data.result` of an answer, in pieces.
///
/// # Errors
/// Where the text does not fit into what the query may hold, with the reason.
pub fn result_json(output: QueryOutput) -> Result<Vec<Vec<u8>>, String> {
    let mut json = Json::default();
    write(&mut json, output.value, &output.memory, &NoInterrupt).map_err(|error| error.message)?;
    Ok(json.into_pieces())
}

/// Writes a value and drops it piece by piece, so that a result is hardly ever held twice. What is
/// written is charged to the memory of the result.
pub(crate) fn write(
    json: &mut Json,
    value: Value,
    memory: &Reservation,
    interrupt: &dyn Interrupt,
) -> Result<(), ApiError> {
    match value {
        Value::Scalar { timestamp, value } => {
            json.scalar(timestamp, value);
        }
        Value::String { timestamp, value } => {
            memory.charge(value.len())?;
            json.raw("[").number(timestamp as f64 / 1000.0).raw(",").string(&value).raw("]");
        }
        Value::Vector(samples) => {
            let mut pieces = Pieces::new(json, memory, interrupt);
            pieces.json.raw("[");
            for (at, sample) in samples.into_iter().enumerate() {
                pieces.piece(at == 0, 1, 0, |json| write_sample(json, &sample))?;
            }
            pieces.json.raw("]");
        }
        Value::Matrix(series) => matrix::write(json, series, memory, interrupt)?,
    }
    Ok(())
}

/// What has been written of a list.
pub(crate) struct Pieces<'a> {
    json: &'a mut Json,
    memory: &'a Reservation,
    interrupt: &'a dyn Interrupt,
    unchecked: usize,
}

impl<'a> Pieces<'a> {
    /// Nothing of it yet.
    pub(crate) fn new(
        json: &'a mut Json,
        memory: &'a Reservation,
        interrupt: &'a dyn Interrupt,
    ) -> Pieces<'a> {
        Pieces { json, memory, interrupt, unchecked: 0 }
    }

    /// Writes an item of so many points, whose `held` bytes are then given back.
    pub(crate) fn piece(
        &mut self,
        is_first: bool,
        points: usize,
        held: usize,
        write: impl FnOnce(&mut Json),
    ) -> Result<(), ApiError> {
        self.unchecked += points + 1;
        if self.unchecked > POINTS_BETWEEN_CHECKS {
            self.unchecked = 0;
            running::check(self.interrupt)?;
        }
        if !is_first {
            self.json.raw(",");
        }
        let before = self.json.bytes.len();
        write(self.json);
        self.memory.release(held);
        self.memory.charge(self.json.bytes.len() - before)?;
        self.json.cut();
        Ok(())
    }
}

pub(crate) fn histogram_point(json: &mut Json, at: i64, value: &FloatHistogram) {
    json.raw("[").time(at).raw(",");
    histogram::write(json, value);
    json.raw("]");
}

fn write_sample(json: &mut Json, sample: &Sample) {
    json.raw("{\"metric\":").labels(&sample.labels);
    match &sample.value {
        SampleValue::Float(value) => {
            json.raw(",\"value\":").point(sample.timestamp, *value);
        }
        SampleValue::Histogram(value) => {
            json.raw(",\"histogram\":");
            histogram_point(json, sample.timestamp, value);
        }
    }
    json.raw("}");
}
