//! The compiled automaton behind a pattern.

use crate::error::{Error, ErrorCode};
use crate::parse::{self, Parsed};
use crate::size;
use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::hir::Hir;
use std::sync::{Mutex, PoisonError};

/// Most memory one automaton may take, in bytes; a pattern has two, for both directions. Go limits
/// instructions instead; where a pattern passes that limit and not this one it is "too large", too.
pub const NFA_BYTES_MAX: usize = 16 << 20;

/// Most bytes an automaton may take at least, as a glance at the pattern says. Classes of thousands
/// of characters that are repeated hundreds of times cost most: up to here it is some 50 ms.
pub const LEAST_BYTES_MAX: usize = 2 << 20;

/// Automatons from this size on are made one after the other, so that what many of them take while
/// they are made is never held at a time.
const LARGE_BYTES: usize = 256 << 10;

static LARGE_ONES: Mutex<()> = Mutex::new(());

/// Compiles what was parsed; `captures` says whether anybody will ask for groups.
pub(crate) fn compile(pattern: &str, hir: &Hir, captures: bool) -> Result<meta::Regex, Error> {
    let least = size::least_bytes(hir);
    if least > LEAST_BYTES_MAX {
        return Err(Error::new(ErrorCode::Large, pattern));
    }
    // Nothing is kept behind it, so it does not matter whether somebody who held it panicked.
    let _one_at_a_time =
        (least > LARGE_BYTES).then(|| LARGE_ONES.lock().unwrap_or_else(PoisonError::into_inner));
    let which = if captures { WhichCaptures::All } else { WhichCaptures::Implicit };
    let config = meta::Config::new().nfa_size_limit(Some(NFA_BYTES_MAX)).which_captures(which);
    meta::Builder::new()
        .configure(config)
        .build_from_hir(hir)
        // The tree is well-formed, so its size is the only thing left to refuse.
        .map_err(|_| Error::new(ErrorCode::Large, pattern))
}

/// The pattern as Prometheus anchors it.
pub(crate) fn anchored(pattern: &str) -> String {
    format!("^(?s:{pattern})$")
}

/// Parses the anchored pattern. Errors quote the pattern with its anchors, as Prometheus' do.
pub(crate) fn parse_anchored(pattern: &str) -> Result<Parsed, Error> {
    parse::parse(&anchored(pattern))
}
