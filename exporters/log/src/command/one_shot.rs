//! `--one_shot`: every log from its begin to its end.

use std::path::Path;

use crate::engine::Engine;
use crate::source::{Format, Ignore, SourceLimits, read_file};

/// Feeds all logs of some patterns to an engine. A log that cannot be read is told of and left out.
pub(super) fn read_logs(engine: &mut Engine, patterns: &[String], ignore: Option<&Ignore>) {
    for pattern in patterns {
        if matches!(pattern.as_str(), "-" | "/dev/stdin") {
            read_log(engine, Path::new("/dev/stdin"), "-", Format::Plain);
            continue;
        }
        let (pattern, format) = dissect(pattern);
        let Ok(paths) = glob::glob(&absolute(pattern)) else {
            tracing::warn!(pattern, "not a pattern of file names");
            continue;
        };
        for path in paths.flatten() {
            let base = path.file_name().unwrap_or_default().as_encoded_bytes();
            if !path.is_dir() && !ignore.is_some_and(|ignore| ignore(base)) {
                read_log(engine, &path, &path.to_string_lossy(), format);
            }
        }
    }
}

/// The path of an address, and what its lines are wrapped in.
fn dissect(pattern: &str) -> (&str, Format) {
    match pattern.split_once("://") {
        Some(("docker", path)) => (path, Format::Docker),
        Some(("cri", path)) => (path, Format::Cri),
        Some((_, path)) => (path, Format::Plain),
        None => (pattern, Format::Plain),
    }
}

fn read_log(engine: &mut Engine, path: &Path, name: &str, format: Format) {
    let line_bytes_max = SourceLimits::default().line_bytes;
    if let Err(error) = read_file(path, name, format, line_bytes_max, engine) {
        tracing::warn!(log = name, err = %error, "cannot read log");
    }
}

/// The path from the root, as programs see it.
fn absolute(path: &str) -> String {
    match std::path::absolute(Path::new(path)) {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}
