//! The flags that say what is read and how much of it, for every program that has this collector.

use common_service::flags::{Flag, Kind};

/// Where the files are.
pub const DIRECTORY: Flag = Flag::new(
    "collector.textfile.directory",
    Kind::Str,
    "Directory to read text files with metrics from, supports glob matching. (repeatable)",
)
.repeatable();

/// [`crate::TextfileOptions::file_bytes_max`].
pub const FILE_BYTES_MAX: Flag = Flag::new(
    "collector.textfile.file-bytes-max",
    Kind::Int,
    "Bytes that a text file may have; a longer one is left out.",
)
.default("33554432");

/// [`crate::TextfileOptions::file_samples_max`].
pub const FILE_SAMPLES_MAX: Flag = Flag::new(
    "collector.textfile.file-samples-max",
    Kind::Int,
    "Samples that a text file may have; one with more is left out.",
)
.default("200000");

/// [`crate::TextfileOptions::files_max`].
pub const FILES_MAX: Flag = Flag::new(
    "collector.textfile.files-max",
    Kind::Int,
    "Text files that are read of one --collector.textfile.directory; the rest is left out.",
)
.default("10000");

/// [`crate::TextfileOptions::series_max`].
pub const SERIES_MAX: Flag = Flag::new(
    "collector.textfile.series-max",
    Kind::Int,
    "Series of all text files together; metrics beyond it are left out.",
)
.default("500000");

/// [`crate::TextfileOptions::timeout`].
pub const TIMEOUT: Flag = Flag::new(
    "collector.textfile.timeout",
    Kind::GoDuration,
    "How long a directory is waited for; one that does not answer is left out until it does.",
)
.default("2s");

/// [`crate::TextfileOptions::file_errors`].
pub const FILE_ERRORS: Flag = Flag::switch(
    "collector.textfile.file-errors",
    "Export node_textfile_file_error, which says which file is bad and why.",
);
