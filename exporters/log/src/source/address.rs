//! What a value of `--logs` names: a pattern of files, standard input, a socket or the journal.

use std::path::{Path, PathBuf};

/// How the bytes of a file hold lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines as they are.
    Plain,
    /// One JSON object a line, as Docker's `json-file` driver writes.
    Docker,
    /// `time stream P|F text`, as container runtimes of Kubernetes write.
    Cri,
}

/// Where one record of a socket ends, and what is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line feed or the end of a datagram; given on as it came.
    Lines,
    /// Syslog messages (RFC 3164, 5424, framed as RFC 6587 says), given on as lines of
    /// `/var/log/syslog`.
    Syslog,
}

/// A parsed value of `--logs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Files and named pipes.
    Files {
        /// Absolute pattern.
        pattern: PathBuf,
        /// What stands in them.
        format: Format,
    },
    /// Standard input.
    Stdin,
    /// A stream socket that is listened on.
    Stream(Endpoint, Framing),
    /// A datagram socket.
    Datagram(Endpoint, Framing),
    /// The journal of systemd: a directory, or the usual ones.
    Journal(Option<PathBuf>),
}

/// Where a socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Host (empty: all addresses) and port.
    Inet(String),
    /// Path of a Unix socket.
    Unix(PathBuf),
}

/// Why a value of `--logs` names nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing behind the scheme.
    #[error("{0:?} names no path or address")]
    Empty(String),
    /// An address without a port.
    #[error("{0:?}: expected host:port")]
    NoPort(String),
}

impl Address {
    /// Reads a value of `--logs`; relative paths are looked up from `directory`.
    pub fn parse(text: &str, directory: &Path) -> Result<Address, AddressError> {
        if text == "-" || text == "/dev/stdin" {
            return Ok(Address::Stdin);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return files(text, text, directory, Format::Plain);
        };
        if scheme == "journal" {
            let path = (!rest.is_empty()).then(|| directory.join(rest));
            return Ok(Address::Journal(path));
        }
        let (kind, framing) = match scheme.strip_prefix("syslog+") {
            Some(kind) => (kind, Framing::Syslog),
            None => (scheme, Framing::Lines),
        };
        match kind {
            "unix" => Ok(Address::Stream(unix(text, rest, directory)?, framing)),
            "unixgram" => Ok(Address::Datagram(unix(text, rest, directory)?, framing)),
            "tcp" => Ok(Address::Stream(inet(text, rest)?, framing)),
            "udp" => Ok(Address::Datagram(inet(text, rest)?, framing)),
            "docker" => files(text, rest, directory, Format::Docker),
            "cri" => files(text, rest, directory, Format::Cri),
            "file" => files(text, rest, directory, Format::Plain),
            // As the original: of any other URL the path is taken.
            _ => files(
                text,
                rest.find('/').map_or("", |slash| &rest[slash..]),
                directory,
                Format::Plain,
            ),
        }
    }
}

fn files(
    text: &str,
    pattern: &str,
    directory: &Path,
    format: Format,
) -> Result<Address, AddressError> {
    if pattern.is_empty() {
        return Err(AddressError::Empty(text.into()));
    }
    Ok(Address::Files { pattern: cleaned(&directory.join(pattern)), format })
}

fn unix(text: &str, path: &str, directory: &Path) -> Result<Endpoint, AddressError> {
    if path.is_empty() {
        return Err(AddressError::Empty(text.into()));
    }
    Ok(Endpoint::Unix(directory.join(path)))
}

fn inet(text: &str, address: &str) -> Result<Endpoint, AddressError> {
    let port = address.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    if !matches!(port, Some(Ok(_))) {
        return Err(AddressError::NoPort(text.into()));
    }
    Ok(Endpoint::Inet(address.into()))
}

/// A path without `.` and empty parts, and with `..` taken back, as Go's `filepath.Abs` gives it.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                clean.pop();
            }
            _ => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError, Endpoint, Format, Framing};
    use std::path::{Path, PathBuf};

    fn files(pattern: &str, format: Format) -> Result<Address, AddressError> {
        Ok(Address::Files { pattern: PathBuf::from(pattern), format })
    }

    fn check(text: &str, wanted: Result<Address, AddressError>) {
        assert_eq!(Address::parse(text, Path::new("/home/me")), wanted, "{text}");
    }

    #[test]
    fn paths_and_patterns_are_made_absolute() {
        check("/var/log/*.log", files("/var/log/*.log", Format::Plain));
        check("x.log", files("/home/me/x.log", Format::Plain));
        check("./../b//c.log", files("/home/b/c.log", Format::Plain));
        check("/a/#1?.log", files("/a/#1?.log", Format::Plain));
        check("file:///a/b", files("/a/b", Format::Plain));
        check("http://host/a/b", files("/a/b", Format::Plain));
        check("docker:///c/*/*-json.log", files("/c/*/*-json.log", Format::Docker));
        check("cri:///var/log/pods/**/*.log", files("/var/log/pods/**/*.log", Format::Cri));
        check("", Err(AddressError::Empty(String::new())));
        check("file://", Err(AddressError::Empty("file://".into())));
    }

    #[test]
    fn sockets_pipes_and_journals_have_addresses() {
        let unix = |path: &str| Endpoint::Unix(PathBuf::from(path));
        let inet = |address: &str| Endpoint::Inet(address.into());
        check("-", Ok(Address::Stdin));
        check("/dev/stdin", Ok(Address::Stdin));
        check("unix:///run/l.sock", Ok(Address::Stream(unix("/run/l.sock"), Framing::Lines)));
        check("unix://l.sock", Ok(Address::Stream(unix("/home/me/l.sock"), Framing::Lines)));
        check("unixgram:///dev/log", Ok(Address::Datagram(unix("/dev/log"), Framing::Lines)));
        check("tcp://[::1]:514", Ok(Address::Stream(inet("[::1]:514"), Framing::Lines)));
        check("udp://:514", Ok(Address::Datagram(inet(":514"), Framing::Lines)));
        check("syslog+udp://:514", Ok(Address::Datagram(inet(":514"), Framing::Syslog)));
        check("syslog+tcp://h:514", Ok(Address::Stream(inet("h:514"), Framing::Syslog)));
        check("tcp://host", Err(AddressError::NoPort("tcp://host".into())));
        check("tcp://host:http", Err(AddressError::NoPort("tcp://host:http".into())));
        check("unix://", Err(AddressError::Empty("unix://".into())));
        check("journal://", Ok(Address::Journal(None)));
        check("journal:///var/log/journal", Ok(Address::Journal(Some("/var/log/journal".into()))));
    }
}
