//! Reads a segment record by record and goes on behind damage at the next page.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ruzstd::decoding::StreamingDecoder;

use super::page::{
    FIRST, FULL, HEADER_BYTES, KIND_MASK, LAST, MIDDLE, PAGE_BYTES, PAGE_END, SNAPPY, ZSTD,
};
use super::record::{self, RecordKind};
use crate::Error;
use crate::fs::{File, Fs, read_full};

/// Largest record that is read, compressed or not; Prometheus writes one per batch.
pub const RECORD_BYTES_MAX: usize = 256 << 20;
/// Snappy cannot shrink more than that (a copy of 64 bytes takes three).
const SNAPPY_RATIO_MAX: usize = 24;
/// A buffer larger than that is given back after a large record.
const BUFFER_BYTES_KEPT: usize = 4 << 20;
/// What a frame of zstd begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The problem behind which reading goes on with the very fragment that showed it.
const ENDLESS: &str = "a record without its end";

/// What stands next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A good record: see [`SegmentReader::record`].
    Record,
    /// Damage; reading goes on behind it.
    Corrupt {
        /// Where in the segment.
        offset: u64,
        /// What was found.
        problem: String,
    },
    /// Nothing more.
    End,
}

/// A segment that is being read, holding one page and one record.
#[derive(Debug)]
pub struct SegmentReader {
    file: Arc<dyn File>,
    path: PathBuf,
    page: Box<[u8]>,
    /// Bytes of the page that exist; less than a page at the end of the file.
    page_len: usize,
    page_start: u64,
    at: usize,
    /// The record as it stands, compressed or not.
    raw: Vec<u8>,
    raw_compression: u8,
    plain: Vec<u8>,
    /// Whether the record at hand names series, so that its copy may come next.
    names_series: bool,
    /// The record of series before, as it stands, while its copy may come.
    before: Vec<u8>,
    before_compression: u8,
    /// Whether fragments of a record wait for the rest of it.
    open: bool,
    /// Whether the beginning of the record at hand was damaged.
    skipping: bool,
    good_end: u64,
    decoder: snap::raw::Decoder,
}

impl SegmentReader {
    /// Opens a segment.
    pub fn open(fs: &dyn Fs, path: &Path) -> Result<SegmentReader, Error> {
        let file = fs.open(path).map_err(Error::io("open", path))?;
        let mut reader = SegmentReader {
            file,
            path: path.to_owned(),
            page: vec![0; PAGE_BYTES].into_boxed_slice(),
            page_len: 0,
            page_start: 0,
            at: 0,
            raw: Vec::new(),
            raw_compression: 0,
            plain: Vec::new(),
            names_series: false,
            before: Vec::new(),
            before_compression: 0,
            open: false,
            skipping: false,
            good_end: 0,
            decoder: snap::raw::Decoder::new(),
        };
        reader.load(0)?;
        Ok(reader)
    }

    /// The record that [`SegmentReader::next_event`] found, decompressed.
    #[must_use]
    pub fn record(&self) -> &[u8] {
        if self.raw_compression == 0 { &self.raw } else { &self.plain }
    }

    /// The same record as it stands in the file, with its compression flag.
    #[must_use]
    pub fn raw_record(&self) -> (&[u8], u8) {
        (&self.raw, self.raw_compression)
    }

    /// Whether [`SegmentReader::next_event`] found a record of series, which is to stand twice wherever
    /// it is written.
    #[must_use]
    pub fn names_series(&self) -> bool {
        self.names_series
    }

    /// Where the newest good record ended, its copy included once that was passed over.
    #[must_use]
    pub fn good_end(&self) -> u64 {
        self.good_end
    }

    /// Bytes of the segment.
    pub(crate) fn len(&self) -> Result<u64, Error> {
        self.file.len().map_err(Error::io("look at", &self.path))
    }

