//! The seam between those who read logs and those who count: one line, and who takes it.

/// One line as read, without its line feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it comes from, as programs see it (`getfilename()`): an absolute path, `-`, or an address.
    pub source: &'a str,
    /// The bytes of the line, which need not be UTF-8.
    pub text: &'a [u8],
}

/// Takes lines in the order of each source.
pub trait LineSink {
    /// Takes one line.
    fn line(&mut self, line: Line<'_>);
}
