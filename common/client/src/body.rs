//! An answer's body into a buffer, as it comes, never more than is allowed.

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::error::Cause;

/// Room that is made at once for a body that says how long it is.
const FIRST_BYTES_MAX: u64 = 4 << 20;

/// Appends everything to `out`.
pub(crate) async fn read(
    mut body: Incoming,
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Result<(), Cause> {
    let begin = out.len();
    let told = body.size_hint().lower().min(bytes_max as u64).min(FIRST_BYTES_MAX);
    out.reserve(told as usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| body_error(&e))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > bytes_max.saturating_sub(out.len() - begin) {
            return Err(Cause::BodyTooLarge);
        }
        out.extend_from_slice(&data);
    }
    Ok(())
}

fn body_error(error: &hyper::Error) -> Cause {
    if error.is_incomplete_message() || error.is_body_write_aborted() {
        return Cause::UnexpectedEof;
    }
    let text = error.to_string();
    // hyper tells of a torn body only in words.
    if text.contains("end of file") || text.contains("body") {
        Cause::UnexpectedEof
    } else {
        Cause::Protocol(text)
    }
}
