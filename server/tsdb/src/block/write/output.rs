//! A file that is written from front to back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::fs::{File, Fs};

/// So many bytes are collected before they are written.
const BUFFER_BYTES: usize = 256 << 10;

/// An open file and what is not written yet.
#[derive(Debug)]
pub(super) struct Output {
    file: Arc<dyn File>,
    path: PathBuf,
    buffer: Vec<u8>,
    written: u64,
    checksum: u32,
}

impl Output {
    pub(super) fn create(fs: &dyn Fs, path: PathBuf) -> Result<Output, Error> {
        let file = fs.create(&path).map_err(Error::io("create", &path))?;
        let buffer = Vec::with_capacity(BUFFER_BYTES);
        Ok(Output { file, path, buffer, written: 0, checksum: 0 })
    }

    /// Where the next byte goes.
    pub(super) fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.checksum = crc32c::crc32c_append(self.checksum, bytes);
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.write(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn put_be32(&mut self, number: u32) -> Result<(), Error> {
        self.put(&number.to_be_bytes())
    }

    /// Zeros up to a multiple of `align`.
    pub(super) fn pad(&mut self, align: u64) -> Result<(), Error> {
        let missing = self.position().next_multiple_of(align) - self.position();
        self.put(&[0; 16][..missing as usize & 15])
    }

    /// From here on bytes count towards the next checksum.
    pub(super) fn begin_checksum(&mut self) {
        self.checksum = 0;
    }

    /// Adds the checksum of all since it began.
    pub(super) fn put_checksum(&mut self) -> Result<(), Error> {
        self.put_be32(self.checksum)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_at(bytes, self.written).map_err(Error::io("write", &self.path))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Hands everything to the system.
    pub(super) fn flush(&mut self) -> Result<(), Error> {
        let buffer = std::mem::take(&mut self.buffer);
        let done = self.write(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        done
    }

    /// Makes the file durable and closes it.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.flush()?;
        self.file.sync().map_err(Error::io("sync", &self.path))
    }

    /// The file for reading; everything must have been flushed.
    pub(super) fn file(&self) -> (&dyn File, &Path) {
        (&*self.file, &self.path)
    }
}
