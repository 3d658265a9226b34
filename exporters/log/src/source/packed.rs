//! gzip and zstd: history, and rotated files of which the end was not read before they were packed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::fingerprint::{Digest, Likeness, Mark};

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 8878, any number of frames.
    Zstd,
}

impl Packing {
    /// What the first bytes say.
    pub(crate) fn of(file: &File) -> io::Result<Option<Packing>> {
        let mut magic = [0; 4];
        let got = file.read_at(&mut magic, 0)?;
        Ok(match &magic[..got] {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd] => Some(Packing::Zstd),
            _ => None,
        })
    }

    /// What is in the file.
    pub(crate) fn reader(self, file: File) -> Box<dyn Read> {
        let file = BufReader::with_capacity(64 << 10, file);
        match self {
            Packing::Gzip => Box::new(MultiGzDecoder::new(file)),
            Packing::Zstd => Box::new(Frames { state: State::Between(file) }),
        }
    }
}

/// Whether what is packed begins with what the mark says, and a reader of what follows.
pub(crate) fn resume(
    file: File,
    packing: Packing,
    mark: &Mark,
) -> io::Result<(Likeness, Box<dyn Read>)> {
    let mut reader = packing.reader(file);
    let mut head = Vec::new();
    reader.by_ref().take(mark.head.len as u64).read_to_end(&mut head)?;
    if !mark.head.begins(&head) {
        return Ok((Likeness::Other, reader));
    }
    let window_at = mark.offset.saturating_sub(mark.window.len as u64);
    let mut recent = head;
    if let Some(between) = window_at.checked_sub(mark.head.len as u64) {
        let skipped = io::copy(&mut reader.by_ref().take(between), &mut io::sink())?;
        if skipped < between {
            return Ok((Likeness::SameHead, reader));
        }
        recent.clear();
    } else {
        recent.drain(..usize::try_from(window_at).unwrap_or(0).min(recent.len()));
    }
    // A mark inside of the head: its window may end before the head does.
    let wanted = mark.window.len as u64;
    let missing = wanted.saturating_sub(recent.len() as u64);
    let read_beyond = recent.len().saturating_sub(mark.window.len);
    let got = reader.by_ref().take(missing).read_to_end(&mut recent)?;
    if (got as u64) < missing || Digest::of(&recent[..mark.window.len]) != mark.window {
        return Ok((Likeness::SameHead, reader));
    }
    let beyond = recent[recent.len() - read_beyond..].to_vec();
    Ok((Likeness::Same, Box::new(io::Cursor::new(beyond).chain(reader))))
}

/// Zstd frames one behind the other.
struct Frames {
    state: State,
}

enum State {
    Between(BufReader<File>),
    Inside(Box<StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>),
    Ended,
}

impl Read for Frames {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(mut file) => {
                    if file.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(file).map_err(io::Error::other)?;
                    self.state = State::Inside(Box::new(decoder));
                }
                State::Inside(mut decoder) => {
                    let got = decoder.read(into)?;
                    if got > 0 || into.is_empty() {
                        self.state = State::Inside(decoder);
                        return Ok(got);
                    }
                    self.state = State::Between(decoder.into_inner());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Packing, resume};
    use crate::source::fingerprint::{Digest, Likeness, Mark};
    use std::io::{Read, Write};

    fn gzip(members: &[&[u8]]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for member in members {
            let mut encoder = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
            encoder.write_all(member).unwrap();
            encoder.finish().unwrap();
        }
        file
    }

    fn zstd(frames: &[&[u8]]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for frame in frames {
            let level = ruzstd::encoding::CompressionLevel::Fastest;
            file.write_all(&ruzstd::encoding::compress_to_vec(*frame, level)).unwrap();
        }
        file
    }

    #[test]
    fn what_is_packed_comes_out_however_many_pieces_it_has() {
        for (file, packing) in [
            (gzip(&[b"one\n", b"two\n"]), Packing::Gzip),
            (zstd(&[b"one\n", b"two\n"]), Packing::Zstd),
        ] {
            let file = file.reopen().unwrap();
            assert_eq!(Packing::of(&file).unwrap(), Some(packing));
            let mut text = String::new();
            packing.reader(file).read_to_string(&mut text).unwrap();
            assert_eq!(text, "one\ntwo\n");
        }
    }

    #[test]
    fn reading_goes_on_where_the_mark_is() {
        let text: Vec<u8> = (0..5000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let file = gzip(&[&text]);
        for (head, window, offset) in [
            (512, 128, 30_000),
            (512, 128, 520),
            (512, 20, 300),
            (10, 10, 10),
            (512, 128, text.len()),
        ] {
            let mut mark = Mark {
                offset: offset as u64,
                head: Digest::of(&text[..head]),
                window: Digest::of(&text[offset - window..offset]),
                skipping: false,
            };
            let (like, mut rest) = resume(file.reopen().unwrap(), Packing::Gzip, &mark).unwrap();
            assert_eq!(like, Likeness::Same, "{offset}");
            let mut got = Vec::new();
            rest.read_to_end(&mut got).unwrap();
            assert!(got == text[offset..], "{offset}");
            mark.window = Digest::of(b"x");
            let like = resume(file.reopen().unwrap(), Packing::Gzip, &mark).unwrap().0;
            assert_eq!(like, Likeness::SameHead);
            mark.head = Digest::of(b"x");
            let like = resume(file.reopen().unwrap(), Packing::Gzip, &mark).unwrap().0;
            assert_eq!(like, Likeness::Other);
        }
    }
}
