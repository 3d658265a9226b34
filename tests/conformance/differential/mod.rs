//! Random queries over random data: the engine beside Prometheus 3.5.3.
//!
//! `HEARTH_DIFFERENTIAL` is the number of queries, `HEARTH_SEED` where the random numbers begin.
//! What is answered differently is made as small as it can be and printed with both answers, unless
//! a change of the language since then explains it ([`known`]).

pub(crate) mod answer;
mod cause;
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
use tree::Kind;
use world::{Question, When, World};

use crate::skip;

/// Queries where nobody asks for more.
const QUERIES_DEFAULT: usize = 500;
/// Queries over the same data, at most.
const QUERIES_PER_WORLD: usize = 1_000;
/// Differences that are looked into, at most.
const DIFFERENCES_MAX: usize = 25;
/// How often a question is asked again.
const ASKED_AGAIN: usize = 4;
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
    /// Different answers of the original to the same question.
    unstable: usize,
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
        if is_unstable(world, &question, &theirs).await {
            tally.unstable += 1;
            continue;
        }
        let culprit = match explanation(world, &question).await {
            Ok(at) => {
                tally.explained[at] += 1;
                continue;
            }
            Err(culprit) => culprit,
        };
        let smallest = shrink(world, culprit).await;
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
    skip(&format!("  {} answered in more than one way by the original", tally.unstable));
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

/// Whether the original answers otherwise when it is asked again, as it does where the order of a
/// hash table matters.
async fn is_unstable(world: &World, question: &Question, before: &Answer) -> bool {
    for _ in 0..ASKED_AGAIN {
        let (_, again) = world.ask(question).await;
        if difference(question, before, &again).is_some() {
            return true;
        }
    }
    false
}

/// The innermost pieces of a question that are answered differently, with both answers.
async fn culprits(world: &World, question: &Question) -> Vec<(Question, Answer, Answer)> {
    let mut found: Vec<(usize, (Question, Answer, Answer))> = Vec::new();
    for (at, piece) in question.query.pieces().into_iter().enumerate() {
        let from = at - piece.inside;
        if found.iter().any(|(culprit, _)| *culprit >= from) {
            continue;
        }
        let when = if piece.in_subquery { question.when.around() } else { question.when };
        if piece.node.kind == Kind::Matrix && !matches!(when, When::Instant(_)) {
            continue;
        }
        let asked = Question { query: piece.node, when, lookback: question.lookback };
        let (ours, theirs) = world.ask(&asked).await;
        if difference(&asked, &ours, &theirs).is_some() {
            let culprit = match instant_culprit(world, &asked).await {
                Some(culprit) => culprit,
                None => (asked, ours, theirs),
            };
            found.push((at, culprit));
        }
    }
    found.into_iter().map(|(_, culprit)| culprit).collect()
}

/// The first step of a range query that is answered differently when it is asked alone.
async fn instant_culprit(world: &World, question: &Question) -> Option<(Question, Answer, Answer)> {
    let When::Range { start, end, step_ms } = question.when else { return None };
    for time in (start..=end).step_by(usize::try_from(step_ms).ok()?) {
        let asked = Question { when: When::Instant(time), ..question.clone() };
        let (ours, theirs) = world.ask(&asked).await;
        if difference(&asked, &ours, &theirs).is_some() {
            return Some((asked, ours, theirs));
        }
    }
    None
}

/// The change of the language that explains a difference, or the piece that nothing explains.
async fn explanation(world: &World, question: &Question) -> Result<usize, Question> {
    let mut explained = None;
    for (asked, ours, theirs) in culprits(world, question).await {
        let query = asked.query.to_string();
        let case = Case { query: &query, ours: &ours, theirs: &theirs };
        match CHANGES.iter().position(|change| (change.explains)(&case)) {
            Some(change) => explained = Some(change),
            None => return Err(asked),
        }
    }
    explained.ok_or_else(|| question.clone())
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
                && let Err(culprit) = explanation(world, &smaller).await
            {
                question = culprit;
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
