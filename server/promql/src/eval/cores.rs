//! Series of a selector on more than one core.
//!
//! What is divided is the reading: finding, decoding, and what a function makes of each series. The
//! tracks are handed on by the query's own thread in the order of the set, so that whoever folds
//! them does so as if there were one thread, and to the same last bit. That thread takes part: the
//! piece that is next it hands on as it reads it, and only what the other one reads meanwhile is
//! kept, a few pieces at most.

use std::sync::atomic::Ordering;

use common_model::Labels;
use parking_lot::{Condvar, Mutex};
use server_storage::{Pieces, SampleColumns, SeriesSet, SetSize};

use super::reading::Reading;
use super::{Eval, Sink};
use crate::ast::VectorSelector;
use crate::engine::{Lent, QueryError};
use crate::value::Track;

/// What reading costs in nanoseconds, roughly: a series, a sample, and what is made of them at a step.
const SERIES_COST: usize = 700;
const SAMPLE_COST: usize = 8;
const STEP_COST: usize = 10;
/// Below this it is not worth to wake another core, and to wait for it where others want it too.
const WORK_MIN: usize = 600_000;
/// The work of a piece: so long a core lent may be kept when others want it.
const PIECE_WORK: usize = 250_000;
/// Pieces at least, where there are any: so that both cores end at about the same time.
const PIECES_MIN: usize = 12;
const PIECES_MAX: usize = 256;
/// Memory of the tracks of a piece.
const PIECE_BYTES: usize = 256 * 1024;
/// Tracks are charged when they take so much together.
const CHARGE_BYTES: usize = 32 * 1024;
/// How many pieces are read ahead of the one that is handed on.
const AHEAD_MAX: usize = 4;

/// Makes of a series what the node above wants; says whether there is anything.
pub(super) type Make<'m> =
    dyn FnMut(&mut Read<'_, '_, '_>, &mut Track) -> Result<bool, QueryError> + 'm;

/// Gives every thread a maker of its own.
pub(super) type Maker<'m> = dyn Fn() -> Box<Make<'m>> + Sync + 'm;

/// A series as it was read.
pub(super) struct Read<'r, 'e, 'q> {
    pub(super) labels: Labels,
    pub(super) samples: &'r mut SampleColumns,
    pub(super) reading: &'r mut Reading<'e, 'q>,
}