    /// Reads on; the copy of a record of series is passed over. The error concerns the file; damage
    /// to its contents is an event.
    pub fn next_event(&mut self) -> Result<Event, Error> {
        self.forget_record();
        loop {
            let start = self.page_start + self.at as u64;
            let left = self.page_len - self.at;
            let kind = if left == 0 { PAGE_END } else { self.page[self.at] };
            if left < HEADER_BYTES || kind & KIND_MASK == PAGE_END {
                if let Some(end) = self.end_page(start)? {
                    return Ok(end);
                }
                continue;
            }
            match self.fragment() {
                Err(problem) => {
                    if problem != ENDLESS {
                        self.damaged();
                    }
                    return Ok(Event::Corrupt { offset: start, problem });
                }
                Ok(false) => {}
                Ok(true) if self.is_copy() => {
                    self.good_end = self.page_start + self.at as u64;
                    self.forget_record();
                }
                Ok(true) => match self.decompress() {
                    Ok(()) => {
                        self.good_end = self.page_start + self.at as u64;
                        self.names_series = record::kind(self.record()) == RecordKind::Series;
                        return Ok(Event::Record);
                    }
                    Err(problem) => {
                        self.raw.clear();
                        return Ok(Event::Corrupt { offset: start, problem });
                    }
                },
            }
        }
    }

    /// Makes room for the next record; of one of series the bytes stay to know its copy by.
    fn forget_record(&mut self) {
        let largest = self.raw.capacity().max(self.plain.capacity()).max(self.before.capacity());
        if largest > BUFFER_BYTES_KEPT && !self.names_series {
            (self.raw, self.plain, self.before) = (Vec::new(), Vec::new(), Vec::new());
        }
        self.before.clear();
        if std::mem::take(&mut self.names_series) {
            std::mem::swap(&mut self.raw, &mut self.before);
            self.before_compression = self.raw_compression;
        }
        self.raw.clear();
    }

    /// Whether the record at hand is the copy of the one before, byte for byte.
    fn is_copy(&self) -> bool {
        let same = (&self.raw, self.raw_compression) == (&self.before, self.before_compression);
        same && !self.before.is_empty()
    }

    /// Gives up the record that is being read and looks for the next good fragment of the page;
    /// without one reading goes on at the next page.
    fn damaged(&mut self) {
        self.raw.clear();
        (self.open, self.skipping) = (false, true);
        let page = &self.page[..self.page_len];
        let good = |at: &usize| matches!(parse(&page[*at..]), Ok(f) if !f.body.is_empty());
        self.at = (self.at + 1..self.page_len).find(good).unwrap_or(self.page_len);
    }

    /// Leaves a page behind its last fragment: what follows must be zeros.
    fn end_page(&mut self, start: u64) -> Result<Option<Event>, Error> {
        let dirty = self.page[self.at..self.page_len].iter().any(|byte| *byte != 0);
        let ended = self.page_len < PAGE_BYTES;
        if dirty {
            self.damaged();
            let problem = "bytes that are no record".to_owned();
            return Ok(Some(Event::Corrupt { offset: start, problem }));
        }
        self.at = self.page_len;
        if !ended {
            self.load(self.page_start + PAGE_BYTES as u64)?;
        }
        if !ended && self.page_len > 0 {
            return Ok(None);
        }
        if std::mem::take(&mut self.open) {
            self.raw.clear();
            let problem = "the file ends inside a record".to_owned();
            return Ok(Some(Event::Corrupt { offset: self.good_end, problem }));
        }
        Ok(Some(Event::End))
    }

    fn load(&mut self, start: u64) -> Result<(), Error> {
        self.page_len =
            read_full(&*self.file, &mut self.page, start).map_err(Error::io("read", &self.path))?;
        self.page_start = start;
        self.at = 0;
        Ok(())
    }

