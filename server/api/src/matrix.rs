//! Series of a range as JSON: long results on two cores, and times that all series share once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::vec::IntoIter;

use common_model::TimestampMs;
use parking_lot::Mutex;
use server_promql::engine::{Interrupt, Lent, Reservation};
use server_promql::value::Series;

use crate::error::ApiError;
use crate::json::Json;
use crate::result::{Pieces, histogram_point};

/// Below this many points it is not worth to wake another core.
const POINTS_FOR_TWO: usize = 10_000;

/// Bytes that one point takes in a result, as the engine charges it.
const POINT_BYTES: usize = 16;

/// Times of series with more points are not remembered.
const TIMES_MAX: usize = 11_001;

/// Writes `[{...},{...}]`, dropping each series when it is written.
pub(crate) fn write(
    json: &mut Json,
    mut series: Vec<Series>,
    memory: &Reservation,
    interrupt: &dyn Interrupt,
) -> Result<(), ApiError> {
    let writer = Writer { memory, interrupt };
    let points: usize = series.iter().map(|series| series.points.len()).sum();
    let half = middle(&series, points);
    let lent = (points >= POINTS_FOR_TWO && half > 0).then(|| interrupt.lend()).flatten();
    json.raw("[");
    match lent {
        Some(lent) => {
            let rest = series.split_off(half);
            let mut left = writer.on_two_cores(json, series, rest, lent)?;
            writer.write(json, &mut left, false, &|| false)?;
        }
        None => writer.write(json, &mut series.into_iter(), true, &|| false)?,
    }
    json.raw("]");
    Ok(())
}

/// How many series have the first half of the points.
fn middle(series: &[Series], points: usize) -> usize {
    let mut before = 0;
    let is_before_middle = |series: &&Series| {
        before += series.points.len();
        before <= points / 2
    };
    series.iter().take_while(is_before_middle).count()
}

/// Writes series within the query's memory and time.
struct Writer<'a> {
    memory: &'a Reservation,
    interrupt: &'a dyn Interrupt,
}

impl Writer<'_> {
    /// Writes series until none is left or `stop` says so; a comma comes before each but the first.
    fn write(
        &self,
        json: &mut Json,
        series: &mut IntoIter<Series>,
        mut is_first: bool,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), ApiError> {
        let mut pieces = Pieces::new(json, self.memory, self.interrupt);
        let mut times = Times::default();
        while !stop()
            && let Some(series) = series.next()
        {
            let points = series.points.len();
            let held = points * POINT_BYTES + series.labels.heap_bytes();
            let first = std::mem::take(&mut is_first);
            pieces.piece(first, points, held, |json| write_series(json, &series, &mut times))?;
        }
        Ok(())
    }

    /// Writes what is in `head`, and meanwhile on the other core `rest` behind it; gives back what
    /// is left of that when the core is wanted by others.
    fn on_two_cores(
        &self,
        json: &mut Json,
        head: Vec<Series>,
        rest: Vec<Series>,
        lent: Box<dyn Lent>,
    ) -> Result<IntoIter<Series>, ApiError> {
        let is_over = AtomicBool::new(false);
        let other = Mutex::new((Json::default(), rest.into_iter(), Ok(())));
        thread::scope(|scope| {
            let write_rest = || {
                let lent = lent;
                let stop = || lent.is_wanted() || is_over.load(Ordering::Relaxed);
                let (json, rest, result) = &mut *other.lock();
                *result = self.write(json, rest, false, &stop);
            };
            // Where no thread can be had, everything is left.
            let _ = thread::Builder::new()
                .name("query-core".to_owned())
                .spawn_scoped(scope, write_rest);
            let written = self.write(json, &mut head.into_iter(), true, &|| false);
            is_over.store(written.is_err(), Ordering::Relaxed);
            written
        })?;
        let (text, rest, result) = other.into_inner();
        result?;
        json.append(text);
        Ok(rest)
    }
}

fn write_series(json: &mut Json, series: &Series, times: &mut Times) {
    json.raw("{\"metric\":").labels(&series.labels);
    let points = &series.points;
    let count = points.len();
    times.learn(&points.timestamps);
    let is_float = |at: &usize| points.histogram(*at).is_none();
    if (0..count).any(|at| is_float(&at)) {
        json.raw(",\"values\":");
        json.list((0..count).filter(is_float), |json, at| {
            let time = points.timestamps[at];
            match times.get(at, time) {
                Some(text) => json.point_at(text, points.values[at]),
                None => json.point(time, points.values[at]),
            };
        });
    }
    if !points.histograms.is_empty() {
        json.raw(",\"histograms\":");
        let histograms = (0..count).filter_map(|at| Some((at, points.histogram(at)?)));
        json.list(histograms, |json, (at, value)| {
            histogram_point(json, points.timestamps[at], value);
        });
    }
    json.raw("}");
}