impl Eval<'_> {
    /// Reads every series of a set and hands on what is made of it.
    pub(super) fn each_series(
        &self,
        mut set: Box<dyn SeriesSet>,
        selector: &VectorSelector,
        steps: usize,
        maker: &Maker<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let listed = set.heap_bytes();
        self.budget.charge(0, listed)?;
        let mut forecast = self.forecast(selector, &*set);
        let sink: &mut Sink<'_> = &mut |track| {
            sink(track)?;
            forecast.look(self)
        };
        let size = set.size();
        if !self.query.interrupt.affords(work_of(size, steps)) {
            return Err(QueryError::Canceled);
        }
        let pieces = self.pieces_worthwhile(size, steps);
        if pieces > 1
            && let Some(lent) = self.query.interrupt.lend()
            && let Some(pieces) = set.split(pieces)?
        {
            self.on_two_cores(pieces, lent, maker, sink)?;
        } else {
            self.one_after_the_other(&mut *set, &mut *maker(), sink)?;
        }
        self.budget.release(0, listed);
        Ok(())
    }

    /// How many pieces are worth it; one where it is not worth it at all.
    fn pieces_worthwhile(&self, size: SetSize, steps: usize) -> usize {
        let work = work_of(size, 0);
        // Who is explained is told of one node at a time.
        if work < WORK_MIN || self.query.recorder.is_some() {
            return 1;
        }
        let bytes = size.series.saturating_mul(steps).saturating_mul(size_of::<f64>());
        let pieces = (work / PIECE_WORK).max(bytes / PIECE_BYTES);
        pieces.clamp(PIECES_MIN, PIECES_MAX).min(size.series)
    }

    fn one_after_the_other(
        &self,
        set: &mut dyn SeriesSet,
        make: &mut Make<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let mut samples = SampleColumns::default();
        let mut reading = Reading::new(self);
        let mut track = Track::default();
        while let Some(labels) = set.next(&mut samples)? {
            reading.series(samples.len())?;
            let mut read = Read { labels, samples: &mut samples, reading: &mut reading };
            if make(&mut read, &mut track)? {
                sink(&mut track)?;
            } else {
                reading.blank();
            }
        }
        Ok(())
    }

    fn on_two_cores(
        &self,
        pieces: Pieces,
        lent: Box<dyn Lent>,
        maker: &Maker<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        let queue = Queue::new(pieces.parts);
        let handed_on = std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("query-core".to_owned());
            // Where no thread can be had, this one reads everything.
            let _ = builder.spawn_scoped(scope, || self.read_ahead(&queue, lent, maker));
            let _end = EndOnDrop(&queue);
            let mut make = maker();
            (0..queue.len()).try_for_each(|at| self.hand_on(&queue, at, &mut *make, sink))
        });
        handed_on?;
        match pieces.last {
            Some(mut last) => self.one_after_the_other(&mut *last, &mut *maker(), sink),
            None => Ok(()),
        }
    }

    /// The other core: reads pieces ahead until none is left or somebody else wants the core.
    fn read_ahead(&self, queue: &Queue, lent: Box<dyn Lent>, maker: &Maker<'_>) {
        let mut make = maker();
        while !lent.is_wanted()
            && let Some((at, set)) = queue.take_ahead(true)
        {
            self.read_piece(queue, at, set, &mut *make);
        }
    }

    /// Hands on the piece at a place, which is the first one that was not yet.
    fn hand_on(
        &self,
        queue: &Queue,
        at: usize,
        make: &mut Make<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), QueryError> {
        loop {
            match queue.next(at) {
                Next::Unread(mut set) => {
                    return self.one_after_the_other(&mut *set, make, sink);
                }
                Next::Read(batch) => {
                    let mut batch = batch?;
                    for track in &mut batch.tracks {
                        sink(track)?;
                    }
                    self.budget.release(batch.samples, batch.bytes);
                    self.ahead.fetch_sub(batch.bytes, Ordering::Relaxed);
                    queue.spare.lock().append(&mut batch.tracks);
                    return Ok(());
                }
                // The other one is at it.
                Next::Taken => match queue.take_ahead(false) {
                    Some((ahead, set)) => self.read_piece(queue, ahead, set, make),
                    None => queue.wait_for(at),
                },
            }
        }
    }

    fn read_piece(&self, queue: &Queue, at: usize, set: Box<dyn SeriesSet>, make: &mut Make<'_>) {
        let mut delivery = Delivery { queue, at, batch: None };
        delivery.batch = Some(self.batch(set, make, &queue.spare));
    }

    fn batch(
        &self,
        mut set: Box<dyn SeriesSet>,
        make: &mut Make<'_>,
        spare: &Mutex<Vec<Track>>,
    ) -> Result<Batch, QueryError> {
        let mut batch = Batch::default();
        let mut charged = (0, 0);
        let mut empty = std::mem::take(&mut *spare.lock());
        self.one_after_the_other(&mut *set, make, &mut |track| {
            let bytes = track.column.heap_bytes() + size_of::<Track>();
            batch.bytes += bytes;
            batch.samples += track.column.len();
            // Both cores count here: for every track they would get in each other's way.
            if batch.bytes - charged.1 >= CHARGE_BYTES {
                self.charge_ahead(batch.samples - charged.0, batch.bytes - charged.1)?;
                charged = (batch.samples, batch.bytes);
            }
            batch.tracks.push(std::mem::replace(track, empty.pop().unwrap_or_default()));
            Ok(())
        })?;
        self.charge_ahead(batch.samples - charged.0, batch.bytes - charged.1)?;
        spare.lock().append(&mut empty);
        Ok(batch)
    }

    /// What is read ahead goes as it came, so nothing is to be concluded from it.
    fn charge_ahead(&self, samples: usize, bytes: usize) -> Result<(), QueryError> {
        self.ahead.fetch_add(bytes, Ordering::Relaxed);
        self.budget.charge(samples, bytes)
    }
}

