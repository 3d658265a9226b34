//! The web configuration file as a source of protection: looked at for every request and every
//! handshake, read again when it or a file that it names has changed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common_config::TlsVersion;
use common_config::web::{self, Material, TlsServerConfig, WebConfig};
use hyper::header::{HeaderName, HeaderValue};
use parking_lot::Mutex;

use super::{ClientAuth, Protection, ProtectionSource, TlsMaterial, check_hash, server_tls};
use crate::{Error, Listener};

/// Bytes of a configuration or certificate file; a bundle of all public authorities has 0.3 MiB.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A `--web.config.file`.
pub struct WebConfigFile {
    path: PathBuf,
    read: Mutex<Read>,
}

/// What the file said when it was read last.
struct Read {
    /// The files that were read, as they were just before.
    files: Vec<(PathBuf, Option<Stamp>)>,
    http2: bool,
    outcome: Result<Arc<Protection>, String>,
}

/// What changes when a file is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl WebConfigFile {
    /// The file named by the flag, none where the flag is empty. What is wrong with the file, or
    /// with one that it names, is an error here; later it is answered with 500.
    pub fn from_flag(path: &str) -> Result<Option<Arc<WebConfigFile>>, Error> {
        if path.is_empty() { Ok(None) } else { WebConfigFile::open(path).map(Some) }
    }

    /// Reads and checks the file.
    pub fn open(path: impl Into<PathBuf>) -> Result<Arc<WebConfigFile>, Error> {
        let path = path.into();
        let read = Read::new(&path);
        match &read.outcome {
            Ok(_) => Ok(Arc::new(WebConfigFile { path, read: Mutex::new(read) })),
            Err(problem) => Err(Error::config(problem)),
        }
    }

    /// Logs where is listened and whether TLS is spoken there, in the words that other tools parse.
    pub fn log(file: Option<&WebConfigFile>, listeners: &[Listener]) {
        let (tls, http2) = file.map_or((false, false), WebConfigFile::speaks);
        for address in listeners {
            tracing::info!(%address, "Listening on");
            if tls {
                tracing::info!(http2, %address, "TLS is enabled.");
            } else {
                tracing::info!(http2, %address, "TLS is disabled.");
            }
        }
    }

    /// Whether TLS is spoken, and whether HTTP/2 over it, as the file says now.
    #[must_use]
    pub fn speaks(&self) -> (bool, bool) {
        let tls = self.current().is_ok_and(|protection| protection.tls.is_some());
        (tls, tls && self.read.lock().http2)
    }
}

impl ProtectionSource for WebConfigFile {
    fn current(&self) -> Result<Arc<Protection>, String> {
        let mut read = self.read.lock();
        if read.files.iter().any(|(path, then)| stamp(path) != *then) {
            *read = Read::new(&self.path);
        }
        read.outcome.clone()
    }
}

impl Read {
    fn new(path: &Path) -> Read {
        let mut read = Read { files: Vec::new(), http2: false, outcome: Err(String::new()) };
        read.outcome = read.protection(path).map(Arc::new);
        read
    }

    fn protection(&mut self, path: &Path) -> Result<Protection, String> {
        let text = self.file(path)?;
        let config =
            WebConfig::parse(&text, &path.to_string_lossy()).map_err(|error| error.to_string())?;
        let wrong = |problem: String| format!("{}: {problem}", path.display());
        let mut users = Vec::with_capacity(config.basic_auth_users.len());
        for (name, hash) in &config.basic_auth_users {
            check_hash(hash.expose())
                .map_err(|e| wrong(format!("basic_auth_users: {name}: {e}")))?;
            users.push((name.clone(), hash.expose().to_owned()));
        }
        let mut headers = Vec::with_capacity(config.http.headers.len());
        for (name, value) in &config.http.headers {
            let value = HeaderValue::from_str(value).map_err(|e| wrong(format!("{name}: {e}")))?;
            let name: HeaderName = name.parse().map_err(|e| wrong(format!("{name}: {e}")))?;
            headers.push((name, value));
        }
        let tls = match &config.tls {
            Some(tls) => Some(Arc::new(self.tls(tls, config.http.http2).map_err(wrong)?)),
            None => None,
        };
        let rate_limit = config
            .rate_limit
            .map(|limit| (limit.interval, u32::try_from(limit.burst).unwrap_or(u32::MAX)));
        Ok(Protection { tls, users, headers, rate_limit })
    }

    fn tls(&mut self, tls: &TlsServerConfig, http2: bool) -> Result<rustls::ServerConfig, String> {
        for (key, version) in [("min_version", tls.min_version), ("max_version", tls.max_version)] {
            if version < TlsVersion::Tls12 {
                return Err(format!("{key}: only TLS12 and TLS13 are supported"));
            }
        }
        if http2 && !tls.allows_http2() {
            let problem = "http2: TLSConfig.CipherSuites is missing an HTTP/2-required \
                           AES_128_GCM_SHA256 cipher; add one or set http2 to false";
            return Err(problem.to_owned());
        }
        self.http2 = http2;
        let spans = |version| tls.min_version <= version && version <= tls.max_version;
        server_tls(&TlsMaterial {
            cert: self.material(&tls.cert)?,
            key: self.material(&tls.key)?,
            client_ca: tls.client_ca.as_ref().map(|ca| self.material(ca)).transpose()?,
            client_auth: match tls.client_auth {
                web::ClientAuth::None => ClientAuth::None,
                web::ClientAuth::Request => ClientAuth::Request,
                web::ClientAuth::RequireAny => ClientAuth::RequireAny,
                web::ClientAuth::VerifyIfGiven => ClientAuth::VerifyIfGiven,
                web::ClientAuth::RequireAndVerify => ClientAuth::RequireAndVerify,
            },
            client_allowed_sans: tls.client_allowed_sans.clone(),
            versions: (spans(TlsVersion::Tls12), spans(TlsVersion::Tls13)),
            cipher_suites: tls.cipher_suites.clone(),
            prefer_server_cipher_suites: tls.prefer_server_cipher_suites,
            curves: tls.curve_preferences.clone(),
            http2,
        })
    }

    fn material(&mut self, material: &Material) -> Result<String, String> {
        match material {
            Material::Inline(text) => Ok(text.expose().to_owned()),
            Material::File(path) => self.file(Path::new(path)),
        }
    }

    /// The text of a file, whose state is noted first: a change while it is read is seen later.
    fn file(&mut self, path: &Path) -> Result<String, String> {
        let now = stamp(path);
        self.files.push((path.to_owned(), now));
        if now.is_some_and(|now| now.len > FILE_BYTES_MAX) {
            return Err(format!("{}: more than {FILE_BYTES_MAX} bytes", path.display()));
        }
        fs::read_to_string(path).map_err(|error| {
            let text = error.to_string();
            let cause = text.split(" (os error ").next().unwrap_or(&text).to_lowercase();
            format!("open {}: {cause}", path.display())
        })
    }
}

/// `None` where there is no such file, or none that may be looked at.
fn stamp(path: &Path) -> Option<Stamp> {
    let about = fs::metadata(path).ok()?;
    Some(Stamp {
        device: about.dev(),
        inode: about.ino(),
        len: about.len(),
        modified: (about.mtime(), about.mtime_nsec()),
        changed: (about.ctime(), about.ctime_nsec()),
    })
}
