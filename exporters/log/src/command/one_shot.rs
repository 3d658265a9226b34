//! `--one_shot`: every log from its begin to its end.

use std::io::{self, Read};
use std::path::Path;

use common_re2::Regex;

use crate::Engine;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// Longest line; what is longer is cut into lines of this length.
const LINE_BYTES_MAX: usize = 1 << 20;

/// Feeds all logs of some patterns to an engine. A log that cannot be read is told of and left out.
pub(super) fn read_logs(engine: &mut Engine, patterns: &[String], ignored: Option<&Regex>) {
    for pattern in patterns {
        if matches!(pattern.as_str(), "-" | "/dev/stdin") {
            report(pattern, read_log(engine, "-", &mut io::stdin().lock()));
            continue;
        }
        let pattern = pattern.strip_prefix("file://").unwrap_or(pattern);
        let Ok(paths) = glob::glob(&absolute(pattern)) else {
            tracing::warn!(pattern, "not a pattern of file names");
            continue;
        };
        for path in paths.flatten() {
            let base = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() || ignored.is_some_and(|ignored| ignored.is_match(&base)) {
                continue;
            }
            let name = path.to_string_lossy();
            let read =
                std::fs::File::open(&path).and_then(|mut file| read_log(engine, &name, &mut file));
            report(&name, read);
        }
    }
}

fn report(log: &str, result: io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(log, err = %error, "cannot read log");
    }
}

/// The path from the root, as programs see it.
fn absolute(path: &str) -> String {
    match std::path::absolute(Path::new(path)) {
        Ok(path) => path.to_string_lossy().into_owned(),
        Err(_) => path.to_owned(),
    }
}

/// Hands whole lines to the engine, chunk by chunk.
fn read_log(engine: &mut Engine, source: &str, log: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK_BYTES + LINE_BYTES_MAX];
    let mut held = 0;
    loop {
        let read = match log.read(&mut buffer[held..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let filled = held + read;
        let whole = match memchr::memrchr(b'\n', &buffer[held..filled]) {
            Some(end) => held + end + 1,
            None if filled >= LINE_BYTES_MAX => filled,
            None => 0,
        };
        engine.chunk(source, &buffer[..whole]);
        buffer.copy_within(whole..filled, 0);
        held = filled - whole;
    }
    engine.chunk(source, &buffer[..held]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::store::{Datum, Store};
    use crate::vm::TimeOptions;

    /// Gives its bytes in small pieces.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(out.len());
            out[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    #[test]
    fn every_line_is_read_once_however_it_arrives() {
        let log = b"one\r\ntwo\n\nfour";
        for piece in 1..=log.len() {
            let options = TimeOptions { zone: None, local: TimeZone::UTC, use_current_year: false };
            let mut engine = Engine::new(Store::default(), options, Arc::new(|| 0), false);
            let program = b"counter a by l\n/^(.*)$/ {\n  a[$1]++\n}\n";
            let object =
                crate::compile(program, crate::CompileOptions::default(), &mut |_, _| {}).unwrap();
            engine.load("p", object).unwrap();
            read_log(&mut engine, "log", &mut Slow(log, piece)).unwrap();
            let metric = engine.store().metric(0);
            let found: Vec<_> = metric
                .series()
                .map(|series| {
                    assert!(matches!(series.datum, Datum::Int(1)));
                    series.labels().next().unwrap().to_vec()
                })
                .collect();
            assert_eq!(found, [b"one".as_slice(), b"two", b"", b"four"]);
        }
    }
}