/// What reading takes in nanoseconds, and making a value for every step.
fn work_of(size: SetSize, steps: usize) -> usize {
    let each = SERIES_COST.saturating_add(steps.saturating_mul(STEP_COST));
    let samples = size.samples.saturating_mul(SAMPLE_COST);
    size.series.saturating_mul(each).saturating_add(samples)
}

/// What was read of a piece, and what of it is charged to the budget.
#[derive(Default)]
struct Batch {
    tracks: Vec<Track>,
    samples: usize,
    bytes: usize,
}

/// The pieces of a set and what has become of them.
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Tracks whose memory is used again.
    spare: Mutex<Vec<Track>>,
}

struct State {
    places: Vec<Place>,
    /// The piece that is to be handed on next.
    next: usize,
    /// Nothing more is to be read.
    ended: bool,
}

enum Place {
    Unread(Box<dyn SeriesSet>),
    /// Being read, or handed on already.
    Taken,
    Read(Result<Batch, QueryError>),
}

enum Next {
    Unread(Box<dyn SeriesSet>),
    Taken,
    Read(Result<Batch, QueryError>),
}

impl Queue {
    fn new(parts: Vec<Box<dyn SeriesSet>>) -> Queue {
        let places = parts.into_iter().map(Place::Unread).collect();
        let state = State { places, next: 0, ended: false };
        Queue { state: Mutex::new(state), changed: Condvar::new(), spare: Mutex::default() }
    }

    fn len(&self) -> usize {
        self.state.lock().places.len()
    }

    /// Takes the piece at a place, which is the next to be handed on.
    fn next(&self, at: usize) -> Next {
        let mut state = self.state.lock();
        if state.next != at {
            state.next = at;
            self.changed.notify_all();
        }
        match std::mem::replace(&mut state.places[at], Place::Taken) {
            Place::Unread(set) => Next::Unread(set),
            Place::Read(batch) => Next::Read(batch),
            Place::Taken => Next::Taken,
        }
    }

    /// Takes the first unread piece within reach, or waits until there is one. There is none any
    /// more at the end.
    fn take_ahead(&self, wait: bool) -> Option<(usize, Box<dyn SeriesSet>)> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            let reach = state.places.len().min(state.next + AHEAD_MAX + 1);
            let ahead = state.next..reach;
            let found = ahead.clone().find(|&at| matches!(state.places[at], Place::Unread(_)));
            if let Some(at) = found
                && let Place::Unread(set) = std::mem::replace(&mut state.places[at], Place::Taken)
            {
                return Some((at, set));
            }
            if !wait || ahead.end == state.places.len() {
                return None;
            }
            self.changed.wait(&mut state);
        }
    }

    /// Waits until the piece at a place, which somebody reads, has been read.
    fn wait_for(&self, at: usize) {
        let mut state = self.state.lock();
        while matches!(state.places[at], Place::Taken) {
            self.changed.wait(&mut state);
        }
    }
}

/// Brings a batch to its place, even when reading it panicked: nobody is to wait for it forever.
struct Delivery<'d> {
    queue: &'d Queue,
    at: usize,
    batch: Option<Result<Batch, QueryError>>,
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        let batch = self.batch.take().unwrap_or(Err(QueryError::Canceled));
        self.queue.state.lock().places[self.at] = Place::Read(batch);
        self.queue.changed.notify_all();
    }
}

/// Lets the other core stop when the query's own thread does.
struct EndOnDrop<'d>(&'d Queue);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.changed.notify_all();
    }
}
