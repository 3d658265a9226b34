//! `hearth log test PROGRAM LOG...`: which line matched which patterns, and the metrics at the end.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{complain, now_ns};
use crate::compile::{CompileOptions, compile};
use crate::engine::Engine;
use crate::library;
use crate::line::{Line, LineSink};
use crate::source::{Format, SourceLimits, read_file};
use crate::store::Store;
use crate::store::output::{PrometheusOptions, prometheus};
use crate::vm::TimeOptions;

const USAGE: &str = "usage: hearth log test PROGRAM LOG...\n\
    PROGRAM is a file, or the name of a program that ships inside (sshd, nginx_access, ...).";

/// Bytes of a line that are shown.
const SHOWN_BYTES_MAX: usize = 200;

/// Runs the command; `args` stand behind its name.
pub(super) fn run(args: &[String]) -> ExitCode {
    let [program, logs @ ..] = args else {
        complain(USAGE);
        return ExitCode::from(2);
    };
    if logs.is_empty() || program.starts_with('-') {
        complain(USAGE);
        return ExitCode::from(2);
    }
    match report(program, logs, &mut std::io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn report(program: &str, logs: &[String], out: &mut dyn std::io::Write) -> Result<(), String> {
    let (name, text) = read_program(program)?;
    let object = compile(&text, CompileOptions::default(), &mut |_, _| {})
        .map_err(|complaints| format!("compile failed for {name}:\n{}", complaints.text(&name)))?;
    let options = TimeOptions { zone: None, local: TimeZone::system(), use_current_year: true };
    let mut engine = Engine::new(Store::default(), options, Arc::new(now_ns), false);
    engine.load(&name, object)?;
    let mut tester = Tester { engine, out, lines: 0, matched: 0, log_lines: 0 };
    for log in logs {
        tester.log_lines = 0;
        let limit = SourceLimits::default().line_bytes;
        read_file(Path::new(log), log, Format::Plain, limit, &mut tester)
            .map_err(|error| format!("{log}: {error}"))?;
    }
    let (matched, lines) = (tester.matched, tester.lines);
    let errors =
        tester.engine.programs().first().map_or(0, |program| program.runtime_errors_total());
    let options = PrometheusOptions { program_label: false, timestamps: false, as_mtail: false };
    let (metrics, _) = prometheus(tester.engine.store(), options);
    let summary =
        format!("\n{matched} of {lines} lines matched, {errors} runtime errors\n\n{metrics}");
    // A reader that went away is no error.
    let _ = tester.out.write_all(summary.as_bytes());
    Ok(())
}

/// A file, or a program that ships inside.
fn read_program(program: &str) -> Result<(String, Vec<u8>), String> {
    let path = Path::new(program);
    if let (false, Some(shipped)) = (path.exists(), library::find(program)) {
        return Ok((shipped.name.to_owned(), shipped.text.into()));
    }
    let text = std::fs::read(path).map_err(|error| format!("{program}: {error}"))?;
    Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), text))
}

/// Tells of each line as it is run.
struct Tester<'a> {
    engine: Engine,
    out: &'a mut dyn std::io::Write,
    lines: u64,
    matched: u64,
    log_lines: u64,
}

impl LineSink for Tester<'_> {
    fn line(&mut self, line: Line<'_>) {
        let errors = |engine: &Engine| engine.programs()[0].runtime_errors_total();
        let errors_before = errors(&self.engine);
        self.engine.line(line);
        self.lines += 1;
        self.log_lines += 1;
        let program = &self.engine.programs()[0];
        let shown = &line.text[..line.text.len().min(SHOWN_BYTES_MAX)];
        let mut text =
            format!("{}:{}: {}\n", line.source, self.log_lines, String::from_utf8_lossy(shown));
        let before = text.len();
        // Writing to a string cannot fail.
        for (line, pattern) in program.matched() {
            let _ = writeln!(text, "  {}:{line}: /{pattern}/", program.name);
        }
        self.matched += u64::from(text.len() > before);
        if errors(&self.engine) > errors_before {
            let error = program.last_error();
            let first = error.lines().next().unwrap_or_default();
            let _ = writeln!(text, "  runtime error: {first}");
        }
        // A reader that went away is no error.
        let _ = self.out.write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::report;

    #[test]
    fn a_report_shows_lines_patterns_errors_and_metrics() {
        let folder = tempfile::tempdir().unwrap();
        let (program, log) = (folder.path().join("p.mtail"), folder.path().join("a.log"));
        let text = "counter hits by code\n/^(\\d+) / {\n  hits[$1]++\n}\n/int (\\S+)/ {\n  int($1) > 1 {\n    stop\n  }\n}\n";
        std::fs::write(&program, text).unwrap();
        std::fs::write(&log, "200 ok\nnothing\nint x\n").unwrap();
        let (program, log) = (program.to_str().unwrap(), log.to_str().unwrap().to_owned());
        let mut out = Vec::new();
        report(program, std::slice::from_ref(&log), &mut out).unwrap();
        let wanted = format!(
            "{log}:1: 200 ok\n  p.mtail:2: /^(\\d+) /\n{log}:2: nothing\n{log}:3: int x\n  \
             p.mtail:5: /int (\\S+)/\n  runtime error: strconv.ParseInt: parsing \"x\": invalid \
             syntax\n\n2 of 3 lines matched, 1 runtime errors\n\n# HELP hits defined at \
             p.mtail:1:9-12\n# TYPE hits counter\nhits{{code=\"200\"}} 1\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }

    #[test]
    fn a_program_that_ships_inside_goes_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        std::fs::write(&log, "").unwrap();
        report("sshd", &[log.to_str().unwrap().to_owned()], &mut Vec::new()).unwrap();
        assert!(report("no_such_program", &[], &mut Vec::new()).is_err());
    }
}
