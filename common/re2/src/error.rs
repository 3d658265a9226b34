//! What is wrong with a pattern, in Go's words.

use thiserror::Error;

/// The kinds of errors of Go's `regexp/syntax`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ErrorCode {
    /// A range with its ends swapped, or an unknown class name.
    #[error("invalid character class range")]
    InvalidCharRange,
    /// `\q`, `\8`, `\x{110000}`.
    #[error("invalid escape sequence")]
    InvalidEscape,
    /// `(?P<>a)`.
    #[error("invalid named capture")]
    InvalidNamedCapture,
    /// `(?=a)`.
    #[error("invalid or unsupported Perl syntax")]
    InvalidPerlOp,
    /// `a**`.
    #[error("invalid nested repetition operator")]
    InvalidRepeatOp,
    /// `a{1001}`, `a{2,1}`.
    #[error("invalid repeat count")]
    InvalidRepeatSize,
    /// `[a`.
    #[error("missing closing ]")]
    MissingBracket,
    /// `(a`.
    #[error("missing closing )")]
    MissingParen,
    /// `*a`.
    #[error("missing argument to repetition operator")]
    MissingRepeatArgument,
    /// `a\`.
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    /// `a)`.
    #[error("unexpected )")]
    UnexpectedParen,
    /// Deeper than [`crate::HEIGHT_MAX`].
    #[error("expression nests too deeply")]
    NestingDepth,
    /// Larger than one of [`crate::PATTERN_BYTES_MAX`], [`crate::INSTRUCTIONS_MAX`],
    /// [`crate::CLASS_RANGES_MAX`], [`crate::LEAST_BYTES_MAX`] and [`crate::NFA_BYTES_MAX`].
    #[error("expression too large")]
    Large,
}

/// Why a pattern was refused; prints exactly as Go prints it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("error parsing regexp: {code}: `{expr}`")]
pub struct Error {
    /// What is wrong.
    pub code: ErrorCode,
    /// The part of the pattern that is wrong.
    pub expr: String,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, expr: &str) -> Error {
        Error { code, expr: expr.to_owned() }
    }
}
