//! `push metrics`: the metrics of a document, sent by remote write.

use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use common_client::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use common_client::{Client, Method, Request, StatusCode};
use common_exposition::{FamilyOptions, WriteRequest, parse_families};
use common_service::flags::Matches;

use super::query::{client, headers, now_s, pairs, send};
use super::{fail, refuse};
use crate::commands::{complain, print};
use crate::server::read;

/// A document on stdin beyond this many bytes is refused.
const DOCUMENT_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a server's complaint that are shown.
const COMPLAINT_BYTES_MAX: usize = 1024;

/// The header that says which version of the protocol is spoken.
const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// Where documents go, and how.
struct Remote<'a> {
    matches: &'a Matches,
    client: Client,
    labels: Vec<(String, String)>,
    is_v2: bool,
}

/// `push metrics`
pub(super) fn metrics(matches: &Matches) -> ExitCode {
    let labels = match pairs(matches, "label") {
        Ok(labels) => labels,
        Err(error) => return refuse(error),
    };
    if let Err(error) = pairs(matches, "header") {
        return refuse(error);
    }
    let client = match client(matches) {
        Ok(client) => client,
        Err(error) => return fail(error),
    };
    let is_v2 = matches.str("protobuf_message") == "io.prometheus.write.v2.Request";
    let remote = Remote { matches, client, labels, is_v2 };
    let files = matches.args("metric-files");
    let mut failed = false;
    if files.is_empty() {
        failed = !remote.tell(stdin(), "Parsing standard input", "metrics pushed");
    }
    for file in files {
        let began = format!("Parsing metrics file {file}");
        failed |=
            !remote.tell(read(Path::new(file)), &began, &format!("metrics file {file} pushed"));
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn stdin() -> Result<String, String> {
    let mut text = Vec::new();
    let read = std::io::stdin().take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut text);
    match read {
        Err(error) => Err(error.to_string()),
        Ok(bytes) if bytes as u64 > DOCUMENT_BYTES_MAX => {
            Err(format!("more than {DOCUMENT_BYTES_MAX} bytes"))
        }
        Ok(_) => String::from_utf8(text).map_err(|error| error.to_string()),
    }
}

impl Remote<'_> {
    /// Pushes a document and says what came of it.
    fn tell(&self, document: Result<String, String>, began: &str, done: &str) -> bool {
        let pushed = document.and_then(|text| {
            print(&format!("{began}\n"));
            self.push(&text)
        });
        match pushed {
            Ok(()) => print(&format!("  SUCCESS: {done} to remote write.\n")),
            Err(error) => {
                complain(&format!("  FAILED: {error}\n"));
                return false;
            }
        }
        true
    }

    fn push(&self, text: &str) -> Result<(), String> {
        let families = parse_families(text.as_bytes(), FamilyOptions::default())
            .map_err(|error| error.to_string())?;
        let now = (now_s() * 1000.0).round() as i64;
        let request = WriteRequest::of_families(&families, &self.labels, now);
        let message = if self.is_v2 { request.encode_v2() } else { request.encode_v1() };
        let mut body = Vec::new();
        // Upstream sends no bytes at all for no series.
        if !message.is_empty() {
            body = snap::raw::Encoder::new().compress_vec(&message).map_err(|e| e.to_string())?;
        }
        let url = self.matches.arg("remote-write-url").unwrap_or_default();
        let mut request = Request::new(Method::POST, url).timeout(self.matches.duration("timeout"));
        request.body = body.into();
        let (kind, version) = if self.is_v2 {
            ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0")
        } else {
            ("application/x-protobuf", "0.1.0")
        };
        request.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        request.headers.insert(VERSION, HeaderValue::from_static(version));
        headers(self.matches, &mut request.headers)?;
        let (status, body) = send(&self.client, request)?;
        if status / 100 == 2 {
            return Ok(());
        }
        let reason = StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason());
        let body = String::from_utf8_lossy(&body[..body.len().min(COMPLAINT_BYTES_MAX)]);
        let reason = reason.unwrap_or_default();
        Err(format!("server returned HTTP status {status} {reason}: {body}"))
    }
}
