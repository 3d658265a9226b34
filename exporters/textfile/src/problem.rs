//! What is wrong with files and directories, and how it is told.

use std::path::Path;

/// Why something is left out; the value of a label and, for limits, of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The directory cannot be read.
    Directory,
    /// The directory does not answer, as dead mounts do.
    Timeout,
    /// The file cannot be opened.
    Open,
    /// A directory, pipe, socket or device.
    NotRegular,
    /// Reading broke off.
    Read,
    /// Not in the text format.
    Parse,
    /// A sample with a timestamp.
    Timestamps,
    /// The same series twice.
    Duplicate,
    /// Another type in another file.
    Type,
    /// Another help text in another file.
    Help,
    /// A name that only the exporter itself uses.
    Reserved,
    /// A series or type that contradicts a collector of the exporter.
    BuiltIn,
    /// More bytes than a file may have.
    FileBytes,
    /// More samples than a file may have.
    FileSamples,
    /// More files than are taken.
    Files,
    /// More series than all files together may have.
    Series,
}

impl Reason {
    /// The reason's name in labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Directory => "directory",
            Reason::Timeout => "timeout",
            Reason::Open => "open",
            Reason::NotRegular => "not_regular",
            Reason::Read => "read",
            Reason::Parse => "parse",
            Reason::Timestamps => "timestamps",
            Reason::Duplicate => "duplicate",
            Reason::Type => "type",
            Reason::Help => "help",
            Reason::Reserved => "reserved",
            Reason::BuiltIn => "built_in",
            Reason::FileBytes => "file_bytes",
            Reason::FileSamples => "file_samples",
            Reason::Files => "files",
            Reason::Series => "series",
        }
    }

    /// Whether a limit of ours is the reason: those are counted.
    #[must_use]
    pub fn is_limit(self) -> bool {
        matches!(self, Reason::FileBytes | Reason::FileSamples | Reason::Files | Reason::Series)
    }
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Problem {
    /// The file, or directory, that it was left out of.
    pub(crate) file: String,
    /// Why.
    pub(crate) reason: Reason,
    /// All of it in words.
    pub(crate) text: String,
}

impl Problem {
    pub(crate) fn new(file: impl Into<String>, reason: Reason, text: impl Into<String>) -> Problem {
        Problem { file: file.into(), reason, text: text.into() }
    }

    /// Logs it, in the words of the original where that knows the problem.
    pub(crate) fn log(&self) {
        let Problem { file: path, reason, text } = self;
        let file =
            Path::new(path).file_name().map_or(path.as_str().into(), |name| name.to_string_lossy());
        match reason {
            Reason::Directory => {
                tracing::error!(%path, err = %text, "failed to read textfile collector directory");
            }
            Reason::Help => tracing::error!(%file, err = %text, "inconsistent metric help text"),
            Reason::Type | Reason::Duplicate | Reason::Reserved | Reason::BuiltIn => {
                tracing::error!(%file, err = %text, "some textfile data is left out");
            }
            _ => tracing::error!(%file, err = %text, "failed to collect textfile data"),
        }
    }
}
