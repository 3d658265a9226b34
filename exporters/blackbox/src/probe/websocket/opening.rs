//! The request that turns a connection into a WebSocket. RFC 6455 section 4.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use common_client::parts::{Target, add_header};
use hyper::HeaderMap;
use hyper::header::{
    CONNECTION, HOST, HeaderName, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout_at;

use super::frames::Socket;
use crate::config::WebsocketModule;
use crate::probe::failure::Failed;
use crate::probe::http::{AGENT, add_credentials};
use crate::probe::stream::Stream;
use crate::probe::{Phase, ProbeContext, random, reason_of};

/// What both sides hash together with the key.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Bytes and lines of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;

/// Headers that the upgrade itself sets.
const OURS: [HeaderName; 5] =
    [UPGRADE, CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, SEC_WEBSOCKET_EXTENSIONS];

/// What a server said to it.
pub(super) struct Opening {
    pub(super) status: u16,
    /// The way to go on, or why there is none.
    pub(super) socket: Result<Socket, String>,
}

/// Asks for the upgrade and reads the answer, within the deadline of the probe.
pub(super) async fn upgrade(
    context: &ProbeContext,
    websocket: &WebsocketModule,
    target: &Target,
    mut stream: Box<dyn Stream>,
) -> Result<Opening, Failed> {
    let headers = headers(context, websocket).await?;
    let nonce = [random::word().to_be_bytes(), random::word().to_be_bytes()].concat();
    let key = BASE64_STANDARD.encode(nonce);
    let request = request(target, &key, &headers)?;
    let exchanging = async {
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while !has_head(&bytes) && bytes.len() < HEAD_BYTES_MAX {
            match stream.read(&mut chunk).await? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
        Ok::<_, std::io::Error>(bytes)
    };
    let exchanged = timeout_at(context.deadline, exchanging).await;
    let bytes = exchanged.map_err(|_| Failed::late(Phase::Exchange))?.map_err(|error| {
        let text = match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
            _ => common_client::parts::go_cause(&error),
        };
        Failed::new(Phase::Exchange, reason_of(&error), text)
    })?;
    read(&bytes, &key, stream)
}

fn has_head(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window == b"\r\n\r\n")
}

/// Everything that a module sends: its headers, and what says who we are.
async fn headers(context: &ProbeContext, websocket: &WebsocketModule) -> Result<HeaderMap, Failed> {
    let bad = |text: String| Failed::new(Phase::Target, "bad_request", text);
    let mut headers = HeaderMap::new();
    for (name, header) in &websocket.headers {
        add_header(name, header, &mut headers).map_err(|cause| bad(cause.to_string()))?;
    }
    if let Some(name) = OURS.iter().find(|name| headers.contains_key(*name)) {
        return Err(bad(format!("websocket: duplicate header not allowed: {name}")));
    }
    add_credentials(context, &websocket.http_config, &mut headers).await?;
    Ok(headers)
}

fn request(target: &Target, key: &str, headers: &HeaderMap) -> Result<Vec<u8>, Failed> {
    let host = headers.get(HOST).map_or(target.authority().as_bytes(), |host| host.as_bytes());
    let mut bytes = format!("GET {} HTTP/1.1\r\nHost: ", target.path()).into_bytes();
    bytes.extend_from_slice(host);
    if !headers.contains_key(USER_AGENT) {
        bytes.extend_from_slice(format!("\r\nUser-Agent: {AGENT}").as_bytes());
    }
    let rest = format!(
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: 13\r\n"
    );
    bytes.extend_from_slice(rest.as_bytes());
    // Values cannot hold line breaks.
    for (name, value) in headers.iter().filter(|(name, _)| *name != HOST) {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// Reads the answer; what follows its head is the beginning of the first message.
fn read(bytes: &[u8], key: &str, stream: Box<dyn Stream>) -> Result<Opening, Failed> {
    let wrong = |text: String| Failed::new(Phase::Exchange, "not_http", text);
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut lines);
    let end = match answer.parse(bytes) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Err(wrong("response header too large".to_owned())),
        Err(error) => return Err(wrong(format!("malformed HTTP response: {error}"))),
    };
    let status = answer.code.unwrap_or_default();
    let all = |name: &str| {
        let fits = move |line: &&httparse::Header<'_>| line.name.eq_ignore_ascii_case(name);
        let lines = answer.headers.iter().filter(fits);
        let texts: Vec<String> =
            lines.map(|line| String::from_utf8_lossy(line.value).into_owned()).collect();
        texts.join(",")
    };
    let has = |name: &str, token: &str| {
        all(name).split(',').any(|text| text.trim().eq_ignore_ascii_case(token))
    };
    let is_accepted = all("sec-websocket-accept").trim() == accept(key);
    let is_plain = all("sec-websocket-extensions").trim().is_empty();
    let is_upgraded = status == 101
        && has("upgrade", "websocket")
        && has("connection", "upgrade")
        && is_accepted
        && is_plain;
    let socket = if is_upgraded {
        Ok(Socket::new(stream, bytes.get(end..).unwrap_or_default()))
    } else {
        Err("websocket: bad handshake".to_owned())
    };
    Ok(Opening { status, socket })
}

/// What a server answers to a key.
fn accept(key: &str) -> String {
    BASE64_STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_a_key_is_that_of_the_standard() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn only_a_whole_upgrade_opens_the_way() {
        let check = |head: &str, expected: Option<(u16, bool)>| {
            let head = head.replace('\n', "\r\n");
            let stream = Box::new(tokio::io::duplex(1).0);
            let opening = read(head.as_bytes(), "dGhlIHNhbXBsZSBub25jZQ==", stream).ok();
            let found = opening.map(|opening| (opening.status, opening.socket.is_ok()));
            assert_eq!(found, expected, "{head}");
        };
        let good = "HTTP/1.1 101 Switch\nUpgrade: WebSocket\nConnection: keep-alive, Upgrade\n\
                    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n";
        check(good, Some((101, true)));
        check(&good.replace("s3pP", "S3pP"), Some((101, false)));
        check(&good.replace("101", "200"), Some((200, false)));
        check(&good.replace("WebSocket\n", "h2c\n"), Some((101, false)));
        check(&good.replace("\n\n", "\nSec-WebSocket-Extensions: x\n\n"), Some((101, false)));
        check("HTTP/1.1 403 No\nContent-Length: 0\n\n", Some((403, false)));
        check("SSH-2.0-x\n\n", None);
        check("HTTP/1.1 101 Switch\n", None);
    }
}
