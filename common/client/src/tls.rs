//! `tls_config` to what rustls needs, and its errors to what Go says.

use std::sync::{Arc, OnceLock};

use common_config::{TlsConfig, TlsVersion};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, InvalidMessage,
    RootCertStore, SignatureScheme, SupportedProtocolVersion,
};

use crate::der;
use crate::error::{Cause, go_cause};

/// The texts that a configuration is built from; what changed is built anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Material {
    ca: Option<String>,
    cert: Option<String>,
    key: Option<String>,
}

impl Material {
    /// Reads the files that the configuration names.
    pub fn read(config: &TlsConfig) -> Result<Material, Cause> {
        let text = |inline: Option<&str>, file: Option<&String>, thing: &str| match (inline, file) {
            (Some(text), _) => Ok(Some(text.to_owned())),
            (None, Some(path)) if !path.is_empty() => {
                std::fs::read_to_string(path).map(Some).map_err(|e| unreadable(thing, path, &e))
            }
            (None, _) => Ok(None),
        };
        Ok(Material {
            ca: text(config.ca.as_deref(), config.ca_file.as_ref(), "CA")?,
            cert: text(config.cert.as_deref(), config.cert_file.as_ref(), "client cert")?,
            key: text(
                config.key.as_ref().map(|key| key.expose()),
                config.key_file.as_ref(),
                "client key",
            )?,
        })
    }

    /// The roots that the configuration gives; `None` stands for those of the system.
    pub fn roots(&self) -> Result<Option<Vec<CertificateDer<'static>>>, Cause> {
        let Some(text) = &self.ca else { return Ok(None) };
        let given: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|e| bad_ca(&e))?;
        if given.is_empty() {
            return Err(bad_ca(&"no certificate in it"));
        }
        Ok(Some(given))
    }
}

fn bad_ca(problem: &dyn std::fmt::Display) -> Cause {
    Cause::Tls(format!("unable to use specified CA cert: {problem}"))
}

fn unreadable(thing: &str, path: &str, error: &std::io::Error) -> Cause {
    let cause = go_cause(error);
    Cause::Tls(format!("unable to read {thing} file {path}: open {path}: {cause}"))
}

/// Builds the configuration of a connection.
pub(crate) fn build(
    config: &TlsConfig,
    material: &Material,
    h2: bool,
) -> Result<ClientConfig, Cause> {
    let provider = Arc::new(ring::default_provider());
    let verifier = verifier_of(config, material, &provider)?;
    let mut tls = build_with(config, material, provider, verifier)?;
    if h2 {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(tls)
}

/// Who judges the certificate of a server, as the configuration says.
pub fn verifier_of(
    config: &TlsConfig,
    material: &Material,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Cause> {
    let provider = Arc::clone(provider);
    if config.insecure_skip_verify {
        return Ok(Arc::new(Credulous(provider)));
    }
    Ok(Arc::new(verifier(material, provider)?))
}

/// Builds the configuration of a connection around a judge, without protocols to negotiate.
pub fn build_with(
    config: &TlsConfig,
    material: &Material,
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, Cause> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(config)?)
        .map_err(|e| Cause::Tls(format!("tls: {e}")))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    Ok(match (&material.cert, &material.key) {
        (Some(cert), Some(key)) => {
            let bad = |e: &dyn std::fmt::Display| {
                Cause::Tls(format!("unable to use client cert and key: {e}"))
            };
            let chain: Vec<_> = CertificateDer::pem_slice_iter(cert.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|e| bad(&e))?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|e| bad(&e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| bad(&e))?
        }
        _ => builder.with_no_client_auth(),
    })
}

/// rustls knows 1.2 and 1.3 only: an older minimum is raised, an older maximum cannot be honoured.
fn versions(config: &TlsConfig) -> Result<Vec<&'static SupportedProtocolVersion>, Cause> {
    let min = config.min_version.unwrap_or(TlsVersion::Tls12);
    let max = config.max_version.unwrap_or(TlsVersion::Tls13);
    let known = [
        (TlsVersion::Tls12, &rustls::version::TLS12),
        (TlsVersion::Tls13, &rustls::version::TLS13),
    ];
    let versions: Vec<_> = known
        .into_iter()
        .filter(|(version, _)| (min..=max).contains(version))
        .map(|(_, version)| version)
        .collect();
    if versions.is_empty() {
        let max = max.name();
        return Err(Cause::Tls(format!(
            "tls: no supported version up to {max}; TLS12 is the oldest"
        )));
    }
    Ok(versions)
}

