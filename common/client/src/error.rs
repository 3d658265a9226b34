//! What can go wrong with a request, in the words of Go's HTTP client: they stand on the targets
//! page, in alerts and in logs.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The URL cannot be understood.
    #[error("{0}")]
    Url(String),
    /// The host has no address.
    #[error("dial tcp: lookup {host}: {problem}")]
    Lookup {
        /// Name that was looked up.
        host: String,
        /// What came back.
        problem: String,
    },
    /// An address does not take the connection.
    #[error("dial tcp {address}: {problem}")]
    Dial {
        /// The address.
        address: SocketAddr,
        /// As Go words it.
        problem: String,
    },
    /// The proxy does not do what it should.
    #[error("{0}")]
    Proxy(String),
    /// No encrypted connection.
    #[error("{0}")]
    Tls(String),
    /// The time is up.
    #[error("context deadline exceeded")]
    Deadline,
    /// The server closed the connection without an answer.
    #[error("EOF")]
    Eof,
    /// The server closed the connection within the answer.
    #[error("unexpected EOF")]
    UnexpectedEof,
    /// The answer is not HTTP.
    #[error("{0}")]
    Protocol(String),
    /// The body, as it is or decompressed, is larger than allowed.
    #[error("body size limit exceeded")]
    BodyTooLarge,
    /// The body is not what its encoding says.
    #[error("{0}")]
    Encoding(String),
    /// The server sends us round and round.
    #[error("stopped after {0} redirects")]
    Redirects(usize),
    /// A credential cannot be had.
    #[error("{0}")]
    Credentials(String),
}

/// A failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Method and URL, where the answer had not yet begun.
    request: Option<(String, String)>,
    /// What went wrong.
    pub cause: Cause,
}

impl Error {
    pub(crate) fn request(method: &hyper::Method, url: &str, cause: Cause) -> Error {
        let name = method.as_str();
        let (first, rest) = name.split_at(name.len().min(1));
        let method = format!("{first}{}", rest.to_ascii_lowercase());
        Error { request: Some((method, crate::url::without_password(url))), cause }
    }

    pub(crate) fn bare(cause: Cause) -> Error {
        Error { request: None, cause }
    }

    /// Whether the time was up.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.cause == Cause::Deadline
    }

    /// Whether the same request may succeed later: everything but a wrong URL or configuration.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        !matches!(self.cause, Cause::Url(_) | Cause::Redirects(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.request {
            Some((method, url)) => write!(f, "{method} {url:?}: {}", self.cause),
            None => write!(f, "{}", self.cause),
        }
    }
}

impl std::error::Error for Error {}

/// The cause of a system error as Go words it: `connection refused`.
#[must_use]
pub fn go_cause(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_lowercase()
}
