//! The compiled automaton behind a pattern.

use crate::error::{Error, ErrorCode};
use crate::parse::{self, Parsed};
use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::hir::Hir;

/// Most memory one automaton may take, in bytes. Go limits instructions instead; where a pattern
/// passes that limit and not this one it is "too large", too.
pub const NFA_BYTES_MAX: usize = 32 << 20;

/// Compiles what was parsed; `captures` says whether anybody will ask for groups.
pub(crate) fn compile(pattern: &str, hir: &Hir, captures: bool) -> Result<meta::Regex, Error> {
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
