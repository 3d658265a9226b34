//! Takes the place of originals, one after the other, and gives it back. An original that cannot be
//! stood in for runs again before the next one's turn.

use std::path::Path;

use super::originals::{ORIGINALS, Original, find};
use super::state::{State, Taken};
use super::systemd::{Systemd, is_administrators, unit_file};

/// One run of the command.
pub(super) struct Change<'a> {
    /// `/`, but for tests.
    pub(super) root: &'a Path,
    pub(super) systemd: &'a mut dyn Systemd,
    /// Only says what would be done.
    pub(super) dry_run: bool,
    /// Gets a line for each original.
    pub(super) say: &'a mut dyn FnMut(String),
}

impl Change<'_> {
    /// Takes over every original that runs or would at the next start. Gives the number of those
    /// that failed.
    pub(super) fn take(&mut self) -> Result<usize, String> {
        let state = State::below(self.root);
        let mut taken = state.read()?;
        let mut failed = 0;
        for original in ORIGINALS {
            let unit = original.unit();
            if taken.iter().any(|entry| entry.name == original.name) {
                (self.say)(format!("{unit}: taken over before"));
                continue;
            }
            match self.find(original) {
                Ok(Some(found)) if self.dry_run => {
                    let running = if found.was_active { "runs" } else { "does not run" };
                    (self.say)(format!("{unit}: {running}, would become {}", original.stand_in()));
                }
                Ok(Some(found)) => {
                    // Remembered first: who is interrupted can go back.
                    taken.push(found);
                    state.write(&taken)?;
                    match self.replace(original, taken[taken.len() - 1].was_active) {
                        Ok(()) => {
                            (self.say)(format!("{unit}: {} runs in its place", original.stand_in()))
                        }
                        Err(error) => {
                            failed += 1;
                            (self.say)(format!("{unit}: {error}"));
                            if let Some(entry) = taken.pop() {
                                self.restore(original, &entry)?;
                            }
                            state.write(&taken)?;
                        }
                    }
                }
                Ok(None) => (self.say)(format!("{unit}: not in use, left alone")),
                Err(error) => {
                    failed += 1;
                    (self.say)(format!("{unit}: {error}"));
                }
            }
        }
        Ok(failed)
    }

    /// Gives everything back that was taken over, last one first.
    pub(super) fn undo(&mut self) -> Result<usize, String> {
        let state = State::below(self.root);
        let taken = state.read()?;
        if taken.is_empty() {
            (self.say)("nothing is taken over".to_owned());
        }
        let mut kept = Vec::new();
        for entry in taken.iter().rev() {
            let Some(original) = find(&entry.name) else {
                (self.say)(format!("{}: unknown, left out", entry.name));
                kept.push(entry.clone());
                continue;
            };
            if self.dry_run {
                (self.say)(format!("{}: would be back", original.unit()));
                continue;
            }
            match self.restore(original, entry) {
                Ok(()) => (self.say)(format!("{}: is back", original.unit())),
                Err(error) => {
                    (self.say)(format!("{}: {error}", original.unit()));
                    kept.push(entry.clone());
                }
            }
        }
        if !self.dry_run {
            kept.reverse();
            state.write(&kept)?;
        }
        Ok(kept.len())
    }

    /// How the original stands, where it is in use.
    fn find(&mut self, original: &Original) -> Result<Option<Taken>, String> {
        let unit = original.unit();
        let Some(file) = unit_file(self.root, &unit) else { return Ok(None) };
        // Both answer with a word and an exit code that says it again.
        let is_active = self.systemd.systemctl(&["is-active", "--quiet", &unit]).is_ok();
        let is_enabled = self.systemd.systemctl(&["is-enabled", "--quiet", &unit]).is_ok();
        if !is_active && !is_enabled {
            return Ok(None);
        }
        if is_administrators(self.root, &file) {
            return Err(format!(
                "{} is your own and cannot be masked; move it away first",
                file.display()
            ));
        }
        if unit_file(self.root, &original.stand_in()).is_none() {
            return Err(format!("{} is not installed or masked", original.stand_in()));
        }
        Ok(Some(Taken { name: original.name.to_owned(), was_active: is_active }))
    }

    fn replace(&mut self, original: &Original, start: bool) -> Result<(), String> {
        let (unit, ours) = (original.unit(), original.stand_in());
        self.systemd.systemctl(&["stop", &unit])?;
        self.systemd.systemctl(&["mask", "--quiet", &unit])?;
        self.systemd.systemctl(&["enable", "--quiet", &ours])?;
        if !start {
            return Ok(());
        }
        // Returns when ours says that it is ready, or has failed.
        self.systemd.systemctl(&["start", &ours]).map(drop)
    }

    fn restore(&mut self, original: &Original, found: &Taken) -> Result<(), String> {
        let (unit, ours) = (original.unit(), original.stand_in());
        // It may be half there, or gone with its package: what counts is that the original is back.
        let _ = self.systemd.systemctl(&["disable", "--quiet", "--now", &ours]);
        let _ = self.systemd.systemctl(&["reset-failed", &ours]);
        self.systemd.systemctl(&["unmask", "--quiet", &unit])?;
        if found.was_active {
            self.systemd.systemctl(&["start", &unit])?;
        }
        Ok(())
    }
}
