//! systemd's journal, read from its files: entries become lines as `/var/log/syslog` has them.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::inbox::{Batch, Outbox, Wake};
use super::ledger::Ledger;
use super::options::Start;
use super::positions::SavedJournal;
use super::reading::Source;
use super::stats::Stats;
use file::{Entry, Field, JournalError, JournalFile};

/// Where journald keeps its files.
const DIRECTORIES: [&str; 2] = ["/run/log/journal", "/var/log/journal"];

/// Entries that are counted together; the positions are noted with them.
const ENTRIES_A_BATCH: usize = 1000;

/// Even if no file says that it has changed they are read that often.
const SAFETY_POLLS: u32 = 20;

/// Journal files that are read at a time, and whose positions are kept.
const FILES_MAX: usize = 10_000;

/// Files that stay open; others are opened again when they change.
const OPEN_MAX: usize = 8;

/// A file when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    modified: Option<SystemTime>,
    inode: u64,
    size: u64,
}

/// One journal and where reading stopped.
pub(crate) struct JournalReader {
    source: Source,
    options: JournalOptions,
    ledger: Arc<Ledger>,
    stats: Arc<Stats>,
    outbox: Outbox,
    /// Entries that were given on, by the identifier of their file.
    positions: BTreeMap<[u8; 16], u64>,
    /// The files when they were read last.
    seen: BTreeMap<PathBuf, Look>,
    open: HashMap<u64, JournalFile>,
    is_blocked: bool,
}

/// How a journal is read.
pub(crate) struct JournalOptions {
    /// The directory; journald's own ones without.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) start: Start,
    pub(crate) line_bytes_max: usize,
    pub(crate) poll: Duration,
    /// In which times are shown, as journald's own forwarding does.
    pub(crate) zone: TimeZone,
}

impl JournalReader {
    /// Takes the positions of the last life, or notes the ends of the files that are there.
    pub(crate) fn new(
        name: &str,
        options: JournalOptions,
        ledger: Arc<Ledger>,
        stats: Arc<Stats>,
        outbox: Outbox,
    ) -> JournalReader {
        let source = Source { name: name.into(), counters: stats.log(name) };
        let saved = ledger.journal(name);
        let skips = saved.is_none() && options.start == Start::End;
        let known = saved.into_iter().flat_map(|saved| saved.files);
        let positions = known.filter_map(|(id, entries)| Some((id_of(&id)?, entries))).collect();
        let mut reader = JournalReader {
            source,
            options,
            ledger,
            stats,
            outbox,
            positions,
            seen: BTreeMap::new(),
            open: HashMap::new(),
            is_blocked: false,
        };
        if skips {
            for path in reader.files().into_keys() {
                reader.skip(&path);
            }
        }
        reader.ledger.note_journal(reader.saved());
        reader
    }

    /// What is in the file was there before the start.
    fn skip(&mut self, path: &Path) {
        let opened = File::open(path).map_err(JournalError::from).and_then(JournalFile::open);
        let ends = opened.and_then(|mut file| Ok((file.id, file.entries()?)));
        match ends {
            Ok((id, entries)) => {
                self.positions.insert(id, entries);
            }
            Err(error) => self.complain(path, &error),
        }
    }

    /// Reads and follows until the end is asked for; `wake` is woken then.
    pub(crate) fn run(mut self, stop: &AtomicBool, wake: &Wake) {
        let mut quiet = 0;
        while !stop.load(Ordering::Acquire) {
            let files = self.files();
            let everything = quiet >= SAFETY_POLLS;
            quiet = if everything { 0 } else { quiet + 1 };
            let mut changed: Vec<(Look, PathBuf)> = files
                .iter()
                .filter(|(path, look)| everything || self.seen.get(*path) != Some(look))
                .map(|(path, look)| (*look, path.clone()))
                .collect();
            changed.sort_by_key(|(look, _)| look.modified);
            self.open.retain(|inode, _| files.values().any(|look| look.inode == *inode));
            // What is written while it is read changes the files again.
            self.seen = files;
            if !changed.is_empty() {
                self.read_all(&changed, stop);
            }
            wake.wait(self.options.poll);
        }
    }

    /// Every journal file.
    fn files(&self) -> BTreeMap<PathBuf, Look> {
        files(self.options.directory.as_deref())
    }

    /// Gives on what is new in these files. Files are read one after the other: entries of one file
    /// keep their order, as lines of files do.
    fn read_all(&mut self, paths: &[(Look, PathBuf)], stop: &AtomicBool) {
        let mut batch = Pending::default();
        let mut is_well = true;
        for (look, path) in paths {
            let opened = self.open.remove(&look.inode).map_or_else(
                || File::open(path).map_err(JournalError::from).and_then(JournalFile::open),
                Ok,
            );
            let read = opened.and_then(|mut file| {
                self.read(&mut file, &mut batch, stop)?;
                Ok(file)
            });
            match read {
                Ok(file) if self.open.len() < OPEN_MAX => {
                    self.open.insert(look.inode, file);
                }
                Ok(_) => {}
                Err(error) => {
                    is_well = false;
                    self.complain(path, &error);
                }
            }
            if stop.load(Ordering::Acquire) {
                break;
            }
        }
        self.give(&mut batch);
        self.is_blocked &= !is_well;
    }

