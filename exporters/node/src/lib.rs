//! The host's kernel, hardware and file systems to samples.