    /// Takes one fragment; says whether it completes a record.
    fn fragment(&mut self) -> Result<bool, String> {
        let fragment = parse(&self.page[self.at..self.page_len])?;
        let opens = matches!(fragment.kind, FULL | FIRST);
        if opens && self.open {
            // The record before lost its end; this one is good and is read next.
            self.raw.clear();
            self.open = false;
            return Err(ENDLESS.to_owned());
        }
        let size = HEADER_BYTES + fragment.body.len();
        if !opens && !self.open {
            // What is left of a damaged record, or of one whose beginning is missing.
            if self.skipping {
                self.at += size;
                return Ok(false);
            }
            return Err("a record without its beginning".to_owned());
        }
        if self.open && fragment.compression != self.raw_compression {
            return Err("a record that is compressed in part".to_owned());
        }
        if self.raw.len() + fragment.body.len() > RECORD_BYTES_MAX {
            return Err(format!("record above {RECORD_BYTES_MAX} bytes"));
        }
        self.raw.extend_from_slice(fragment.body);
        self.raw_compression = fragment.compression;
        self.open = matches!(fragment.kind, FIRST | MIDDLE);
        self.skipping = false;
        self.at += size;
        Ok(!self.open)
    }

    fn decompress(&mut self) -> Result<(), String> {
        match self.raw_compression {
            SNAPPY => self.unsnap(),
            ZSTD => {
                self.plain.clear();
                let frame = StreamingDecoder::new(&self.raw[..]).map_err(|e| e.to_string())?;
                let mut frame = frame.take(RECORD_BYTES_MAX as u64 + 1);
                frame.read_to_end(&mut self.plain).map_err(|e| e.to_string())?;
                if self.plain.len() > RECORD_BYTES_MAX {
                    return Err(format!("record above {RECORD_BYTES_MAX} bytes"));
                }
                Ok(())
            }
            _ => match self.lost_flag() {
                true => Err("a compressed record without its flag".to_owned()),
                false => Ok(()),
            },
        }
    }

    fn unsnap(&mut self) -> Result<(), String> {
        let len = snap::raw::decompress_len(&self.raw).map_err(|e| e.to_string())?;
        if len > RECORD_BYTES_MAX || len > self.raw.len().saturating_mul(SNAPPY_RATIO_MAX) {
            return Err(format!("record claims {len} bytes"));
        }
        self.plain.resize(len, 0);
        let len = self.decoder.decompress(&self.raw, &mut self.plain);
        self.plain.truncate(len.map_err(|e| e.to_string())?);
        Ok(())
    }

    /// Whether a record that is not said to be compressed is. The checksum does not cover the flag.
    fn lost_flag(&mut self) -> bool {
        let is_known = |record: &[u8]| record::kind(record) != RecordKind::Unknown;
        let claims = !is_known(&self.raw);
        claims
            && (self.raw.starts_with(&ZSTD_MAGIC)
                || (self.unsnap().is_ok() && is_known(&self.plain)))
    }
}

struct Fragment<'a> {
    kind: u8,
    compression: u8,
    body: &'a [u8],
}

/// Reads one fragment from the rest of a page.
fn parse(page: &[u8]) -> Result<Fragment<'_>, String> {
    let Some((header, body)) = page.split_first_chunk::<HEADER_BYTES>() else {
        return Err("a fragment without a whole header".to_owned());
    };
    let [flags, len_high, len_low, c0, c1, c2, c3] = *header;
    let (kind, compression) = (flags & KIND_MASK, flags & (SNAPPY | ZSTD));
    if flags != kind | compression || !(FULL..=LAST).contains(&kind) || compression == SNAPPY | ZSTD
    {
        return Err(format!("fragment of unknown kind {flags:#04x}"));
    }
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let Some(body) = body.get(..len) else {
        return Err(format!("fragment of {len} bytes where the page has {}", body.len()));
    };
    let wanted = u32::from_be_bytes([c0, c1, c2, c3]);
    let found = crc32c::crc32c(body);
    if found != wanted {
        return Err(format!("checksum is {found:08x}, expected {wanted:08x}"));
    }
    Ok(Fragment { kind, compression, body })
}