    /// Gives on what is new in a file.
    fn read(
        &mut self,
        file: &mut JournalFile,
        batch: &mut Pending,
        stop: &AtomicBool,
    ) -> Result<(), JournalError> {
        let id = file.id;
        if !self.positions.contains_key(&id) {
            self.make_room();
            self.positions.insert(id, 0);
        }
        let end = file.entries()?;
        let mut number = self.positions.get(&id).copied().unwrap_or(0);
        while number < end {
            let at = file.find(number)?;
            if at == 0 {
                // The header is ahead of the array; the next poll finds it.
                return Ok(());
            }
            match file.entry(at, self.options.line_bytes_max) {
                Ok(entry) => self.render(&entry, batch),
                Err(error) => {
                    // A damaged entry costs itself.
                    self.stats.records_malformed.add(1);
                    tracing::debug!(%error, "entry of the journal");
                }
            }
            number += 1;
            self.positions.insert(id, number);
            if batch.count >= ENTRIES_A_BATCH || batch.lines.len() > self.options.line_bytes_max {
                self.give(batch);
                if stop.load(Ordering::Acquire) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Positions are kept of files that are gone, too, for they may come back; but not of all.
    fn make_room(&mut self) {
        if self.positions.len() >= FILES_MAX {
            let there: Vec<[u8; 16]> = self.open.values().map(|file| file.id).collect();
            self.positions.retain(|id, _| there.contains(id));
        }
    }

    fn give(&self, batch: &mut Pending) {
        if batch.count == 0 {
            return;
        }
        let Pending { lines, count } = std::mem::take(batch);
        self.stats.bytes.add(lines.len() as u64);
        let (source, journal) = (self.source.clone(), Some(self.saved()));
        self.outbox.send(Batch { source, lines, count: count as u64, journal });
    }

    fn saved(&self) -> SavedJournal {
        let files = self.positions.iter().map(|(id, entries)| (name_of(id), *entries));
        SavedJournal { source: self.source.name.to_string(), files: files.collect() }
    }

    /// `Jan  2 15:04:05 host ident[pid]: message`
    fn render(&self, entry: &Entry, batch: &mut Pending) {
        let out = &mut batch.lines;
        let from = out.len();
        let micros = i64::try_from(entry.realtime_us).unwrap_or(0);
        if let Ok(time) = Timestamp::from_microsecond(micros) {
            let time = time.to_zoned(self.options.zone.clone());
            out.extend_from_slice(time.strftime("%b %e %H:%M:%S").to_string().as_bytes());
        }
        let first = |fields: [Field; 2]| fields.into_iter().find_map(|field| entry.get(field));
        out.push(b' ');
        out.extend_from_slice(entry.get(Field::Host).unwrap_or(b"-"));
        out.push(b' ');
        let name = first([Field::Identifier, Field::Command]);
        out.extend_from_slice(name.unwrap_or(b"unknown"));
        if let Some(process) = first([Field::SyslogProcess, Field::Process]) {
            out.push(b'[');
            out.extend_from_slice(process);
            out.push(b']');
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(entry.get(Field::Message).unwrap_or_default());
        let is_long = out.len() - from > self.options.line_bytes_max;
        if is_long {
            out.truncate(from + self.options.line_bytes_max);
        }
        self.stats.lines_cut.add(u64::from(is_long || entry.is_cut));
        // One entry is one line.
        for byte in &mut out[from..] {
            if *byte == b'\n' {
                *byte = b' ';
            }
        }
        out.push(b'\n');
        batch.count += 1;
    }

    fn complain(&mut self, path: &Path, error: &JournalError) {
        self.source.counters.errors.add(1);
        // Looked at again when it changes, and every now and then.
        if !self.is_blocked {
            tracing::warn!(path = %path.display(), %error, "journal cannot be read; tried again");
        }
        self.is_blocked = true;
    }
}

/// Lines that wait to be given on.
#[derive(Default)]
struct Pending {
    lines: Vec<u8>,
    count: usize,
}

/// Whether there is a journal in this directory, or in journald's own ones.
pub(crate) fn is_there(directory: Option<&Path>) -> bool {
    !files(directory).is_empty()
}

fn files(directory: Option<&Path>) -> BTreeMap<PathBuf, Look> {
    let mut found = BTreeMap::new();
    match directory {
        Some(directory) => add_files(directory, true, &mut found),
        None => DIRECTORIES.iter().for_each(|path| add_files(path.as_ref(), true, &mut found)),
    }
    found
}

/// Journal files of a directory and, once, of those in it, which are named after machines. Those
/// that journald put aside because they were not closed (`.journal~`) may hold unread entries.
fn add_files(directory: &Path, enter: bool, into: &mut BTreeMap<PathBuf, Look>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(found) = entry.metadata() else { continue };
        let is_journal = path.extension().is_some_and(|end| end == "journal" || end == "journal~");
        if found.is_dir() && enter {
            add_files(&path, false, into);
        } else if is_journal && found.is_file() && into.len() < FILES_MAX {
            let (inode, size) = (found.ino(), found.len());
            into.insert(path, Look { modified: found.modified().ok(), inode, size });
        }
    }
}

/// As journald writes identifiers.
fn name_of(id: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*id))
}

fn id_of(name: &str) -> Option<[u8; 16]> {
    u128::from_str_radix(name, 16).ok().map(u128::to_be_bytes)
}
