//! The gauges of certificates and sessions.

use common_instrument::Family;
use ring::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use super::{Session, name};
use crate::probe::Results;

const EARLIEST_EXPIRY: Family =
    Family::gauge("probe_ssl_earliest_cert_expiry", "Returns last SSL chain expiry in unixtime");
const LAST_CHAIN_EXPIRY: Family = Family::gauge(
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "Returns last SSL chain expiry in timestamp",
);
const LAST_CHAIN_INFO: Family =
    Family::gauge("probe_ssl_last_chain_info", "Contains SSL leaf certificate information");
const VERSION: Family =
    Family::gauge("probe_tls_version_info", "Returns the TLS version used or NaN when unknown");
const CIPHER: Family =
    Family::gauge("probe_tls_cipher_info", "Returns the TLS cipher negotiated during handshake");
/// What Go's zero time is in seconds.
const NEVER: f64 = -62_135_596_800.0;

/// Which gauges a prober shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All of them: http.
    Http,
    /// All but the cipher: tcp and unix.
    Tcp,
    /// Neither cipher nor the expiry of chains: grpc.
    Grpc,
}

pub(super) fn show(session: &Session, shown: Shown, results: &mut Results) {
    show_presented(&session.presented, results);
    if shown != Shown::Grpc {
        results.set(&LAST_CHAIN_EXPIRY, last_expiry(&session.verified));
    }
    results.set_with(&VERSION, &[("version", session.version)], 1.0);
    if shown == Shown::Http {
        results.set_with(&CIPHER, &[("cipher", &session.cipher)], 1.0);
    }
}

/// What is known without believing anything.
pub(super) fn show_presented(presented: &[CertificateDer<'_>], results: &mut Results) {
    let Some((_, leaf)) = presented.first().and_then(|der| parse_x509_certificate(der).ok()) else {
        return;
    };
    results.set(&EARLIEST_EXPIRY, earliest(presented));
    let labels = [
        ("fingerprint_sha256", name::hex(digest(&SHA256, &presented[0]).as_ref())),
        ("issuer", name::text(leaf.issuer())),
        ("serialnumber", serial(&leaf)),
        ("subject", name::text(leaf.subject())),
        ("subjectalternative", dns_names(&leaf)),
    ];
    let labels: Vec<(&str, &str)> =
        labels.iter().map(|(name, text)| (*name, text.as_str())).collect();
    results.set_with(&LAST_CHAIN_INFO, &labels, 1.0);
}

/// When the first of these certificates ends; [`NEVER`] where there is none.
fn earliest(ders: &[CertificateDer<'_>]) -> f64 {
    let ends = ders.iter().filter_map(|der| parse_x509_certificate(der).ok());
    let ends = ends.map(|(_, certificate)| certificate.validity().not_after.timestamp());
    ends.min().map_or(NEVER, |end| end as f64)
}

/// When the last of the chains ends, each of which ends with its first certificate.
fn last_expiry(chains: &[Vec<CertificateDer<'_>>]) -> f64 {
    chains.iter().map(|chain| earliest(chain)).fold(NEVER, f64::max)
}

fn dns_names(certificate: &X509Certificate<'_>) -> String {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.map(|names| &names.value.general_names).into_iter().flatten();
    let dns = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(*name),
        _ => None,
    });
    dns.collect::<Vec<_>>().join(",")
}

/// The bytes of the number, without those that only say that it is positive.
fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.raw_serial();
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    name::hex(&bytes[first..])
}
