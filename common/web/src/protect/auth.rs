//! Basic auth against bcrypt hashes.
//!
//! A comparison takes tens of milliseconds by design, so it runs away from the sockets, one at a
//! time, and its verdict is kept. An unknown user costs as much as a known one.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// Verdicts that are kept; when there are more, all are forgotten.
const VERDICTS_MAX: usize = 100;
/// Bytes of a password that bcrypt looks at; longer ones are refused, as in Go.
const PASSWORD_BYTES_MAX: usize = 72;

/// Checks a bcrypt hash of a configuration without comparing anything.
pub fn check_hash(hash: &str) -> Result<(), String> {
    let parsed: Result<bcrypt::HashParts, _> = hash.parse();
    match parsed {
        Ok(parts) if (4..=31).contains(&parts.get_cost()) => Ok(()),
        Ok(parts) => {
            Err(format!("crypto/bcrypt: cost {} is outside allowed range (4,31)", parts.get_cost()))
        }
        Err(error) => Err(format!("crypto/bcrypt: {error}")),
    }
}

pub(super) struct Authenticator {
    /// By two independent secret hashes of user, hash and password: the password itself is not
    /// kept, and nobody outside can find another that meets the same key.
    verdicts: Mutex<HashMap<(u64, u64), bool>>,
    keys: (RandomState, RandomState),
    one_at_a_time: Semaphore,
}

impl Default for Authenticator {
    fn default() -> Authenticator {
        Authenticator {
            verdicts: Mutex::default(),
            keys: (RandomState::new(), RandomState::new()),
            one_at_a_time: Semaphore::new(1),
        }
    }
}

impl Authenticator {
    /// Whether the request names one of the users with the right password.
    pub(super) async fn admit(&self, users: &[(String, String)], headers: &HeaderMap) -> bool {
        let Some((name, password)) = credentials(headers) else { return false };
        let known = users.iter().find(|(user, _)| *user == name);
        // The verdict on an unknown user does not count, only the time that it takes.
        let Some((_, hash)) = known.or(users.first()) else { return false };
        let question = (name.as_str(), hash.as_str(), password.as_str());
        let key = (self.keys.0.hash_one(question), self.keys.1.hash_one(question));
        let kept = self.verdicts.lock().get(&key).copied();
        if let Some(verdict) = kept {
            return verdict;
        }
        let is_known = known.is_some();
        let verdict = self.compare(password, hash.clone()).await && is_known;
        let mut verdicts = self.verdicts.lock();
        if verdicts.len() >= VERDICTS_MAX {
            verdicts.clear();
        }
        verdicts.insert(key, verdict);
        verdict
    }

    async fn compare(&self, password: String, hash: String) -> bool {
        // The semaphore is never closed.
        let Ok(_turn) = self.one_at_a_time.acquire().await else { return false };
        let work = tokio::task::spawn_blocking(move || {
            password.len() <= PASSWORD_BYTES_MAX && bcrypt::verify(password, &hash).unwrap_or(false)
        });
        work.await.unwrap_or(false)
    }
}

/// User and password of the `Authorization` header.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(token.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_is_admitted_also_the_second_time() {
        let hash = bcrypt::hash("secret", 4).unwrap();
        assert_eq!(check_hash(&hash), Ok(()));
        assert!(check_hash("plain").is_err());
        let users = vec![("ann".to_owned(), hash)];
        let authenticator = Authenticator::default();
        let check = async |header: String, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, header.parse().unwrap());
            for _ in 0..2 {
                assert_eq!(authenticator.admit(&users, &headers).await, expected, "{header}");
            }
        };
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        check(basic("ann:secret"), true).await;
        check(basic("ann:Secret"), false).await;
        check(basic("ben:secret"), false).await;
        check(basic("ann"), false).await;
        check(basic(&format!("ann:secret{}", "x".repeat(80))), false).await;
        check("Bearer secret".to_owned(), false).await;
        assert!(!authenticator.admit(&users, &HeaderMap::new()).await);
    }
}