/// The times of a series as text, for those that have the same.
#[derive(Default)]
struct Times {
    of: Vec<TimestampMs>,
    text: Vec<u8>,
    /// Where each ends in the text.
    ends: Vec<u32>,
}

impl Times {
    /// Remembers the times of the first series, and of one that has others.
    fn learn(&mut self, times: &[TimestampMs]) {
        let is_known = times.len() <= self.of.len() && self.of.first() == times.first();
        if is_known || times.len() > TIMES_MAX {
            return;
        }
        let mut json = Json::default();
        self.ends.clear();
        for time in times {
            json.raw("[").time(*time).raw(",\"");
            self.ends.push(json.bytes.len() as u32);
        }
        self.of.clear();
        self.of.extend_from_slice(times);
        self.text = json.bytes;
    }

    /// `[1435781430.781,"` where that is the time of the point at a place.
    fn get(&self, at: usize, time: TimestampMs) -> Option<&[u8]> {
        if self.of.get(at) != Some(&time) {
            return None;
        }
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..self.ends[at] as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use common_model::Labels;
    use server_promql::engine::{Engine, Share, Stop};
    use server_storage::SampleColumns;

    use super::*;

    /// Has a core to lend, which is wanted back after so many questions.
    struct Lending(Arc<AtomicBool>);

    impl Interrupt for Lending {
        fn stop(&self) -> Option<Stop> {
            None
        }

        fn lend(&self) -> Option<Box<dyn Lent>> {
            Some(Box::new(Core(self.0.clone())))
        }
    }

    struct Core(Arc<AtomicBool>);

    impl Lent for Core {
        fn is_wanted(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn series(number: usize) -> Series {
        let mut points = SampleColumns::default();
        for step in 0..1_000_i64 {
            // Some have gaps, some begin later.
            if number.is_multiple_of(3) || (step + number as i64) % 7 > 0 {
                points.push(1_435_781_430_000 + step * 15_500, number as f64 / step as f64);
            }
        }
        Series { labels: Labels::from_pairs([("n", number.to_string())]), points }
    }

    fn text(interrupt: &dyn Interrupt, count: usize) -> String {
        let memory = Engine::default().reservation(Share::Interactive);
        let mut json = Json::default();
        let all: Vec<Series> = (0..count).map(series).collect();
        let held: usize =
            all.iter().map(|s| s.points.len() * POINT_BYTES + s.labels.heap_bytes()).sum();
        memory.charge(held).unwrap();
        write(&mut json, all, &memory, interrupt).unwrap();
        String::from_utf8(json.into_pieces().concat()).unwrap()
    }

    #[test]
    fn two_cores_write_what_one_writes() {
        use server_promql::engine::NoInterrupt;
        for count in [0, 1, 2, 9, 10, 11, 50] {
            let alone = text(&NoInterrupt, count);
            serde_json::from_str::<serde_json::Value>(&alone).unwrap();
            for is_wanted in [false, true] {
                let lending = Lending(Arc::new(AtomicBool::new(is_wanted)));
                assert_eq!(text(&lending, count), alone, "{count} series, {is_wanted}");
            }
        }
    }

    #[test]
    fn remembered_times_are_those_of_the_points() {
        let mut times = Times::default();
        let with = |times: &mut Times, number| {
            let mut json = Json::default();
            write_series(&mut json, &series(number), times);
            json.bytes
        };
        for number in [1, 3, 1, 2, 3, 4] {
            let remembered = with(&mut times, number);
            assert_eq!(remembered, with(&mut Times::default(), number), "series {number}");
            let mut json = Json::default();
            let of = series(number).points;
            for at in 0..of.len() {
                json.raw(if at > 0 { "," } else { "" }).point(of.timestamps[at], of.values[at]);
            }
            let one_by_one = String::from_utf8(json.bytes).unwrap();
            assert!(String::from_utf8(remembered).unwrap().contains(&one_by_one));
        }
    }
}
