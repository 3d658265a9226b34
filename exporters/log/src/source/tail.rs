//! One path: the file that it names, and those that it named before and that may still grow.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::address::Format;
use super::container::Decoder;
use super::fingerprint::{FileId, Likeness, Mark};
use super::generations::{Piece, Search};
use super::ledger::Claim;
use super::packed::Packing;
use super::reading::{Context, Reading, Source, Step};

/// Bytes that are read of one file before others have their turn.
const TURN_BYTES: usize = 8 << 20;

/// Files of one path that were renamed or deleted and are still open, the latest ones.
const OLD_MAX: usize = 8;

/// A renamed file is followed until nothing was written to it for so long.
const RENAMED_QUIET: Duration = Duration::from_secs(600);

/// A deleted file takes space as long as it is open.
const DELETED_QUIET: Duration = Duration::from_secs(10);

/// The unfinished last line of a renamed or deleted file is one after so long.
const FLUSH_QUIET: Duration = Duration::from_millis(300);

/// Where a file begins that was never followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// At its first byte.
    Beginning,
    /// Behind this many bytes, which it had when it was first seen.
    Offset(u64),
}

/// What a look came upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looked {
    /// There is more to read now.
    pub(crate) more: bool,
    /// Nothing is left: neither a file at the path nor an open one.
    pub(crate) gone: bool,
    /// When to look again even if nothing is told.
    pub(crate) again: Option<Duration>,
}

/// One path that is followed.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) path: PathBuf,
    pub(crate) key: u64,
    source: Source,
    format: Format,
    current: Option<Reading>,
    old: Vec<Reading>,
    from: Origin,
    /// When the path was last seen to name the current file, by the wall clock.
    verified_ms: i64,
    /// The last open failed; told once.
    is_blocked: bool,
}

impl Tail {
    pub(crate) fn new(
        path: PathBuf,
        key: u64,
        format: Format,
        from: Origin,
        cx: &Context<'_>,
    ) -> Tail {
        let name = path.to_string_lossy();
        let source = Source { name: name.as_ref().into(), counters: cx.stats.log(&name) };
        let verified_ms = cx.ledger.now_ms();
        let (current, old, is_blocked) = (None, Vec::new(), false);
        Tail { path, key, source, format, current, old, from, verified_ms, is_blocked }
    }

    /// Open files.
    pub(crate) fn open_files(&self) -> usize {
        self.old.len() + usize::from(self.current.is_some())
    }

    /// Whether some open file must be polled.
    pub(crate) fn is_polled(&self) -> bool {
        self.current.is_none() || self.readings().any(|reading| reading.watch.is_none())
    }

    fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.old.iter().chain(&self.current)
    }

    /// Whether something may be new; for a look that nobody asked for.
    pub(crate) fn may_have_changed(&mut self, now_ms: i64) -> bool {
        let Some(current) = &mut self.current else { return true };
        let mut changed = current.may_have_changed(now_ms) || !self.old.is_empty();
        changed |=
            std::fs::metadata(&self.path).map(|found| FileId::of(&found)).ok() != Some(current.id);
        if !changed {
            self.verified_ms = now_ms;
        }
        changed
    }

    /// Reads what the last life left unread, in files that the path does not name any more.
    pub(crate) fn resume(&mut self, since_ms: i64, cx: &mut Context<'_>) {
        let left = cx.ledger.left_at(&self.path);
        if left.is_empty() {
            return;
        }
        // The path is followed already: whatever it names now began after what is known.
        self.from = Origin::Beginning;
        self.catch_up(left, since_ms, true, cx);
    }

    /// Reads everything that can be read now, older files first.
    pub(crate) fn look(&mut self, cx: &mut Context<'_>) -> Looked {
        let mut looked = Looked::default();
        self.look_at_old(cx, &mut looked);
        let asked_ms = cx.ledger.now_ms();
        looked.more |= self.drain_current(cx);
        if looked.more {
            return looked;
        }
        match std::fs::metadata(&self.path) {
            Ok(found) => {
                let id = FileId::of(&found);
                if self.current.as_ref().is_some_and(|current| current.id == id) {
                    self.verified_ms = asked_ms;
                } else {
                    self.renew(&found, id, asked_ms, cx, &mut looked);
                }
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.complain(&error);
                }
                self.retire(cx, &mut looked);
            }
        }
        self.let_go(cx, &mut looked);
        looked.gone = self.current.is_none() && self.old.is_empty() && !self.path.exists();
        looked
    }

    /// Unfinished last lines are lines, as nobody will read on.
    pub(crate) fn finish(&mut self, flush: bool, cx: &mut Context<'_>) {
        while self.look(cx).more {}
        for reading in self.old.iter_mut().chain(&mut self.current) {
            if flush {
                reading.flush(&self.source, cx);
            }
        }
    }

    /// Another file came in the place of the current one.
    fn renew(
        &mut self,
        found: &Metadata,
        id: FileId,
        asked_ms: i64,
        cx: &mut Context<'_>,
        looked: &mut Looked,
    ) {
        if !found.is_file() {
            self.retire(cx, looked);
            return;
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) => {
                self.complain(&error);
                looked.again = Some(cx.options.poll_interval);
                return;
            }
        };
        self.is_blocked = false;
        // What was opened may be younger still than what was found.
        let id = file.metadata().map_or(id, |opened| FileId::of(&opened));
        let claim = cx.ledger.claim(id, &self.path);
        let is_rotation = self.current.is_some() || !self.old.is_empty();
        self.retire(cx, looked);
        if claim == Claim::Taken {
            return;
        }
        if is_rotation {
            self.source.counters.rotations.add(1);
            // Files that came and went between two looks.
            self.catch_up(Vec::new(), self.verified_ms, false, cx);
        }
        let mark = match (claim, self.from) {
            (Claim::Known(mark), _) => match mark.compare(&file) {
                Ok(Likeness::Same) => mark,
                _ => Mark::default(),
            },
            (_, Origin::Offset(offset)) => {
                Mark { offset: offset.min(found.len()), ..Mark::default() }
            }
            (_, Origin::Beginning) => Mark::default(),
        };
        self.from = Origin::Beginning;
        let decoder = Decoder::new(self.format, cx.options.limits.line_bytes);
        match Reading::new(file, id, mark, decoder, cx, self.key) {
            Ok(reading) => {
                self.source.counters.opens.add(1);
                self.current = Some(reading);
                self.verified_ms = asked_ms;
                looked.more |= self.drain_current(cx);
                // It may have been replaced before it was watched.
                looked.again = Some(Duration::ZERO);
            }
            Err(error) => {
                cx.ledger.release(id);
                self.complain(&error);
            }
        }
    }

    /// Reads the current file up to its end; whether it has more.
    fn drain_current(&mut self, cx: &mut Context<'_>) -> bool {
        let mut turn = 0;
        while let Some(current) = &mut self.current {
            let was_fresh = current.is_fresh();
            match current.step(&self.source, cx) {
                Ok(Step::Data(got)) => {
                    turn += got;
                    if was_fresh {
                        self.look_for_missed(cx);
                    }
                    if turn >= TURN_BYTES {
                        return true;
                    }
                }
                Ok(Step::End) => return false,
                Ok(Step::Rewritten) => self.begin_anew(cx),
                Err(error) => {
                    self.complain(&error);
                    return false;
                }
            }
        }
        false
    }

    /// The current file was empty when it was looked at last. It may have been written, copied and
    /// truncated since; then there is a copy that nobody has read.
    fn look_for_missed(&mut self, cx: &mut Context<'_>) {
        let followed = self.current.iter().map(Reading::mark).collect();
        let path = self.path.clone();
        let (left, since_ms, packed_too) = (Vec::new(), self.verified_ms, false);
        let search =
            Search { path: &path, ledger: cx.ledger, left, followed, since_ms, packed_too };
        self.read_found(search, cx);
    }

    /// The current file was truncated or written anew. A copy that was made before holds what was
    /// not read yet.
    fn begin_anew(&mut self, cx: &mut Context<'_>) {
        let Some(current) = &self.current else { return };
        self.source.counters.truncates.add(1);
        let left = vec![(current.id, current.mark())];
        let found_rest = self.catch_up(left, self.verified_ms, false, cx);
        let Some(current) = &mut self.current else { return };
        if found_rest {
            current.drop_held(cx);
        } else if current.held() > 0 {
            current.flush(&self.source, cx);
        }
        current.restart(cx);
    }

    /// Reads older files of this path. Whether one of them held all that could be continued of a
    /// followed one.
    fn catch_up(
        &mut self,
        left: Vec<(FileId, Mark)>,
        since_ms: i64,
        packed_too: bool,
        cx: &mut Context<'_>,
    ) -> bool {
        let path = self.path.clone();
        let followed = Vec::new();
        let search =
            Search { path: &path, ledger: cx.ledger, left, followed, since_ms, packed_too };
        self.read_found(search, cx)
    }

    fn read_found(&mut self, search: Search<'_>, cx: &mut Context<'_>) -> bool {
        let found = match search.run() {
            Ok(found) => found,
            Err(error) => {
                self.complain(&error);
                return false;
            }
        };
        let mut continued = found.is_overtaken;
        for piece in found.pieces {
            continued |= piece.instead_of.is_some();
            if let Err(error) = self.read_piece(piece, cx) {
                self.complain(&error);
            }
        }
        self.forget_lost(found.seen, cx);
        continued
    }

    fn forget_lost(&self, mut seen: HashSet<FileId>, cx: &Context<'_>) {
        seen.extend(std::fs::metadata(&self.path).map(|found| FileId::of(&found)));
        cx.ledger.keep_only(&self.path, &seen);
    }

    /// Reads one older file to its end; a plain one of its own is followed on.
    fn read_piece(&mut self, piece: Piece, cx: &mut Context<'_>) -> io::Result<()> {
        cx.stats.catch_ups.add(1);
        if let Some(packing) = piece.packing {
            return self.read_packed(&piece, packing, cx);
        }
        if piece.instead_of.is_some() {
            cx.ledger.claim_copy(piece.id, &self.path);
        } else if cx.ledger.claim(piece.id, &self.path) == Claim::Taken {
            return Ok(());
        }
        let decoder = Decoder::new(self.format, cx.options.limits.line_bytes);
        let opened = Reading::new(piece.file, piece.id, piece.mark, decoder, cx, self.key);
        let mut reading = opened.inspect_err(|_| cx.ledger.release(piece.id))?;
        while let Step::Data(_) = reading.step(&self.source, cx)? {}
        if let Some(id) = piece.instead_of {
            reading.flush(&self.source, cx);
            if let Some(watch) = reading.watch {
                cx.watch.remove_file(watch);
            }
            if self.current.as_ref().is_none_or(|current| current.id != id) {
                cx.ledger.forget(id);
            }
            cx.ledger.note_copy(piece.id, &self.path);
        } else {
            self.old.push(reading);
        }
        Ok(())
    }

    fn read_packed(
        &mut self,
        piece: &Piece,
        packing: Packing,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        let file = File::open(&piece.path)?;
        let mut packed = match piece.instead_of {
            Some(_) => super::packed::resume(file, packing, &piece.mark)?.1,
            None => packing.reader(file),
        };
        // One gate for all of it: half a packed file has no position that could be noted.
        let _counting = cx.ledger.counting();
        let result = super::oneshot::read(&mut packed, &self.source, self.format, cx);
        if let Some(id) = piece.instead_of {
            cx.ledger.forget(id);
        }
        cx.ledger.note_copy(piece.id, &self.path);
        result
    }

    /// The path does not name the current file any more.
    fn retire(&mut self, cx: &mut Context<'_>, looked: &mut Looked) {
        // What was written before the path changed, but after the last read.
        looked.more |= self.drain_current(cx);
        let Some(mut current) = self.current.take() else { return };
        current.touched = cx.ledger.monotonic();
        self.old.push(current);
        looked.again = Some(FLUSH_QUIET);
        while self.old.len() > OLD_MAX {
            let mut reading = self.old.remove(0);
            reading.flush(&self.source, cx);
            release(reading, &self.source, cx);
        }
    }

    fn look_at_old(&mut self, cx: &mut Context<'_>, looked: &mut Looked) {
        for reading in &mut self.old {
            let mut turn = 0;
            loop {
                match reading.step(&self.source, cx) {
                    Ok(Step::Data(got)) => turn += got,
                    Ok(Step::Rewritten) => {
                        reading.flush(&self.source, cx);
                        reading.restart(cx);
                    }
                    Ok(Step::End) => break,
                    Err(_) => {
                        self.source.counters.errors.add(1);
                        break;
                    }
                }
                if turn >= TURN_BYTES {
                    looked.more = true;
                    break;
                }
            }
        }
    }

    /// Finishes and closes old files to which nobody writes any more.
    fn let_go(&mut self, cx: &mut Context<'_>, looked: &mut Looked) {
        let now = cx.ledger.monotonic();
        let mut at = 0;
        while let Some(reading) = self.old.get_mut(at) {
            let quiet = now.saturating_sub(reading.touched);
            if quiet >= FLUSH_QUIET && reading.held() > 0 {
                reading.flush(&self.source, cx);
            }
            let is_deleted = reading.links() == 0;
            let limit = if is_deleted { DELETED_QUIET } else { RENAMED_QUIET };
            if quiet >= limit {
                let reading = self.old.remove(at);
                release(reading, &self.source, cx);
                continue;
            }
            let wait = if reading.held() > 0 { FLUSH_QUIET } else { limit };
            let wait = wait.saturating_sub(quiet).max(Duration::from_millis(10));
            looked.again = Some(looked.again.map_or(wait, |again| again.min(wait)));
            at += 1;
        }
    }

    fn complain(&mut self, error: &io::Error) {
        self.source.counters.errors.add(1);
        if !self.is_blocked {
            tracing::warn!(path = %self.path.display(), %error, "log cannot be read; tried again");
        }
        self.is_blocked = true;
    }
}

fn release(reading: Reading, source: &Source, cx: &mut Context<'_>) {
    source.counters.closes.add(1);
    if let Some(watch) = reading.watch {
        cx.watch.remove_file(watch);
    }
    if reading.links() == 0 {
        cx.ledger.forget(reading.id);
    } else {
        cx.ledger.release(reading.id);
    }
}
