//! Answers compressed for those who accept it.

use std::io::{self, Write as _};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use axum::http::{HeaderMap, HeaderValue, Response};
use axum::middleware::Next;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http_body_util::BodyExt as _;

/// Bodies below this are sent as they are: they fit into one packet anyway.
const BYTES_MIN: u64 = 1024;
/// Bodies above this are compressed beside the threads that serve.
const INLINE_BYTES_MAX: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    /// Of RFC 9110, which is zlib's format.
    Deflate,
}

impl Coding {
    fn name(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        })
    }

    /// The fastest method: queries are asked by neighbours more often than over slow lines.
    fn pack(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let packed = Vec::with_capacity(bytes.len() / 4);
        match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(packed, Compression::fast());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(packed, Compression::fast());
                encoder.write_all(bytes)?;
                encoder.finish()
            }
        }
    }
}

/// Compresses what the routes behind it answer. For `axum::middleware::from_fn`.
pub(crate) async fn compressed(request: Request, next: Next) -> Response<Body> {
    let coding = accepted(request.headers());
    let mut response = next.run(request).await;
    let length = response.body().size_hint().exact().unwrap_or(0);
    if length < BYTES_MIN || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    // A cache must not give it to those who do not accept it.
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(coding) = coding else { return response };
    let (mut head, body) = response.into_parts();
    // The length is known, so the body is in memory already, and reading it cannot fail.
    let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return Response::from_parts(head, Body::empty());
    };
    let Some(packed) = pack(coding, bytes.clone()).await else {
        return Response::from_parts(head, Body::from(bytes));
    };
    head.headers.insert(CONTENT_ENCODING, coding.name());
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(packed))
}

async fn pack(coding: Coding, bytes: Bytes) -> Option<Vec<u8>> {
    if bytes.len() as u64 <= INLINE_BYTES_MAX {
        return coding.pack(&bytes).ok();
    }
    tokio::task::spawn_blocking(move || coding.pack(&bytes)).await.ok()?.ok()
}

/// The better coding of those that the client gives a weight above zero.
fn accepted(headers: &HeaderMap) -> Option<Coding> {
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let mut deflate = None;
    for item in lines.flat_map(|line| line.split(',')) {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1").trim();
        if weight.parse::<f32>().is_ok_and(|weight| weight > 0.0) {
            match name.trim() {
                name if name.eq_ignore_ascii_case("gzip") => return Some(Coding::Gzip),
                name if name.eq_ignore_ascii_case("deflate") => deflate = Some(Coding::Deflate),
                _ => {}
            }
        }
    }
    deflate
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use axum::Router;
    use axum::http::StatusCode;
    use axum::http::header::CONTENT_TYPE;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    fn text(length: usize) -> String {
        "{\"metric\":{\"job\":\"x\"}} ".chars().cycle().take(length).collect()
    }

    /// The answer of so many bytes to a client that accepts this.
    async fn answer(length: usize, accept: &str) -> (HeaderMap, Bytes) {
        let body = move || async move {
            let kind = [(CONTENT_TYPE, "application/json"), (VARY, "Origin")];
            (StatusCode::BAD_REQUEST, kind, text(length))
        };
        let packed = || async { ([(CONTENT_ENCODING, "gzip")], text(5000)) };
        let router = Router::new()
            .route("/", get(body))
            .route("/packed", get(packed))
            .layer(axum::middleware::from_fn(compressed));
        let path = if length == 0 { "/packed" } else { "/" };
        let request = Request::get(path).header(ACCEPT_ENCODING, accept);
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        (head.headers, body.collect().await.unwrap().to_bytes())
    }

    #[tokio::test]
    async fn what_is_worth_it_is_compressed_as_the_client_accepts() {
        for (length, accept, coding) in [
            (1023, "gzip", None),
            (1024, "gzip", Some("gzip")),
            (200_000, "deflate, GZIP;q=0.5", Some("gzip")),
            (200_000, "gzip;q=0, deflate", Some("deflate")),
            (5000, "gzip; q=0.000", None),
            (5000, "gzip;q=x", None),
            (5000, "br, identity", None),
            (5000, "", None),
        ] {
            let (headers, body) = answer(length, accept).await;
            let wanted = coding.map(HeaderValue::from_static);
            assert_eq!(headers.get(CONTENT_ENCODING), wanted.as_ref(), "{length} {accept}");
            assert_eq!(headers[CONTENT_TYPE], "application/json");
            assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
            let vary: Vec<_> = headers.get_all(VARY).iter().collect();
            assert_eq!(vary.len(), if length < 1024 { 1 } else { 2 }, "{vary:?}");
            let mut unpacked = String::new();
            match coding {
                Some("gzip") => flate2::read::GzDecoder::new(&*body).read_to_string(&mut unpacked),
                Some(_) => flate2::read::ZlibDecoder::new(&*body).read_to_string(&mut unpacked),
                None => (&*body).read_to_string(&mut unpacked),
            }
            .unwrap();
            assert_eq!(unpacked, text(length), "{length} {accept}");
        }
    }

    #[tokio::test]
    async fn what_is_compressed_already_stays_as_it_is() {
        let (headers, body) = answer(0, "gzip").await;
        assert_eq!(body, text(5000));
        assert!(!headers.contains_key(VARY));
    }
}
