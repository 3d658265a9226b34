//! Reading something once, from here to its end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::address::Format;
use super::container::Decoder;
use super::lines::Lines;
use super::packed::Packing;
use super::reading::{Context, Source};
use super::stats::Stats;
use crate::line::LineSink;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 128 << 10;

/// Reads a file, packed or not, to its end. Its unfinished last line is a line. Returns how many
/// lines there were.
pub fn read_file(
    path: &Path,
    name: &str,
    format: Format,
    line_bytes_max: usize,
    sink: &mut dyn LineSink,
) -> io::Result<u64> {
    let file = File::open(path)?;
    // A pipe has no beginning to look at.
    let packing = if file.metadata()?.is_file() { Packing::of(&file)? } else { None };
    let stats = Stats::default();
    let mut reader: Box<dyn Read> = match packing {
        Some(packing) => packing.reader(file),
        None => Box::new(file),
    };
    let mut whole = Whole::new(format, line_bytes_max);
    let mut buffer = vec![0; CHUNK_BYTES];
    while whole.next(&mut *reader, &mut buffer, name, sink, &stats)? {}
    Ok(whole.lines)
}

/// The same in live mode; the caller holds the gate.
pub(crate) fn read(
    reader: &mut dyn Read,
    source: &Source,
    format: Format,
    cx: &mut Context<'_>,
) -> io::Result<()> {
    let mut whole = Whole::new(format, cx.options.limits.line_bytes);
    let result = loop {
        match whole.next(reader, cx.buffer, &source.name, cx.sink, cx.stats) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    source.counters.lines.add(whole.lines);
    result
}

/// What is held between chunks.
struct Whole {
    held: Lines,
    decoder: Option<Decoder>,
    decoded: Vec<u8>,
    lines: u64,
}

impl Whole {
    fn new(format: Format, line_bytes_max: usize) -> Whole {
        let decoder = Decoder::new(format, line_bytes_max);
        Whole { held: Lines::new(line_bytes_max), decoder, decoded: Vec::new(), lines: 0 }
    }

    /// Reads and gives on one chunk; `false` at the end.
    fn next(
        &mut self,
        reader: &mut dyn Read,
        buffer: &mut [u8],
        name: &str,
        sink: &mut dyn LineSink,
        stats: &Stats,
    ) -> io::Result<bool> {
        let got = loop {
            match reader.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        let Whole { held, decoder, decoded, lines } = self;
        let mut give = |chunk: &[u8]| match decoder {
            None => Some(sink.chunk(name, chunk)),
            Some(decoder) => {
                decoded.clear();
                let result = decoder.decode(chunk, decoded);
                *lines += result.lines;
                stats.lines_cut.add(result.cut);
                stats.records_malformed.add(result.malformed);
                sink.chunk(name, decoded);
                None
            }
        };
        let is_end = !matches!(got, Ok(1..));
        let fed = match &got {
            Ok(got) if *got > 0 => held.feed_counted(&buffer[..*got], &mut give),
            _ => held.flush(&mut |chunk| {
                let _ = give(chunk);
            }),
        };
        stats.lines_cut.add(fed.cut);
        match decoder {
            None => *lines += fed.lines,
            Some(decoder) if is_end => {
                decoded.clear();
                *lines += decoder.flush(decoded).lines;
                sink.chunk(name, decoded);
            }
            Some(_) => {}
        }
        stats.bytes.add(*got.as_ref().unwrap_or(&0) as u64);
        got.map(|_| !is_end)
    }
}

#[cfg(test)]
mod tests {
    use super::read_file;
    use crate::line::{Line, LineSink};
    use crate::source::address::Format;
    use std::io::Write;

    #[derive(Default)]
    struct Kept(Vec<String>);

    impl LineSink for Kept {
        fn line(&mut self, line: Line<'_>) {
            self.0.push(String::from_utf8_lossy(line.text).into_owned());
        }
    }

    fn check(content: &[u8], format: Format, wanted: &[&str]) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut kept = Kept::default();
        let lines = read_file(file.path(), "x", format, 100, &mut kept).unwrap();
        assert_eq!(kept.0, wanted);
        assert_eq!(lines, wanted.len() as u64);
    }

    #[test]
    fn a_file_is_read_to_its_last_byte_packed_or_not() {
        check(b"", Format::Plain, &[]);
        check(b"a\r\nb", Format::Plain, &["a", "b"]);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"a\nb\n").unwrap();
        check(&gzip.finish().unwrap(), Format::Plain, &["a", "b"]);
        let level = ruzstd::encoding::CompressionLevel::Fastest;
        let zstd = ruzstd::encoding::compress_to_vec(&b"a\nb\n"[..], level);
        check(&zstd, Format::Plain, &["a", "b"]);
        check(b"2026-01-01T00:00:00Z stdout F a\nx", Format::Cri, &["a", "x"]);
        check(br#"{"log":"a"}"#, Format::Docker, &["a"]);
    }
}
