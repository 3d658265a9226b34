//! `tsdb analyze`: churn, cardinality and how full the chunks of a block are.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use common_model::{Labels, Matcher};
use common_service::flags::Matches;
use server_promql::parser::parse_selector;
use server_tsdb::block::{Block, ChunkMeta, is_ulid};
use server_tsdb::fs::RealFs;

use super::distribution::Fullness;
use super::table::duration;
use super::{existing, fail};
use crate::commands::print;

/// Characters of a block's name that tell when it was made.
const ULID_TIME_CHARS: usize = 10;

/// `tsdb analyze`
pub(in crate::promtool) fn analyze(matches: &Matches) -> ExitCode {
    match text(matches) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

fn text(matches: &Matches) -> Result<String, String> {
    let selector = matches.opt_str("match").unwrap_or_default();
    let matchers = match selector {
        "" => Vec::new(),
        selector => parse_selector(selector).map_err(|error| error.to_string())?,
    };
    let dir = Path::new(existing(matches)?);
    let name = match matches.arg("block id").filter(|name| !name.is_empty()) {
        Some(name) => name.to_owned(),
        None => last_block(dir)?,
    };
    let path = dir.join(&name);
    if !path.exists() {
        return Err(format!("invalid block ID {name}"));
    }
    let block = Block::open(&RealFs, &path).map_err(|error| error.to_string())?;
    let mut found = Found::default();
    let span = block.meta().max_time.wrapping_sub(block.meta().min_time) as u64;
    let mut broken = None;
    let mut fullness = matches.bool("extended").then(Fullness::default);
    block
        .series(&mut |labels, chunks| {
            if !matchers.iter().all(|matcher| is_match(matcher, labels)) {
                return true;
            }
            found.add(labels, chunks, span);
            let counted = fullness.as_mut().map_or(Ok(()), |full| full.add(&block, chunks));
            broken = counted.err();
            broken.is_none()
        })
        .map_err(|error| error.to_string())?;
    broken.map_or(Ok(()), Err)?;
    let limit = usize::try_from(matches.int("limit")).unwrap_or(0);
    let meta = block.meta();
    let mut text = format!("Block ID: {}\n", meta.ulid);
    let _ = writeln!(text, "Duration: {}", duration(meta.max_time.saturating_sub(meta.min_time)));
    let _ = writeln!(text, "Total Series: {}", meta.stats.num_series);
    found.tell(&mut text, selector, limit, span);
    if let Some(fullness) = fullness {
        fullness.tell(&mut text);
    }
    Ok(text)
}

fn is_match(matcher: &Matcher, labels: &Labels) -> bool {
    matcher.matches(labels.get(&matcher.name).unwrap_or_default())
}

/// The block that was made last; of several in one millisecond the first by name.
fn last_block(dir: &Path) -> Result<String, String> {
    let entries = std::fs::read_dir(dir).map_err(|error| error.to_string())?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let time = |name: &str| name[..ULID_TIME_CHARS].to_owned();
    names
        .filter(|name| is_ulid(name))
        .max_by(|a, b| time(a).cmp(&time(b)).then_with(|| b.cmp(a)))
        .ok_or_else(|| "no blocks found".to_owned())
}

/// What the series of a block have in common.
#[derive(Default)]
struct Found {
    series: usize,
    /// Label pairs of all series.
    entries: usize,
    /// By `name=value`.
    pairs: HashMap<String, Spread>,
    /// By name.
    names: BTreeMap<String, Label>,
}

#[derive(Default)]
struct Spread {
    /// Series that have it.
    series: u64,
    /// Milliseconds of the block in which they have no samples, in sum.
    uncovered: u64,
}

#[derive(Default)]
struct Label {
    uncovered: u64,
    values: BTreeSet<String>,
}

impl Found {
    fn add(&mut self, labels: &Labels, chunks: &[ChunkMeta], span: u64) {
        self.series += 1;
        let covered = match chunks {
            [first, .., last] => last.max_time.wrapping_sub(first.min_time),
            [only] => only.max_time.wrapping_sub(only.min_time),
            [] => 0,
        };
        let uncovered = span.wrapping_sub(covered as u64);
        for (name, value) in labels.iter() {
            self.entries += 1;
            let pair = self.pairs.entry(format!("{name}={value}")).or_default();
            pair.series += 1;
            pair.uncovered = pair.uncovered.wrapping_add(uncovered);
            if !self.names.contains_key(name) {
                self.names.insert(name.to_owned(), Label::default());
            }
            let Some(label) = self.names.get_mut(name) else { continue };
            label.uncovered = label.uncovered.wrapping_add(uncovered);
            if !label.values.contains(value) {
                label.values.insert(value.to_owned());
            }
        }
    }

    fn tell(&self, text: &mut String, selector: &str, limit: usize, span: u64) {
        if !selector.is_empty() {
            let _ = writeln!(text, "Matcher: {selector}");
        }
        let _ = writeln!(text, "Label names: {}", self.names.len());
        if !selector.is_empty() {
            let _ = writeln!(text, "Matched series: {}", self.series);
        }
        let _ = writeln!(text, "Postings (unique label pairs): {}", self.pairs.len());
        let _ = writeln!(text, "Postings entries (total label pairs): {}", self.entries);
        let blocks = |uncovered: u64| (uncovered as f64 / span as f64) as u64;
        let mut list = |title: &str, mut rows: Vec<(u64, &str)>| {
            rows.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            let _ = writeln!(text, "\n{title}:");
            for (count, what) in rows.into_iter().take(limit) {
                let _ = writeln!(text, "{count} {what}");
            }
        };
        let pairs = self.pairs.iter().map(|(pair, spread)| (pair.as_str(), spread));
        let names = self.names.iter().map(|(name, label)| (name.as_str(), label));
        list(
            "Label pairs most involved in churning",
            pairs.clone().map(|(pair, spread)| (blocks(spread.uncovered), pair)).collect(),
        );
        list(
            "Label names most involved in churning",
            names.clone().map(|(name, label)| (blocks(label.uncovered), name)).collect(),
        );
        list(
            "Most common label pairs",
            pairs.clone().map(|(pair, spread)| (spread.series, pair)).collect(),
        );
        let length = |label: &Label| label.values.iter().map(|value| value.len() as u64).sum();
        list(
            "Label names with highest cumulative label value length",
            names.clone().map(|(name, label)| (length(label), name)).collect(),
        );
        list(
            "Highest cardinality labels",
            names.map(|(name, label)| (label.values.len() as u64, name)).collect(),
        );
        let metrics = pairs.filter_map(|(pair, spread)| {
            pair.strip_prefix("__name__=").map(|metric| (spread.series, metric))
        });
        list("Highest cardinality metric names", metrics.collect());
    }
}
