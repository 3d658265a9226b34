//! The body of a metrics page: what is new in a scrape, and between it what is the same every time.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use common_exposition::{KeptText, Sink};
use flate2::{Compress, Compression, Crc, FlushCompress};
use hyper::body::{Frame, SizeHint};

/// Kept texts up to this size are copied; longer ones become chunks of their own.
const COPIED_BYTES_MAX: usize = 2048;

/// Kept texts below this size are compressed together with what is new: alone they would grow.
const PACKED_BYTES_MIN: usize = 512;

/// First size of the buffer for what is new: the page of a host fits.
const FRESH_BYTES: usize = 96 << 10;

/// Header of a gzip member that has neither name nor time, written by the fastest method, on Unix.
/// RFC 1952 section 2.3.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 3];

/// A body of several pieces, none of which is copied.
pub(crate) struct Chunks {
    chunks: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl Chunks {
    fn new(chunks: Vec<Bytes>) -> Chunks {
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Chunks { chunks: chunks.into_iter(), left }
    }
}

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = self.chunks.next();
        self.left -= next.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(next.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A page that is sent as it is.
pub(crate) struct PlainSink {
    chunks: Vec<Bytes>,
    fresh: Vec<u8>,
}

impl Default for PlainSink {
    fn default() -> PlainSink {
        PlainSink { chunks: Vec::new(), fresh: Vec::with_capacity(FRESH_BYTES) }
    }
}

impl Sink for PlainSink {
    fn fresh(&mut self) -> &mut Vec<u8> {
        &mut self.fresh
    }

    fn kept(&mut self, text: &KeptText) {
        if text.bytes().len() <= COPIED_BYTES_MAX {
            self.fresh.extend_from_slice(text.bytes());
            return;
        }
        self.close();
        self.chunks.push(text.bytes().clone());
    }
}

impl PlainSink {
    fn close(&mut self) {
        if !self.fresh.is_empty() {
            self.chunks.push(std::mem::take(&mut self.fresh).into());
        }
    }

    pub(crate) fn finish(mut self) -> Chunks {
        self.close();
        Chunks::new(self.chunks)
    }
}

/// A page as one gzip member. Texts that are kept are compressed once, apart from everything else:
/// pieces of a deflate stream that begin and end at a byte and refer to nothing before may be
/// strung together (RFC 1951 section 3.2.4).
pub(crate) struct GzipSink {
    compress: Option<Compress>,
    crc: Crc,
    fresh: Vec<u8>,
    packed: Vec<u8>,
}

impl Default for GzipSink {
    fn default() -> GzipSink {
        let (fresh, packed) = (Vec::with_capacity(FRESH_BYTES), Vec::new());
        GzipSink { compress: None, crc: Crc::new(), fresh, packed }
    }
}

/// A compressed piece that can stand anywhere in a deflate stream.
struct Piece {
    bytes: Box<[u8]>,
    crc: Crc,
}

impl Sink for GzipSink {
    fn fresh(&mut self) -> &mut Vec<u8> {
        &mut self.fresh
    }

    fn kept(&mut self, text: &KeptText) {
        let piece = (text.bytes().len() >= PACKED_BYTES_MIN)
            .then(|| text.packed().get_or_make(|| Piece::new(text.bytes())));
        let Some(piece) = piece.flatten() else {
            self.fresh.extend_from_slice(text.bytes());
            return;
        };
        self.flush(FlushCompress::Full);
        self.packed.extend_from_slice(&piece.bytes);
        self.crc.combine(&piece.crc);
    }
}

impl GzipSink {
    /// Compresses what is new so far.
    fn flush(&mut self, flush: FlushCompress) {
        if self.packed.is_empty() {
            self.packed.extend_from_slice(&GZIP_HEADER);
        }
        if self.fresh.is_empty() && flush == FlushCompress::Full {
            return;
        }
        self.crc.update(&self.fresh);
        let fast = || Compress::new(Compression::fast(), false);
        let compress = self.compress.get_or_insert_with(fast);
        deflate(compress, &self.fresh, flush, &mut self.packed);
        self.fresh.clear();
    }

    /// The page, and whether it is compressed: below `bytes_min` it is not.
    pub(crate) fn finish(mut self, bytes_min: usize) -> (Chunks, bool) {
        if self.packed.is_empty() && self.fresh.len() < bytes_min {
            return (Chunks::new(vec![self.fresh.into()]), false);
        }
        self.flush(FlushCompress::Finish);
        self.packed.extend_from_slice(&self.crc.sum().to_le_bytes());
        self.packed.extend_from_slice(&self.crc.amount().to_le_bytes());
        (Chunks::new(vec![self.packed.into()]), true)
    }
}

impl Piece {
    fn new(text: &[u8]) -> Piece {
        let (mut bytes, mut crc) = (Vec::with_capacity(text.len() / 4), Crc::new());
        crc.update(text);
        // Once for many scrapes: worth a better method.
        let mut compress = Compress::new(Compression::default(), false);
        deflate(&mut compress, text, FlushCompress::Full, &mut bytes);
        Piece { bytes: bytes.into(), crc }
    }
}

/// Compresses all of `text`; a flush is over when there was room left.
fn deflate(compress: &mut Compress, text: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let before = compress.total_in();
    loop {
        out.reserve((text.len() / 4).max(1024));
        let taken = (compress.total_in() - before) as usize;
        // Writing to memory does not fail: an error would mean a broken state, which never gets one.
        let Ok(status) = compress.compress_vec(&text[taken..], out, flush) else { return };
        let all_taken = (compress.total_in() - before) as usize == text.len();
        let is_over = match flush {
            FlushCompress::Finish => status == flate2::Status::StreamEnd,
            _ => out.len() < out.capacity(),
        };
        if all_taken && is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::sync::Arc;

    use common_exposition::{Format, encode};
    use common_instrument::{Family, SampleValue, Samples, SharedFamily, SharedSample};
    use common_model::MetricType;

    use super::*;

    const SINGLE: Family = Family::gauge("m5_single", "Not shared.");

    /// Shared families of so many samples each, with another family among them.
    fn samples(sizes: &[usize]) -> Samples {
        let mut samples = Samples::default();
        for (at, size) in sizes.iter().enumerate() {
            let values: Vec<String> = (0..*size).map(|n| format!("device{n}")).collect();
            let rows = values.iter().enumerate().map(|(n, value)| SharedSample {
                labels: vec![("device", value)],
                value: SampleValue::Number(n as f64 / 7.0),
            });
            let (name, rows) = (format!("m{at}_shared"), rows.collect());
            let (family, _) = SharedFamily::new(&name, "Shared.", MetricType::Gauge, rows);
            assert_eq!(samples.push_shared(&Arc::new(family)), Ok(()));
        }
        samples.push(&SINGLE, &[("a", "b")], 17.0);
        samples.seal();
        samples
    }

    fn joined(chunks: Chunks) -> Vec<u8> {
        let left = chunks.left as usize;
        let all: Vec<u8> = chunks.chunks.flatten().collect();
        assert_eq!(all.len(), left);
        all
    }

    #[test]
    fn every_way_to_write_a_page_gives_the_same_text() {
        for sizes in
            [&[][..], &[1], &[10], &[300], &[1, 300, 1, 1, 40, 500, 2], &[300, 9, 9, 9, 9, 9, 300]]
        {
            let samples = samples(sizes);
            let mut wanted = Vec::new();
            encode(&samples, Format::default(), &mut wanted);
            for round in 0..3 {
                let mut plain = PlainSink::default();
                encode(&samples, Format::default(), &mut plain);
                assert_eq!(joined(plain.finish()), wanted, "{sizes:?} {round}");
                let mut gzip = GzipSink::default();
                encode(&samples, Format::default(), &mut gzip);
                let (packed, is_gzip) = gzip.finish(0);
                let (packed, mut text) = (joined(packed), Vec::new());
                assert!(is_gzip);
                // Nothing may follow the member, and its checksum is checked.
                let mut decoder = flate2::read::GzDecoder::new(packed.as_slice());
                decoder.read_to_end(&mut text).unwrap();
                assert!(decoder.into_inner().is_empty());
                assert_eq!(text, wanted, "{sizes:?} {round}");
            }
        }
    }

    #[test]
    fn a_small_page_is_not_compressed() {
        let mut gzip = GzipSink::default();
        encode(&samples(&[1]), Format::default(), &mut gzip);
        let (page, is_gzip) = gzip.finish(1024);
        assert!(!is_gzip);
        assert!(joined(page).ends_with(b"m5_single{a=\"b\"} 17\n"));
    }
}