fn verifier(material: &Material, provider: Arc<CryptoProvider>) -> Result<Verifier, Cause> {
    let (roots, given) = match material.roots()? {
        None => (system_roots(), Vec::new()),
        Some(given) => {
            let mut roots = RootCertStore::empty();
            for certificate in &given {
                roots.add(certificate.clone()).map_err(|e| bad_ca(&e))?;
            }
            (Arc::new(roots), given)
        }
    };
    verifier_over(roots, given, provider)
}

fn verifier_over(
    roots: Arc<RootCertStore>,
    given: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Verifier, Cause> {
    let signatures = Credulous(Arc::clone(&provider));
    // A system without roots believes nobody, but what needs no TLS works all the same.
    let inner = if roots.is_empty() {
        None
    } else {
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider);
        Some(inner.build().map_err(|e| bad_ca(&e))?)
    };
    Ok(Verifier { inner, given, signatures })
}

/// The roots of the system, read once. Broken ones are left out, as Go does it.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(load))
}

/// The usual verification; but a server may also show a certificate that was itself given as root,
/// which is how the guides of the exporters set up TLS. rustls alone refuses a CA as server.
#[derive(Debug)]
struct Verifier {
    /// `None` where there are no roots.
    inner: Option<Arc<WebPkiServerVerifier>>,
    given: Vec<CertificateDer<'static>>,
    signatures: Credulous,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if !self.given.iter().any(|given| given == leaf) {
            return match &self.inner {
                Some(inner) => inner.verify_server_cert(leaf, chain, name, ocsp, now),
                None => Err(CertificateError::UnknownIssuer.into()),
            };
        }
        rustls::client::verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
        let now = now.as_secs() as i64;
        match der::validity(leaf) {
            None => Err(CertificateError::BadEncoding.into()),
            Some((from, _)) if now < from => Err(CertificateError::NotValidYet.into()),
            Some((_, to)) if now > to => Err(CertificateError::Expired.into()),
            Some(_) => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signatures.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signatures.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signatures.supported_verify_schemes()
    }
}

/// Believes every certificate: `insecure_skip_verify`.
#[derive(Debug)]
struct Credulous(Arc<CryptoProvider>);

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A failed handshake in Go's words.
pub fn handshake_error(error: &std::io::Error, host: &str) -> Cause {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
    let invalid = "tls: failed to verify certificate: x509: ";
    let text = match inner {
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
        None => go_cause(error),
        Some(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "http: server gave HTTP response to HTTPS client".to_owned()
        }
        Some(TlsError::InvalidCertificate(problem)) => match problem {
            CertificateError::UnknownIssuer => {
                format!("{invalid}certificate signed by unknown authority")
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                format!("{invalid}certificate has expired or is not yet valid")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("{invalid}certificate is not valid for {host}")
            }
            other => format!("{invalid}{other}"),
        },
        Some(TlsError::AlertReceived(alert)) => {
            let words: String = format!("{alert:?}")
                .chars()
                .flat_map(|c| match c.is_ascii_uppercase() {
                    true => vec![' ', c.to_ascii_lowercase()],
                    false => vec![c],
                })
                .collect();
            format!("remote error: tls:{words}")
        }
        Some(other) => format!("tls: {other}"),
    };
    Cause::Tls(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_roots_believes_nobody() {
        let provider = Arc::new(ring::default_provider());
        let roots = Arc::new(RootCertStore::empty());
        let verifier = verifier_over(roots, Vec::new(), provider).unwrap();
        let leaf = CertificateDer::from(vec![0x30, 0]);
        let name = ServerName::try_from("a.test").unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let refused = verifier.verify_server_cert(&leaf, &[], &name, &[], now).unwrap_err();
        assert_eq!(refused, CertificateError::UnknownIssuer.into());
        assert!(!verifier.supported_verify_schemes().is_empty());
    }
}
