//! The assertion of OAuth 2.0's JWT bearer grant. RFC 7523, RFC 7519, RFC 7518 section 3.3.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use common_config::OAuth2;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::error::Cause;

/// The value of `grant_type`, in configuration and form.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Seconds that an assertion is good for.
const LIFE_SECONDS: u64 = 600;

/// A signed assertion; `key` is a private RSA key in PEM, `now` in Unix seconds.
pub(crate) fn assertion(config: &OAuth2, key: &str, now: u64) -> Result<String, Cause> {
    let bad = |problem: &str| Cause::Credentials(format!("oauth2: {problem}"));
    let pair = match PrivateKeyDer::from_pem_slice(key.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs1(der)) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        Ok(PrivateKeyDer::Pkcs8(der)) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(bad("client certificate key: no private RSA key in PEM")),
    };
    let pair = pair.map_err(|problem| bad(&format!("client certificate key: {problem}")))?;
    let mut random = [0; 16];
    let generator = SystemRandom::new();
    generator.fill(&mut random).map_err(|_| bad("no random numbers"))?;
    let (algorithm, encoding) = algorithm(&config.signature_algorithm);
    let body = format!(
        "{}.{}",
        BASE64.encode(header(config, algorithm).to_string()),
        BASE64.encode(claims(config, &random, now).to_string())
    );
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &generator, body.as_bytes(), &mut signature)
        .map_err(|_| bad("client certificate key: the assertion could not be signed"))?;
    Ok(format!("{body}.{}", BASE64.encode(signature)))
}

fn algorithm(name: &str) -> (&'static str, &'static dyn RsaEncoding) {
    match name {
        "RS384" => ("RS384", &RSA_PKCS1_SHA384),
        "RS512" => ("RS512", &RSA_PKCS1_SHA512),
        _ => ("RS256", &RSA_PKCS1_SHA256),
    }
}

fn header(config: &OAuth2, algorithm: &str) -> Value {
    let mut header = json!({"alg": algorithm, "typ": "JWT"});
    if !config.client_certificate_key_id.is_empty() {
        header["kid"] = json!(config.client_certificate_key_id);
    }
    header
}

/// What is asserted; what the configuration adds wins.
fn claims(config: &OAuth2, random: &[u8; 16], now: u64) -> Value {
    let audience = if config.audience.is_empty() { &config.token_url } else { &config.audience };
    let mut claims: BTreeMap<&str, Value> = BTreeMap::from([
        ("iss", json!(config.iss)),
        ("sub", json!(config.client_id)),
        ("jti", json!(uuid(random))),
        ("aud", json!(audience)),
        ("scope", json!(config.scopes.join(" "))),
        ("iat", json!(now)),
        ("exp", json!(now + LIFE_SECONDS)),
    ]);
    claims.extend(config.claims.iter().map(|(name, value)| (name.as_str(), json!(value))));
    json!(claims)
}

/// A random UUID, RFC 9562 section 5.4.
fn uuid(random: &[u8; 16]) -> String {
    let bits = u128::from_be_bytes(*random);
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use common_config::Secret;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA384, RsaPublicKeyComponents};

    use super::*;

    /// Made for this test: `openssl genrsa -traditional 2048`.
    const KEY: &str = include_str!("../tests/rsa.pem");

    fn config() -> OAuth2 {
        OAuth2 {
            client_id: "me".to_owned(),
            client_secret: Secret::new(""),
            client_secret_file: None,
            client_certificate_key_id: "key-1".to_owned(),
            client_certificate_key: Secret::new(KEY),
            client_certificate_key_file: None,
            grant_type: GRANT.to_owned(),
            signature_algorithm: "RS384".to_owned(),
            iss: "us".to_owned(),
            audience: String::new(),
            claims: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            token_url: "https://issuer.test/token".to_owned(),
            endpoint_params: BTreeMap::new(),
            tls_config: Default::default(),
            proxy: Default::default(),
        }
    }

    #[test]
    fn an_assertion_says_who_wants_what_and_is_signed() {
        let text = assertion(&config(), KEY, 1_000).unwrap();
        let parts: Vec<&str> = text.split('.').collect();
        let json = |part: &str| -> Value {
            serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap()
        };
        assert_eq!(json(parts[0]), json!({"alg": "RS384", "typ": "JWT", "kid": "key-1"}));
        let mut claims = json(parts[1]);
        let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(id.as_str().unwrap().len(), 36);
        let expected = json!({
            "iss": "us", "sub": "me", "aud": "https://issuer.test/token", "scope": "read write",
            "iat": 1_000, "exp": 1_600, "team": "a",
        });
        assert_eq!(claims, expected);
        let Ok(PrivateKeyDer::Pkcs1(der)) = PrivateKeyDer::from_pem_slice(KEY.as_bytes()) else {
            panic!("the key of the test")
        };
        let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).unwrap();
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
        let (signed, signature) = text.rsplit_once('.').unwrap();
        let signature = BASE64.decode(signature).unwrap();
        public.verify(&RSA_PKCS1_2048_8192_SHA384, signed.as_bytes(), &signature).unwrap();
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bad in ["", "x", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
        {
            assert!(assertion(&config(), bad, 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_id_has_the_form_of_a_random_uuid() {
        assert_eq!(uuid(&[0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(&[0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
