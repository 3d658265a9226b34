//! TLS towards targets: the configuration of a module, the handshake, and what was seen in it.

mod chain;
mod metrics;
mod name;

use std::io;
use std::sync::Arc;

use common_client::parts::{Material, build_with, handshake_error, verifier_of};
use common_config::TlsConfig;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, CipherSuite, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Reason, Results};

pub use metrics::Shown;
pub(super) use name::hex;

/// Go's order of preference: a server that follows its client chooses the same as for the
/// original.
const SUITES: [CipherSuite; 9] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// A module's `tls_config`, ready for one handshake or several of the same probe.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<rustls::ClientConfig>,
    roots: Option<Arc<Vec<CertificateDer<'static>>>>,
    is_verifying: bool,
    seen: Arc<Mutex<Vec<CertificateDer<'static>>>>,
}

/// What a handshake told.
#[derive(Clone, Debug)]
pub struct Session {
    version: &'static str,
    cipher: String,
    /// As the server sent it, its own certificate first.
    presented: Vec<CertificateDer<'static>>,
    /// The ways from the server's certificate to a root; none where nothing was verified.
    verified: Vec<Vec<CertificateDer<'static>>>,
    /// The protocol that both sides agreed on.
    pub alpn: Option<Vec<u8>>,
}

/// Why there is no session.
#[derive(Debug)]
pub struct TlsProblem {
    /// In Go's words.
    pub text: String,
    /// In few words.
    pub reason: Reason,
    /// What the server showed before it was refused; empty where it came to nothing.
    presented: Vec<CertificateDer<'static>>,
}

impl TlsClient {
    /// Reads the files that the configuration names. `alpn` are the protocols to offer.
    pub fn new(config: &TlsConfig, alpn: &[&[u8]]) -> Result<TlsClient, String> {
        let material = Material::read(config).map_err(|cause| cause.to_string())?;
        let provider = provider();
        let judge = verifier_of(config, &material, &provider).map_err(|c| c.to_string())?;
        let roots = material.roots().map_err(|cause| cause.to_string())?;
        let seen = Arc::new(Mutex::default());
        let witness = Arc::new(Witness { judge, seen: Arc::clone(&seen) });
        let mut tls =
            build_with(config, &material, provider, witness).map_err(|c| c.to_string())?;
        tls.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        // Every probe shakes hands in full.
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(TlsClient {
            config: Arc::new(tls),
            roots: roots.map(Arc::new),
            is_verifying: !config.insecure_skip_verify,
            seen,
        })
    }

    /// Shakes hands over an open connection; `name` is what the certificate must be for. The
    /// caller sees to the deadline.
    pub async fn handshake<S>(
        &self,
        stream: S,
        name: &str,
    ) -> Result<(TlsStream<S>, Session), TlsProblem>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let host = name.trim_start_matches('[').trim_end_matches(']');
        let host = host.split('%').next().unwrap_or(host);
        let Ok(server) = ServerName::try_from(host.trim_end_matches('.').to_owned()) else {
            let text = format!("tls: invalid server name {name:?}");
            return Err(TlsProblem { text, reason: "bad_name", presented: Vec::new() });
        };
        self.seen.lock().clear();
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match connector.connect(server, stream).await {
            Ok(stream) => {
                let session = self.session(stream.get_ref().1);
                Ok((stream, session))
            }
            Err(error) => Err(TlsProblem {
                text: handshake_error(&error, name).to_string(),
                reason: reason_of(&error),
                presented: std::mem::take(&mut *self.seen.lock()),
            }),
        }
    }

    fn session(&self, connection: &rustls::ClientConnection) -> Session {
        let presented: Vec<CertificateDer<'static>> = connection
            .peer_certificates()
            .unwrap_or_default()
            .iter()
            .map(|c| c.clone().into_owned())
            .collect();
        let now = UnixTime::now().as_secs();
        let verified = if self.is_verifying {
            chain::chains(&presented, self.roots.as_deref().map(Vec::as_slice), now)
        } else {
            Vec::new()
        };
        Session {
            version: version_name(connection.protocol_version()),
            cipher: cipher_name(connection.negotiated_cipher_suite()),
            presented,
            verified,
            alpn: connection.alpn_protocol().map(<[u8]>::to_vec),
        }
    }
}

impl Session {
    /// Sets the gauges of a session that a prober shows.
    pub fn show(&self, shown: Shown, results: &mut Results) {
        metrics::show(self, shown, results);
    }
}

impl TlsProblem {
    /// Sets the gauges of the certificate that was not believed, where the module asks for them.
    pub fn show(&self, results: &mut Results) {
        metrics::show_presented(&self.presented, results);
    }
}

fn provider() -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    let place = |suite: &rustls::SupportedCipherSuite| {
        SUITES.iter().position(|known| *known == suite.suite()).unwrap_or(SUITES.len())
    };
    provider.cipher_suites.sort_by_key(place);
    Arc::new(provider)
}

fn version_name(version: Option<rustls::ProtocolVersion>) -> &'static str {
    match version {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "unknown",
    }
}

/// The name in IANA's registry, which TLS 1.3 shares with those before.
fn cipher_name(suite: Option<rustls::SupportedCipherSuite>) -> String {
    let name = suite.map(|suite| format!("{:?}", suite.suite())).unwrap_or_default();
    name.replacen("TLS13_", "TLS_", 1)
}

fn reason_of(error: &io::Error) -> Reason {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    match inner {
        None => super::reason_of(error),
        Some(TlsError::InvalidCertificate(problem)) => match problem {
            CertificateError::UnknownIssuer => "unknown_authority",
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "not_valid_yet"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "wrong_name"
            }
            _ => "bad_certificate",
        },
        Some(TlsError::AlertReceived(_)) => "alert",
        Some(TlsError::InvalidMessage(_)) => "not_tls",
        Some(TlsError::PeerIncompatible(_)) => "incompatible",
        Some(_) => "handshake",
    }
}

/// Keeps what a server shows, whatever the judge says of it.
#[derive(Debug)]
struct Witness {
    judge: Arc<dyn ServerCertVerifier>,
    seen: Arc<Mutex<Vec<CertificateDer<'static>>>>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let all = std::iter::once(leaf).chain(chain);
        *self.seen.lock() = all.map(|certificate| certificate.clone().into_owned()).collect();
        self.judge.verify_server_cert(leaf, chain, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.judge.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.judge.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.judge.supported_verify_schemes()
    }
}
