//! Blocks that have some of the samples of their time: overlapping others until they are merged.

use std::sync::Arc;

use super::Pass;
use crate::Error;
use crate::block::{BlockCompaction, BlockWriter, write_or_discard};
use crate::db::Inner;

/// Writes what a block of a range of time (the second time not included) has.
pub(super) type Write<'a> = &'a dyn Fn(&mut BlockWriter, (i64, i64)) -> Result<(), Error>;

impl Inner {
    /// Writes a block for every aligned range from a time on, up to the one with `last`. `until` tells
    /// how far it came, also where it ends with an error.
    pub(super) fn write_partial(
        self: &Arc<Self>,
        pass: &mut Pass<'_>,
        (from, last): (i64, i64),
        until: &mut i64,
        hints: &[&str],
        write: Write<'_>,
    ) -> Result<(), Error> {
        let range = self.head.chunk_range_ms;
        let mut start = from.max(*until);
        while start <= last {
            let end = start.div_euclid(range).saturating_add(1).saturating_mul(range);
            let ulid = (pass.name)();
            let meta = self.timed(|| {
                write_or_discard(&self.fs, &self.options.dir, &ulid, |mut writer| {
                    write(&mut writer, (start, end))?;
                    let origin = BlockCompaction {
                        level: 1,
                        sources: vec![ulid.clone()],
                        hints: hints.iter().map(|hint| (*hint).to_owned()).collect(),
                        ..BlockCompaction::default()
                    };
                    writer.finish(Some((start, end)), Some(origin))
                })
            })?;
            if let Some(meta) = meta {
                self.adopt(&meta)?;
            }
            *until = end;
            if end <= start {
                break;
            }
            start = end;
        }
        Ok(())
    }
}
