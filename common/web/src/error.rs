//! What can keep us from serving.

use std::io;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address cannot be listened on.
    #[error("{problem}")]
    Listen {
        /// In Go's words: `listen tcp :9100: bind: address already in use`.
        problem: String,
    },
    /// The web configuration file is wrong.
    #[error("{problem}")]
    Config {
        /// Where and what.
        problem: String,
    },
}

impl Error {
    pub(crate) fn listen(address: &str, error: &io::Error) -> Error {
        let text = error.to_string();
        let cause = text.split(" (os error ").next().unwrap_or(&text).to_lowercase();
        let call = match error.raw_os_error() {
            Some(_) => "bind: ",
            None => "",
        };
        Error::Listen { problem: format!("listen tcp {address}: {call}{cause}") }
    }

    pub(crate) fn config(problem: impl Into<String>) -> Error {
        Error::Config { problem: problem.into() }
    }
}
