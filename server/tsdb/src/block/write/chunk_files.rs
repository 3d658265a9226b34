//! The segments that chunks are written to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::EncodedChunk;
use super::output::Output;
use crate::Error;
use crate::block::{chunks, flaw};
use crate::codec::push_uvarint;
use crate::fs::Fs;

/// A segment has at most so many bytes.
const SEGMENT_BYTES_MAX: u64 = 512 << 20;

/// Writes `000001` and so on.
#[derive(Debug)]
pub(super) struct ChunkFiles {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    open: Option<Output>,
    /// How many segments there are.
    segments: u64,
}

impl ChunkFiles {
    pub(super) fn create(fs: Arc<dyn Fs>, dir: PathBuf) -> Result<ChunkFiles, Error> {
        fs.create_dir(&dir).map_err(Error::io("create", &dir))?;
        Ok(ChunkFiles { fs, dir, open: None, segments: 0 })
    }

    /// Writes a chunk; returns the reference by which an index finds it.
    pub(super) fn add(&mut self, chunk: &EncodedChunk<'_>) -> Result<u64, Error> {
        let mut head = Vec::with_capacity(12);
        push_uvarint(&mut head, chunk.bytes.len() as u64);
        let encoding = [chunk.encoding];
        let bytes = head.len() + encoding.len() + chunk.bytes.len() + flaw::CRC_BYTES;
        let full = |open: &Output| open.position().saturating_add(bytes as u64) > SEGMENT_BYTES_MAX;
        if let Some(old) = self.open.take_if(|open| full(open)) {
            old.finish()?;
        }
        let output = match &mut self.open {
            Some(output) => output,
            None => {
                self.segments += 1;
                let mut output = segment(&*self.fs, &self.dir, self.segments)?;
                output.put(&chunks::MAGIC.to_be_bytes())?;
                output.put(&[chunks::VERSION, 0, 0, 0])?;
                self.open.insert(output)
            }
        };
        let reference = (self.segments - 1) << 32 | output.position();
        output.put(&head)?;
        output.begin_checksum();
        output.put(&encoding)?;
        output.put(chunk.bytes)?;
        output.put_checksum()?;
        Ok(reference)
    }

    /// Makes all segments durable.
    pub(super) fn finish(self) -> Result<(), Error> {
        if let Some(open) = self.open {
            open.finish()?;
        }
        self.fs.sync_dir(&self.dir).map_err(Error::io("sync", &self.dir))
    }
}

fn segment(fs: &dyn Fs, dir: &Path, number: u64) -> Result<Output, Error> {
    Output::create(fs, dir.join(format!("{number:06}")))
}
