//! Writes the `index` file from what was spooled.

use super::output::Output;
use super::spool::{Posting, Spool};
use crate::Error;
use crate::block::index::{HEADER_BYTES, MAGIC, SERIES_ALIGN, VERSION};
use crate::codec::{push_text, push_uvarint};

/// Lists begin at multiples of this.
const POSTINGS_ALIGN: u64 = 4;

/// Writes everything; the file is durable afterwards.
pub(super) fn write(mut output: Output, spool: &mut Spool) -> Result<(), Error> {
    output.put(&MAGIC.to_be_bytes())?;
    output.put(&[VERSION])?;
    let order = symbols(&mut output, spool)?;
    let series_start = output.position();
    let ids = series(&mut output, spool, &order)?;
    let series_end = output.position();
    output.pad(POSTINGS_ALIGN)?;
    let postings_start = output.position();
    let (entries, table) = postings(&mut output, spool, &order, &ids)?;
    let table_start = output.position();
    let len = u32::try_from(table.len() + 4).map_err(|_| too_large("postings table"))?;
    output.put_be32(len)?;
    output.begin_checksum();
    output.put_be32(entries)?;
    output.put(&table)?;
    output.put_checksum()?;
    output.begin_checksum();
    let sections =
        [HEADER_BYTES as u64, series_start, series_end, table_start, postings_start, table_start];
    for section in sections {
        output.put(&section.to_be_bytes())?;
    }
    output.put_checksum()?;
    output.finish()
}

fn too_large(what: &str) -> Error {
    Error::Input { problem: format!("the {what} of a block would not fit in its index") }
}

/// Writes the sorted texts; returns the place of every text by order of arrival.
fn symbols(output: &mut Output, spool: &Spool) -> Result<Vec<u32>, Error> {
    let texts = &spool.texts.texts;
    let mut sorted: Vec<u32> = (0..texts.len() as u32).collect();
    sorted.sort_unstable_by(|a, b| texts[*a as usize].cmp(&texts[*b as usize]));
    let mut scratch = Vec::new();
    let mut len = 4_u64;
    for text in texts {
        scratch.clear();
        push_uvarint(&mut scratch, text.len() as u64);
        len += (scratch.len() + text.len()) as u64;
    }
    output.put_be32(u32::try_from(len).map_err(|_| too_large("symbols"))?)?;
    output.begin_checksum();
    output.put_be32(texts.len() as u32)?;
    let mut order = vec![0; texts.len()];
    for (place, number) in sorted.into_iter().enumerate() {
        order[number as usize] = place as u32;
        scratch.clear();
        push_text(&mut scratch, &texts[number as usize]);
        output.put(&scratch)?;
    }
    output.put_checksum()?;
    Ok(order)
}

/// Writes the series; returns their numbers by order.
fn series(output: &mut Output, spool: &mut Spool, order: &[u32]) -> Result<Vec<u32>, Error> {
    let mut ids = Vec::with_capacity(spool.series as usize);
    let (mut body, mut len) = (Vec::new(), Vec::new());
    spool.replay(|references, rest| {
        output.pad(SERIES_ALIGN)?;
        let id = u32::try_from(output.position() / SERIES_ALIGN);
        ids.push(id.map_err(|_| too_large("series"))?);
        body.clear();
        push_uvarint(&mut body, references.len() as u64 / 2);
        for reference in references {
            push_uvarint(&mut body, u64::from(order[*reference as usize]));
        }
        body.extend_from_slice(rest);
        len.clear();
        push_uvarint(&mut len, body.len() as u64);
        output.put(&len)?;
        output.begin_checksum();
        output.put(&body)?;
        output.put_checksum()
    })?;
    Ok(ids)
}

/// Writes the lists; returns how many there are, and their table.
fn postings(
    output: &mut Output,
    spool: &Spool,
    order: &[u32],
    ids: &[u32],
) -> Result<(u32, Vec<u8>), Error> {
    let mut keys: Vec<(&(u32, u32), &Posting)> = spool.postings.iter().collect();
    let places = |key: &(u32, u32)| (order[key.0 as usize], order[key.1 as usize]);
    keys.sort_unstable_by_key(|(key, _)| places(key));
    let mut table = Vec::new();
    let mut add = |name: &str, value: &str, position: u64| {
        push_uvarint(&mut table, 2);
        push_text(&mut table, name);
        push_text(&mut table, value);
        push_uvarint(&mut table, position);
    };
    add("", "", output.position());
    list(output, ids.len(), ids.iter().copied())?;
    let texts = &spool.texts.texts;
    for (key, posting) in &keys {
        output.pad(POSTINGS_ALIGN)?;
        add(&texts[key.0 as usize], &texts[key.1 as usize], output.position());
        let numbers = posting.iter().filter_map(|series| ids.get(series as usize).copied());
        list(output, posting.count as usize, numbers)?;
    }
    let entries = u32::try_from(keys.len() + 1).map_err(|_| too_large("labels"))?;
    Ok((entries, table))
}

fn list(
    output: &mut Output,
    count: usize,
    numbers: impl Iterator<Item = u32>,
) -> Result<(), Error> {
    let len = u32::try_from(4 * (count as u64 + 1)).map_err(|_| too_large("postings"))?;
    output.put_be32(len)?;
    output.begin_checksum();
    output.put_be32(count as u32)?;
    for number in numbers {
        output.put_be32(number)?;
    }
    output.put_checksum()
}
