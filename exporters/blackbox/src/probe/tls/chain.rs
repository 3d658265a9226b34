//! All ways from a server's certificate to a root, as Go's verification finds them: a metric tells
//! when the last of them ends. Whether the server is believed was decided before.

use std::sync::OnceLock;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::parse_x509_certificate;

type Der = CertificateDer<'static>;

/// Certificates of one way.
const LENGTH_MAX: usize = 10;

/// Signatures that are checked for one server; as in Go.
const SIGNATURES_MAX: usize = 100;

/// The ways, each with its root; `roots` of `None` are the system's.
pub(super) fn chains(presented: &[Der], roots: Option<&[Der]>, now: u64) -> Vec<Vec<Der>> {
    let Some(leaf) = presented.first() else { return Vec::new() };
    let roots = roots.unwrap_or_else(|| system_roots());
    // A certificate that is itself believed needs no other.
    if roots.contains(leaf) {
        return vec![vec![leaf.clone()]];
    }
    let mut search = Search {
        roots: parse(roots),
        others: parse(&presented[1..]),
        now: i64::try_from(now).unwrap_or(i64::MAX),
        checks_left: SIGNATURES_MAX,
        found: Vec::new(),
    };
    search.extend(&mut vec![leaf]);
    search.found
}

/// The system's roots, read once.
fn system_roots() -> &'static [Der] {
    static ROOTS: OnceLock<Vec<Der>> = OnceLock::new();
    ROOTS.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

fn parse(ders: &[Der]) -> Vec<(&Der, X509Certificate<'_>)> {
    let parsed = |der| parse_x509_certificate(der).ok().map(|(_, certificate)| certificate);
    ders.iter().filter_map(|der| Some((der, parsed(der)?))).collect()
}

struct Search<'a> {
    roots: Vec<(&'a Der, X509Certificate<'a>)>,
    others: Vec<(&'a Der, X509Certificate<'a>)>,
    now: i64,
    checks_left: usize,
    found: Vec<Vec<Der>>,
}

impl<'a> Search<'a> {
    fn extend(&mut self, way: &mut Vec<&'a Der>) {
        let Some(last) = way.last() else { return };
        let Ok((_, last)) = parse_x509_certificate(last) else { return };
        for root in self.issuers(&last, way, true) {
            let ders = way.iter().chain(std::iter::once(&root)).map(|&der| der.clone());
            self.found.push(ders.collect());
        }
        if way.len() + 1 >= LENGTH_MAX {
            return;
        }
        for issuer in self.issuers(&last, way, false) {
            way.push(issuer);
            self.extend(way);
            way.pop();
        }
    }

    /// Those that signed a certificate, hold now, and are not on the way yet.
    fn issuers(&mut self, of: &X509Certificate<'_>, way: &[&'a Der], roots: bool) -> Vec<&'a Der> {
        let candidates = if roots { &self.roots } else { &self.others };
        let mut issuers = Vec::new();
        for (der, candidate) in candidates {
            let is_valid = candidate.validity().not_before.timestamp() <= self.now
                && self.now <= candidate.validity().not_after.timestamp();
            let is_named = candidate.subject().as_raw() == of.issuer().as_raw();
            if !is_valid || !is_named || way.contains(der) || self.checks_left == 0 {
                continue;
            }
            self.checks_left -= 1;
            if of.verify_signature(Some(candidate.public_key())).is_ok() {
                issuers.push(*der);
            }
        }
        issuers
    }
}
