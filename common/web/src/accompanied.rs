//! Bodies of answers with something that stays beside them until the last byte is sent, or nobody
//! waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

/// What stays beside a body; its end is that of the answer.
pub(crate) trait Companion: Unpin + Send + 'static {
    /// So many bytes more are on their way.
    fn sent(&mut self, _bytes: usize) {}
}

/// A body with its companion.
pub(crate) struct Accompanied<C> {
    pub(crate) body: Body,
    pub(crate) companion: C,
}

impl<C: Companion> HttpBody for Accompanied<C> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.companion.sent(frame.data_ref().map_or(0, Bytes::len));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
