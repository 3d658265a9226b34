//! The programs that ship inside, each loaded as soon as this host has logs for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::host::log_names;
use crate::compile::{CompileOptions, compile};
use crate::engine::Engine;
use crate::library::LibraryProgram;
use crate::source::{Selection, Sources};

/// The programs that ship inside and are not loaded yet.
pub(super) struct Bundled {
    waiting: Vec<&'static LibraryProgram>,
    /// What is read already.
    logs: Vec<String>,
    directory: PathBuf,
}

impl Bundled {
    /// Of these programs, none is loaded yet; `logs` are read already.
    pub(super) fn new(
        programs: &'static [LibraryProgram],
        logs: &[String],
        directory: &Path,
    ) -> Bundled {
        let waiting = programs.iter().collect();
        Bundled { waiting, logs: logs.to_owned(), directory: directory.to_owned() }
    }

    /// Loads those whose logs this host has now; the logs that are to be read for them beside those
    /// that are.
    pub(super) fn load(&mut self, engine: &Mutex<Engine>) -> Vec<String> {
        let Bundled { waiting, logs, directory } = self;
        let mut new = Vec::new();
        let is_there = |log: &str| Selection::new(log, directory).is_ok_and(|log| log.has_any());
        waiting.retain(|program| {
            let Some(read) = program.logs_here(is_there) else { return true };
            match load_for(engine, program, read, directory) {
                Ok(()) if logs.iter().any(|log| log == read) => {}
                Ok(()) => {
                    logs.push(read.to_owned());
                    new.push(read.to_owned());
                }
                Err(error) => tracing::error!(program = program.name, %error, "Program not loaded"),
            }
            false
        });
        new
    }
}

/// Loads a program that ships inside for some logs.
fn load_for(
    engine: &Mutex<Engine>,
    program: &LibraryProgram,
    logs: &str,
    directory: &Path,
) -> Result<(), String> {
    let names = log_names(&[logs.to_owned()], directory)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let object = compile(program.text.as_bytes(), CompileOptions::default(), &mut |_, _| {})
        .map_err(|complaints| complaints.text(program.name))?;
    engine.lock().load_for(program.name, object, &names)?;
    tracing::info!(program = program.name, logs, "Logs are watched");
    Ok(())
}

/// Now and then looks for logs of services that were installed meanwhile.
pub(super) async fn look_again(
    bundled: Bundled,
    engine: Arc<Mutex<Engine>>,
    sources: Arc<Sources>,
    interval: Duration,
) {
    let bundled = Arc::new(Mutex::new(bundled));
    while !bundled.lock().waiting.is_empty() {
        tokio::time::sleep(interval).await;
        let (bundled, engine) = (Arc::clone(&bundled), Arc::clone(&engine));
        let sources = Arc::clone(&sources);
        // Folders are looked into, and programs compiled.
        let looked = tokio::task::spawn_blocking(move || {
            let new = bundled.lock().load(&engine);
            for log in new {
                if let Err(error) = sources.follow(&log) {
                    tracing::error!(%error, "Log is not followed");
                }
            }
        });
        // What has panicked would do so again.
        if looked.await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::serve::SharedEngine;
    use crate::source::SourceOptions;
    use crate::store::{Datum, Store};
    use crate::vm::TimeOptions;
    use common_service::SystemClock;
    use jiff::tz::TimeZone;

    const fn program(name: &'static str, logs: &'static [&'static str]) -> LibraryProgram {
        LibraryProgram { name, text: "counter lines\n// {\n  lines++\n}\n", about: "", logs }
    }

    const PROGRAMS: &[LibraryProgram] =
        &[program("early", &["early.log"]), program("late", &["none.log", "late/*.log"])];

    /// Lines counted so far, by program.
    fn counted(engine: &Mutex<Engine>) -> Vec<(String, i64)> {
        let engine = engine.lock();
        let metrics = engine.store().exported();
        let of = |datum: &Datum| if let Datum::Int(value) = datum { *value } else { -1 };
        let sum = |metric: &crate::store::Metric| metric.series().map(|s| of(&s.datum)).sum();
        metrics.iter().map(|metric| (metric.program.clone(), sum(metric))).collect()
    }

    #[tokio::test]
    async fn logs_of_a_service_that_is_installed_later_are_read_from_their_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("early.log", "one\n").unwrap();
        let (local, clock) = (TimeZone::UTC, Arc::new(|| 1_000_000_000));
        let times = TimeOptions { zone: None, local, use_current_year: true };
        let engine = Engine::new(Store::default(), times, clock, false);
        let engine = Arc::new(Mutex::new(engine));
        let mut bundled = Bundled::new(PROGRAMS, &[], folder.path());
        let options = SourceOptions { logs: bundled.load(&engine), ..SourceOptions::default() };
        assert_eq!(options.logs, ["early.log"]);
        let sink = Box::new(SharedEngine(Arc::clone(&engine)));
        let clock = Box::new(SystemClock);
        let sources = Arc::new(Sources::start(options, folder.path(), clock, vec![sink]).unwrap());
        assert_eq!(counted(&engine), [("early".to_owned(), 0)]);

        std::fs::create_dir(folder.path().join("late")).unwrap();
        write("late/x.log", "one\ntwo\n").unwrap();
        // Ends where nothing is left to look for.
        let looking = look_again(
            bundled,
            Arc::clone(&engine),
            Arc::clone(&sources),
            Duration::from_millis(1),
        );
        tokio::time::timeout(Duration::from_secs(30), looking).await.unwrap();
        sources.end();
        assert_eq!(counted(&engine), [("early".to_owned(), 0), ("late".to_owned(), 2)]);
    }
}
