//! A body in pieces: each is given back, and its memory with it, when it has been sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use server_promql::engine::Reservation;

/// What is sent is cut where a piece is about this long: large enough that nobody notices, small
/// enough that little lies empty behind the last one.
pub(crate) const PIECE_BYTES: usize = 256 << 10;

/// Pieces that are still to be sent.
struct Pieces {
    left: VecDeque<Bytes>,
    bytes_left: u64,
}

/// A piece with its memory.
struct Held {
    bytes: Vec<u8>,
    memory: Option<Arc<Reservation>>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let length = self.bytes.len();
        self.bytes = Vec::new();
        if let Some(memory) = &self.memory {
            memory.release(length);
        }
    }
}

/// A body of pieces whose lengths are charged to `memory`.
pub(crate) fn body(pieces: Vec<Vec<u8>>, memory: Option<&Arc<Reservation>>) -> Body {
    let bytes_left = pieces.iter().map(|piece| piece.len() as u64).sum();
    let held = |bytes| Bytes::from_owner(Held { bytes, memory: memory.cloned() });
    let filled = pieces.into_iter().filter(|piece| !piece.is_empty());
    let left: VecDeque<Bytes> = filled.map(held).collect();
    Body::new(Pieces { left, bytes_left })
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.left.pop_front();
        self.bytes_left -= next.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes_left)
    }
}
