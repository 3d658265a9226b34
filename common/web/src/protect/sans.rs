//! Names in a client's certificate: only those of `client_allowed_sans` are let in.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError, SignatureScheme,
};

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
/// `extensions` of a certificate, RFC 5280 section 4.1.
const EXTENSIONS: u8 = 0xa3;
/// The identifier of `subjectAltName`, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

// Kinds of names, RFC 5280 section 4.2.1.6; others are not compared, as in Go.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const ADDRESS: u8 = 0x87;

/// Asks another verifier, then looks for one of the allowed names.
#[derive(Debug)]
pub(super) struct AllowedNames {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
    pub(super) allowed: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("could not find allowed SANs in client cert, found: {0:?}")]
struct NotAllowed(Vec<String>);

impl ClientCertVerifier for AllowedNames {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn offer_client_auth(&self) -> bool {
        self.inner.offer_client_auth()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        let verified = self.inner.verify_client_cert(leaf, chain, now)?;
        let names = names(leaf).unwrap_or_default();
        if names.iter().any(|name| self.allowed.contains(name)) {
            return Ok(verified);
        }
        Err(TlsError::Other(OtherError(Arc::new(NotAllowed(names)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.inner.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// The names of a certificate as Go prints them: host names, addresses, e-mail addresses, URIs.
/// `None` where it cannot be read, or has none.
fn names(certificate: &[u8]) -> Option<Vec<String>> {
    let (_, certificate, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let (_, mut fields, _) = element(certificate).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let extensions = loop {
        let (tag, content, rest) = element(fields)?;
        if tag == EXTENSIONS {
            break content;
        }
        fields = rest;
    };
    let (_, mut extensions, _) = element(extensions).filter(|(tag, ..)| *tag == SEQUENCE)?;
    loop {
        let (_, extension, rest) = element(extensions)?;
        let (_, identifier, mut value) =
            element(extension).filter(|(tag, ..)| *tag == OBJECT_IDENTIFIER)?;
        extensions = rest;
        if identifier != SUBJECT_ALT_NAME {
            continue;
        }
        // Between the two may stand whether the extension is critical.
        loop {
            let (tag, content, rest) = element(value)?;
            if tag == OCTET_STRING {
                return list(content);
            }
            value = rest;
        }
    }
}

fn list(value: &[u8]) -> Option<Vec<String>> {
    let (_, mut rest, _) = element(value).filter(|(tag, ..)| *tag == SEQUENCE)?;
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (tag, content, after) = element(rest)?;
        rest = after;
        match tag {
            EMAIL | DNS | URI => names.push(std::str::from_utf8(content).ok()?.to_owned()),
            ADDRESS => names.push(address(content)?.to_string()),
            _ => {}
        }
    }
    Some(names)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(four.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(|sixteen| IpAddr::from(sixteen).to_canonical())
}

/// Tag and content of the first element, and what follows it (X.690, definite lengths).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, mut bytes) = bytes.split_first()?;
    let mut len = usize::from(first);
    if first >= 0x80 {
        let digits = usize::from(first & 0x7f);
        if digits == 0 || digits > 4 {
            return None;
        }
        let (number, rest) = bytes.split_at_checked(digits)?;
        len = number.iter().fold(0, |len, &digit| len << 8 | usize::from(digit));
        bytes = rest;
    }
    let (content, rest) = bytes.split_at_checked(len)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn names_of_all_kinds_are_read() {
        let pem = include_bytes!("../../tests/fixtures/client.crt");
        let certificate = CertificateDer::from_pem_slice(pem).unwrap();
        let expected =
            ["scraper.example", "10.1.2.3", "2001:db8::1", "ops@example.com", "spiffe://a/b"];
        assert_eq!(names(&certificate).unwrap(), expected);
    }

    #[test]
    fn a_torn_certificate_has_no_names() {
        let pem = include_bytes!("../../tests/fixtures/client.crt");
        let certificate = CertificateDer::from_pem_slice(pem).unwrap();
        for len in 0..certificate.len() {
            assert_eq!(names(&certificate[..len]), None, "{len}");
        }
    }
}
