//! Random queries over random data: the engine beside Prometheus 3.5.3.
//!
//! `HEARTH_DIFFERENTIAL` is the number of queries, `HEARTH_SEED` where the random numbers begin.
//! What is answered differently is made as small as it can be and printed with both answers, unless
//! a change of the language since then explains it ([`known`]).

pub(crate) mod answer;
mod data;
mod grammar;
mod known;
mod tree;
mod wire;
mod world;

use common_testkit::Rng;

use answer::Answer;
use grammar::Grammar;
use known::{CHANGES, Case, NOTES};
use world::{Question, When, World};

use crate::skip;

/// Queries where nobody asks for more.
const QUERIES_DEFAULT: usize = 500;
/// Queries over the same data, at most.
const QUERIES_PER_WORLD: usize = 1_000;
/// Differences that are looked into, at most.
const DIFFERENCES_MAX: usize = 25;
/// Smaller questions that are asked about one difference, at most.
const SHRINK_MAX: usize = 400;
/// Characters of an answer that are shown.
const SHOWN_MAX: usize = 900;

/// What came of all queries.
#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    empty: usize,
    errors: usize,
    /// How often each change explained a difference.
    explained: Vec<usize>,
    differences: Vec<String>,
}

#[tokio::test]
async fn random_queries_are_answered_as_the_original_answers_them() {
    if common_testkit::peer("prometheus").is_none() {
        return;
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let queries = number("HEARTH_DIFFERENTIAL").map_or(QUERIES_DEFAULT, |count| count as usize);
    let seed = number("HEARTH_SEED").unwrap_or(1);
    let mut tally = Tally { explained: vec![0; CHANGES.len()], ..Tally::default() };
    let mut world_number = 0;
    while tally.asked < queries && tally.differences.len() < DIFFERENCES_MAX {
        let count = QUERIES_PER_WORLD.min(queries.div_ceil(2)).min(queries - tally.asked);
        let delayed_name_removal = world_number % 2 == 1;
        let mut rng = Rng::new(seed + world_number);
        let world = World::new(&mut rng, delayed_name_removal).await;
        let place =
            format!("seed {}, delayed name removal {delayed_name_removal}", seed + world_number);
        ask_all(&world, &mut rng, count, &place, &mut tally).await;
        world_number += 1;
    }
    report(&tally, seed);
    assert!(tally.differences.is_empty(), "{}", tally.differences.join("\n"));
}

async fn ask_all(world: &World, rng: &mut Rng, count: usize, place: &str, tally: &mut Tally) {
    for _ in 0..count {
        let when = When::random(rng);
        let query = Grammar { rng }.query(matches!(when, When::Instant(_)));
        let lookbacks = [None, None, None, None, Some(30_000), Some(60_000), Some(900_000)];
        let question = Question { query, when, lookback: *rng.pick(&lookbacks) };
        let (ours, theirs) = world.ask(&question).await;
        tally.asked += 1;
        tally.empty += usize::from(theirs.is_empty());
        tally.errors += usize::from(theirs.is_error());
        if difference(&question, &ours, &theirs).is_none() {
            continue;
        }
        if let Some(at) = explanation(&question, &ours, &theirs) {
            tally.explained[at] += 1;
            continue;
        }
        let smallest = shrink(world, question.clone()).await;
        let (ours, theirs) = world.ask(&smallest).await;
        let what = difference(&smallest, &ours, &theirs).unwrap_or_default();
        tally.differences.push(format!(
            "--- {place}, query {}: {}\n  as small: {} {:?} lookback {:?}\n  what: {what}\n  ours:   {}\n  theirs: {}",
            tally.asked,
            question.query,
            smallest.query,
            smallest.when,
            smallest.lookback,
            shown(&ours),
            shown(&theirs),
        ));
        if tally.differences.len() == DIFFERENCES_MAX {
            return;
        }
    }
}

fn shown(answer: &Answer) -> String {
    format!("{answer:?}").chars().take(SHOWN_MAX).collect()
}

fn report(tally: &Tally, seed: u64) {
    skip(&format!(
        "{} random queries from seed {seed}: {} empty, {} errors, {} different",
        tally.asked,
        tally.empty,
        tally.errors,
        tally.differences.len(),
    ));
    for note in NOTES {
        skip(&format!("  not compared: {} ({})", note.what, note.since));
    }
    for (change, count) in CHANGES.iter().zip(&tally.explained).filter(|(_, count)| **count > 0) {
        skip(&format!("  {count} explained: {} ({})", change.what, change.since));
    }
}

/// What differs between two answers.
fn difference(question: &Question, ours: &Answer, theirs: &Answer) -> Option<String> {
    match (ours, theirs) {
        (Answer::Error(..), Answer::Error(..)) => known::different_errors(ours, theirs),
        (Answer::Result(a), Answer::Result(b)) => {
            let root = question.query.to_string();
            let ordered = matches!(question.when, When::Instant(_))
                && ["sort", "topk", "bottomk"].iter().any(|word| root.starts_with(word));
            answer::difference(a, b, ordered).or_else(|| known::different_notes(a, b))
        }
        _ => Some("one fails".to_owned()),
    }
}

/// The change of the language that explains a difference.
fn explanation(question: &Question, ours: &Answer, theirs: &Answer) -> Option<usize> {
    let query = question.query.to_string();
    let case = Case { query: &query, ours, theirs };
    CHANGES.iter().position(|change| (change.explains)(&case))
}

/// The smallest question found that is still answered differently.
async fn shrink(world: &World, mut question: Question) -> Question {
    let mut left = SHRINK_MAX;
    'again: loop {
        for smaller in smaller(&question) {
            if left == 0 {
                return question;
            }
            left -= 1;
            let (ours, theirs) = world.ask(&smaller).await;
            if difference(&smaller, &ours, &theirs).is_some()
                && explanation(&smaller, &ours, &theirs).is_none()
            {
                question = smaller;
                continue 'again;
            }
        }
        return question;
    }
}

fn smaller(question: &Question) -> Vec<Question> {
    let mut found: Vec<Question> = question
        .query
        .smaller()
        .into_iter()
        .map(|query| Question { query, ..question.clone() })
        .collect();
    if question.lookback.is_some() {
        found.push(Question { lookback: None, ..question.clone() });
    }
    if let When::Range { start, end, step_ms } = question.when {
        let steps = (end - start) / step_ms;
        let whens = [
            When::Range { start, end: start + steps / 2 * step_ms, step_ms },
            When::Range { start: start + (steps + 1) / 2 * step_ms, end, step_ms },
            When::Instant(start),
        ];
        let smaller = whens.into_iter().filter(|when| *when != question.when);
        found.extend(smaller.map(|when| Question { when, ..question.clone() }));
    }
    found
}
