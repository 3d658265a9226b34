//! Chunks of one series from several blocks: those that overlap are written anew as one row.

use super::decode::DecodeError;
use super::rewrite::{Kept, Rest, each_sample};
use crate::chunk::Encoding;
use crate::sample::Stamped;

/// Puts chunks in order of time. Of samples at the same time that of the last chunk stays.
pub(crate) fn untangle(mut chunks: Vec<Kept<'_>>) -> Result<Vec<Kept<'_>>, DecodeError> {
    let in_order = |two: &[Kept<'_>]| two[0].as_encoded().max_time < two[1].as_encoded().min_time;
    if chunks.windows(2).all(in_order) {
        return Ok(chunks);
    }
    let mut numbered: Vec<(usize, Kept<'_>)> = chunks.drain(..).enumerate().collect();
    numbered.sort_by_key(|(_, chunk)| chunk.as_encoded().min_time);
    let mut row = Vec::with_capacity(numbered.len());
    let mut knot: Vec<(usize, Kept<'_>)> = Vec::new();
    let mut end = i64::MIN;
    for (number, chunk) in numbered {
        let (first, last) = (chunk.as_encoded().min_time, chunk.as_encoded().max_time);
        if !knot.is_empty() && first > end {
            undo(std::mem::take(&mut knot), &mut row)?;
        }
        end = if knot.is_empty() { last } else { end.max(last) };
        knot.push((number, chunk));
    }
    undo(knot, &mut row)?;
    Ok(row)
}

/// Appends chunks that overlap: one as it is, equal ones once, others written anew.
fn undo<'a>(mut knot: Vec<(usize, Kept<'a>)>, row: &mut Vec<Kept<'a>>) -> Result<(), DecodeError> {
    knot.dedup_by(|later, kept| {
        let same = later.1.as_encoded() == kept.1.as_encoded();
        kept.0 = if same { kept.0.max(later.0) } else { kept.0 };
        same
    });
    if let [_] = knot.as_slice() {
        row.extend(knot.into_iter().map(|(_, chunk)| chunk));
        return Ok(());
    }
    let mut samples: Vec<(usize, Stamped)> = Vec::new();
    for (number, chunk) in &knot {
        let chunk = chunk.as_encoded();
        let encoding =
            Encoding::from_number(chunk.encoding).ok_or(DecodeError::Encoding(chunk.encoding))?;
        each_sample(encoding, chunk.bytes, &mut |sample| samples.push((*number, sample)))?;
    }
    samples.sort_by_key(|(number, sample)| (sample.time, *number));
    let mut rest = Rest::default();
    let mut samples = samples.into_iter().peekable();
    while let Some((_, sample)) = samples.next() {
        if samples.peek().is_some_and(|(_, next)| next.time == sample.time) {
            continue;
        }
        // What was known of resets holds no more where other samples came in between.
        rest.push(&sample.alone());
    }
    row.extend(rest.into_chunks().map(Kept::Part));
    Ok(())
}
