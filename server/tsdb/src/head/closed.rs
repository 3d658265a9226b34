//! The chunks of a series that ended: those that are in files, and the newest ones on the heap.

use super::series::Chunk;
use crate::head_chunks::MappedChunk;

/// What a series points to once it has such chunks; in order of time, those in files first.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    mapped: Vec<MappedChunk>,
    fresh: Vec<Chunk>,
}

impl Closed {
    pub(super) fn mapped(&self) -> &[MappedChunk] {
        &self.mapped
    }

    pub(super) fn fresh(&self) -> &[Chunk] {
        &self.fresh
    }

    pub(super) fn into_fresh(self) -> Vec<Chunk> {
        self.fresh
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mapped.is_empty() && self.fresh.is_empty()
    }

    /// Times of the chunks.
    pub(super) fn times(&self) -> impl DoubleEndedIterator<Item = (i64, i64)> {
        let mapped = self.mapped.iter().map(|chunk| (chunk.min_time, chunk.max_time));
        mapped.chain(self.fresh.iter().map(|chunk| (chunk.min_time, chunk.max_time)))
    }

    /// Adds a chunk that ended just now.
    pub(super) fn push(&mut self, chunk: Chunk) {
        self.fresh.reserve_exact(1);
        self.fresh.push(chunk);
    }

    /// Adds a chunk that is in a file, behind the others.
    pub(super) fn adopt(&mut self, chunk: MappedChunk) {
        if self.mapped.len() == self.mapped.capacity() {
            self.mapped.reserve_exact(1 + self.mapped.len() / 4);
        }
        self.mapped.push(chunk);
    }

    /// From now on the oldest chunk on the heap is read from its file; returns its bytes, or zero
    /// where it is another one.
    pub(super) fn set_mapped(&mut self, chunk: MappedChunk) -> u64 {
        let is_it =
            |fresh: &Chunk| (fresh.min_time, fresh.max_time) == (chunk.min_time, chunk.max_time);
        if !self.fresh.first().is_some_and(is_it) {
            return 0;
        }
        let bytes = self.fresh.remove(0).bytes.len() as u64;
        if self.fresh.is_empty() {
            self.fresh = Vec::new();
        }
        self.adopt(chunk);
        bytes
    }

    /// Puts chunks into the place of one in a file; says whether that was there.
    pub(super) fn replace_mapped(&mut self, old: &MappedChunk, new: &[MappedChunk]) -> bool {
        let Some(at) = self.mapped.iter().position(|chunk| chunk == old) else {
            return false;
        };
        self.mapped.splice(at..=at, new.iter().copied());
        true
    }

    /// Drops chunks that end before a time; returns how many and their bytes on the heap.
    pub(super) fn drop_before(&mut self, time: i64) -> (u64, u64) {
        let mapped = self.mapped.partition_point(|chunk| chunk.max_time < time);
        self.mapped.drain(..mapped);
        if mapped > 0 {
            self.mapped.shrink_to_fit();
        }
        let fresh = self.fresh.partition_point(|chunk| chunk.max_time < time);
        let bytes = self.fresh.drain(..fresh).map(|chunk| chunk.bytes.len() as u64).sum();
        if self.fresh.is_empty() {
            self.fresh = Vec::new();
        }
        ((mapped + fresh) as u64, bytes)
    }
}
