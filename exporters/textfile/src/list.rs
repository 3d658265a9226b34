//! Which files there are.

use std::io;
use std::path::{Path, PathBuf};

/// Names that end so are read.
const SUFFIX: &str = ".prom";

/// What was found in the directories, in order.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Files to read.
    pub(crate) files: Vec<PathBuf>,
    /// Directories that were looked at, readable or not.
    pub(crate) directories: Vec<PathBuf>,
    /// Directories that could not be read.
    pub(crate) errors: Vec<(PathBuf, io::Error)>,
}

/// Lists the `*.prom` entries of all directories that `patterns` name, at most `files_max` of them.
/// A pattern that matches nothing is taken as a directory's name.
pub(crate) fn list(patterns: &[String], files_max: usize) -> Listing {
    let mut listing = Listing::default();
    for pattern in patterns.iter().filter(|pattern| !pattern.is_empty()) {
        for directory in expand(pattern) {
            match entries(&directory) {
                Ok(files) => listing.files.extend(files),
                Err(error) => listing.errors.push((directory.clone(), error)),
            }
            listing.directories.push(directory);
        }
    }
    if listing.files.len() > files_max {
        let message = format!("more than {files_max} files, the rest is left out");
        let place = listing.files[files_max].clone();
        listing.errors.push((place, io::Error::other(message)));
        listing.files.truncate(files_max);
    }
    listing
}

fn expand(pattern: &str) -> Vec<PathBuf> {
    let found: Vec<PathBuf> =
        glob::glob(pattern).map(|paths| paths.flatten().collect()).unwrap_or_default();
    if found.is_empty() { vec![PathBuf::from(pattern)] } else { found }
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        if name.as_encoded_bytes().ends_with(SUFFIX.as_bytes()) {
            files.push(directory.join(name));
        }
    }
    files.sort();
    Ok(files)
}
