//! What the index will say, collected while series come: their entries wait in a file, symbols and
//! postings in memory, as few bytes each as can be.

use std::collections::HashMap;
use std::path::PathBuf;

use common_model::Labels;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

use super::output::Output;
use crate::Error;
use crate::block::ChunkMeta;
use crate::codec::{Cursor, push_uvarint, push_varint, uvarint_from};
use crate::fs::{Fs, read_full};

/// The spool is read in pieces of so many bytes.
const PIECE_BYTES: usize = 256 << 10;

/// Texts by the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) texts: Vec<Box<str>>,
    numbers: HashTable<u32>,
}

/// The series of one label: their numbers as differences.
#[derive(Debug, Default)]
pub(super) struct Posting {
    pub(super) count: u32,
    last: u32,
    differences: Vec<u8>,
}

/// Series that wait for the index.
#[derive(Debug)]
pub(super) struct Spool {
    output: Output,
    pub(super) texts: Texts,
    /// By numbers of name and value.
    pub(super) postings: HashMap<(u32, u32), Posting, FixedState>,
    pub(super) series: u32,
    entry: Vec<u8>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        let hash = |text: &str| FixedState::default().hash_one(text);
        let texts = &self.texts;
        let same = |number: &u32| *texts[*number as usize] == *text;
        if let Some(number) = self.numbers.find(hash(text), same) {
            return *number;
        }
        let number = texts.len() as u32;
        self.numbers.insert_unique(hash(text), number, |number| hash(&texts[*number as usize]));
        self.texts.push(text.into());
        number
    }
}

impl Posting {
    fn push(&mut self, series: u32) {
        push_uvarint(&mut self.differences, u64::from(series - self.last));
        self.last = series;
        self.count += 1;
    }

    /// The series' numbers, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let mut cursor = Cursor { rest: &self.differences };
        let mut series = 0;
        // Only `push` writes them, from numbers of 32 bits.
        std::iter::from_fn(move || {
            series += cursor.uvarint()? as u32;
            Some(series)
        })
    }
}

impl Spool {
    pub(super) fn create(fs: &dyn Fs, path: PathBuf) -> Result<Spool, Error> {
        let mut texts = Texts::default();
        // Every table of the original has the empty text.
        texts.number("");
        let output = Output::create(fs, path)?;
        Ok(Spool { output, texts, postings: HashMap::default(), series: 0, entry: Vec::new() })
    }

    /// Takes note of a series; its chunks must be in order of time.
    pub(super) fn add(&mut self, labels: &Labels, chunks: &[ChunkMeta]) -> Result<(), Error> {
        let entry = &mut self.entry;
        entry.clear();
        push_uvarint(entry, labels.len() as u64);
        for (name, value) in labels {
            let (name, value) = (self.texts.number(name), self.texts.number(value));
            push_uvarint(entry, u64::from(name));
            push_uvarint(entry, u64::from(value));
            self.postings.entry((name, value)).or_default().push(self.series);
        }
        push_uvarint(entry, chunks.len() as u64);
        let mut before: Option<ChunkMeta> = None;
        for chunk in chunks {
            match before {
                None => push_varint(entry, chunk.min_time),
                Some(b) => push_uvarint(entry, chunk.min_time.wrapping_sub(b.max_time) as u64),
            }
            push_uvarint(entry, chunk.max_time.wrapping_sub(chunk.min_time) as u64);
            match before {
                None => push_uvarint(entry, chunk.reference),
                Some(b) => push_varint(entry, chunk.reference.wrapping_sub(b.reference) as i64),
            }
            before = Some(*chunk);
        }
        self.series += 1;
        let mut len = Vec::with_capacity(5);
        push_uvarint(&mut len, entry.len() as u64);
        self.output.put(&len)?;
        self.output.put(&self.entry)
    }

    /// Calls `each` with every entry: references of its labels by order of arrival, and the rest as
    /// it will stand in the index.
    pub(super) fn replay(
        &mut self,
        mut each: impl FnMut(&[u32], &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.output.flush()?;
        let (file, path) = self.output.file();
        let broken = || Error::Corrupt {
            path: path.to_owned(),
            problem: "what was written before is not there".to_owned(),
        };
        let (mut offset, mut piece, mut at) = (0, vec![0; PIECE_BYTES], 0);
        let mut filled = 0;
        let mut references = Vec::new();
        for _ in 0..self.series {
            let mut entry = whole(&piece[at..filled]);
            if entry.is_none() {
                // An entry is larger than a piece only with very many labels or chunks.
                offset += at as u64;
                loop {
                    let len =
                        read_full(file, &mut piece, offset).map_err(Error::io("read", path))?;
                    (at, filled) = (0, len);
                    entry = whole(&piece[..filled]);
                    if entry.is_some() || filled < piece.len() {
                        break;
                    }
                    piece.resize(2 * piece.len(), 0);
                }
            }
            let (begin, end) = entry.ok_or_else(broken)?;
            let mut cursor = Cursor { rest: &piece[at + begin..at + end] };
            let labels = cursor.uvarint().ok_or_else(broken)?;
            references.clear();
            for _ in 0..2 * labels {
                references.push(cursor.uvarint().ok_or_else(broken)? as u32);
            }
            each(&references, cursor.rest)?;
            at += end;
        }
        Ok(())
    }
}

/// Where the first entry begins behind its length, and where it ends, if it is there as a whole.
fn whole(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut begin = 0;
    let len = uvarint_from(|| {
        begin += 1;
        bytes.get(begin - 1).copied()
    })?;
    let end = begin.checked_add(usize::try_from(len).ok()?)?;
    (end <= bytes.len()).then_some((begin, end))
}
