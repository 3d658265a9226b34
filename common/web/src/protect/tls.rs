//! Certificates and policies to a rustls server.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, RootCertStore, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};

use super::sans::AllowedNames;

/// Which certificate a client must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// None is asked for.
    #[default]
    None,
    /// Asked for, but not looked at.
    Request,
    /// Any, not verified.
    RequireAny,
    /// If there is one it must be signed by the client CA.
    VerifyIfGiven,
    /// There must be one, signed by the client CA.
    RequireAndVerify,
}

/// PEM texts and policies of `tls_server_config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsMaterial {
    /// Certificate chain.
    pub cert: String,
    /// Private key.
    pub key: String,
    /// CA of the clients.
    pub client_ca: Option<String>,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// Names of which a client's certificate must bear one; any where there are none.
    pub client_allowed_sans: Vec<String>,
    /// Versions of TLS that are spoken, 12 and 13.
    pub versions: (bool, bool),
    /// Go's names of the TLS 1.2 suites that are allowed; all where there are none.
    pub cipher_suites: Vec<String>,
    /// Whether our order of the suites counts, not the client's.
    pub prefer_server_cipher_suites: bool,
    /// Go's names of the key exchanges in order of preference; all where there are none.
    pub curves: Vec<String>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
}

/// Builds a server's configuration. Errors say what does not fit, in Go's words where it has some.
pub fn server_tls(material: &TlsMaterial) -> Result<ServerConfig, String> {
    let provider = Arc::new(provider(material)?);
    let mut versions: Vec<&'static SupportedProtocolVersion> = Vec::new();
    if material.versions.0 {
        versions.push(&rustls::version::TLS12);
    }
    if material.versions.1 {
        versions.push(&rustls::version::TLS13);
    }
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|e| format!("tls: {e}"))?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(material.cert.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|e| format!("failed to load X509KeyPair: {e}"))?;
    let key = PrivateKeyDer::from_pem_slice(material.key.as_bytes())
        .map_err(|e| format!("failed to load X509KeyPair: {e}"))?;
    let builder = match client_verifier(material, provider)? {
        Some(inner) if !material.client_allowed_sans.is_empty() => {
            let allowed = material.client_allowed_sans.clone();
            builder.with_client_cert_verifier(Arc::new(AllowedNames { inner, allowed }))
        }
        None if !material.client_allowed_sans.is_empty() => {
            return Err("client_allowed_sans needs a client_auth_type".to_owned());
        }
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|e| format!("failed to load X509KeyPair: {e}"))?;
    config.ignore_client_order = material.prefer_server_cipher_suites;
    if material.http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

/// The suites and key exchanges that the configuration leaves.
fn provider(material: &TlsMaterial) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !material.cipher_suites.is_empty() {
        let mut wanted = Vec::new();
        for name in &material.cipher_suites {
            // Go knows the suites with ChaCha20 with and without the hash at the end.
            let plain = name.trim_end_matches("_SHA256");
            let same = |suite: &&rustls::SupportedCipherSuite| {
                let known = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
                known.trim_end_matches("_SHA256") == plain
            };
            let suite = provider.cipher_suites.iter().find(same);
            wanted.push(*suite.ok_or_else(|| unsupported_suite(name))?);
        }
        // As in Go, suites of 1.3 are not a matter of configuration.
        let is_13 = |suite: &rustls::SupportedCipherSuite| suite.tls13().is_some();
        provider.cipher_suites.retain(|suite| is_13(suite) || wanted.contains(suite));
    }
    if !material.curves.is_empty() {
        let mut groups = Vec::new();
        for name in &material.curves {
            let group = match name.as_str() {
                "X25519" => ring::kx_group::X25519,
                "CurveP256" => ring::kx_group::SECP256R1,
                "CurveP384" => ring::kx_group::SECP384R1,
                _ => {
                    let known = "X25519, CurveP256, CurveP384";
                    return Err(format!("unsupported curve: {name} (supported: {known})"));
                }
            };
            groups.push(group);
        }
        provider.kx_groups = groups;
    }
    Ok(provider)
}

fn unsupported_suite(name: &str) -> String {
    format!("unsupported cipher: {name} (supported: those with ECDHE and GCM or CHACHA20_POLY1305)")
}

fn client_verifier(
    material: &TlsMaterial,
    provider: Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    let must_verify =
        matches!(material.client_auth, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify);
    if !must_verify {
        if material.client_ca.is_some() {
            return Err("client CA's have been configured without a Client Auth Policy".to_owned());
        }
        let is_required = material.client_auth == ClientAuth::RequireAny;
        return Ok(match material.client_auth {
            ClientAuth::None => None,
            _ => Some(Arc::new(AnyClient { provider, is_required })),
        });
    }
    let Some(text) = &material.client_ca else {
        return Err("Client Auth Policy requires client CA's".to_owned());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|e| format!("client CA: {e}"))?;
        roots.add(certificate).map_err(|e| format!("client CA: {e}"))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match material.client_auth {
        ClientAuth::VerifyIfGiven => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map(|verifier| Some(verifier as _)).map_err(|e| format!("client CA: {e}"))
}

/// Takes any certificate of a client; that it has the key is still checked.
#[derive(Debug)]
struct AnyClient {
    provider: Arc<CryptoProvider>,
    is_required: bool,
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
