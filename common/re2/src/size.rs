//! How large a compiled pattern will be, before anybody takes the time to compile it.

use regex_syntax::hir::{Class, Hir, HirKind};
use regex_syntax::utf8::Utf8Sequences;

/// What a state of the automaton takes at least.
const STATE_BYTES: usize = 8;

/// About how many bytes the automaton of a pattern takes, rather too few than too many: each class
/// as often as it is repeated, with the byte ranges that its characters are encoded in. Takes time
/// in proportion to the pattern, not to what comes out.
pub(crate) fn least_bytes(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => STATE_BYTES,
        HirKind::Literal(literal) => literal.0.len() * STATE_BYTES,
        HirKind::Class(class) => class_bytes(class),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(repetition.min).max(1);
            least_bytes(&repetition.sub).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => least_bytes(&capture.sub),
        HirKind::Concat(subs) | HirKind::Alternation(subs) => {
            subs.iter().fold(0, |sum: usize, sub| sum.saturating_add(least_bytes(sub)))
        }
    }
}

/// Sequences that begin alike share states, so one state each is what is sure.
fn class_bytes(class: &Class) -> usize {
    match class {
        Class::Bytes(_) => STATE_BYTES,
        Class::Unicode(class) => {
            let of_range = |range: &regex_syntax::hir::ClassUnicodeRange| {
                Utf8Sequences::new(range.start(), range.end()).count()
            };
            class.iter().map(of_range).sum::<usize>() * STATE_BYTES
        }
    }
}
