//! How long selecting from the blocks of a directory takes:
//! `cargo run --release --example blocks -- DIR [NAME=VALUE ...]`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]

use std::sync::Arc;
use std::time::Instant;

use common_model::Matcher;
use server_storage::{SampleColumns, SelectHints};
use server_tsdb::block::Block;
use server_tsdb::fs::RealFs;
use server_tsdb::{block_querier, open_blocks};

const ROUNDS: u32 = 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap();
    let matchers: Vec<Matcher> = arguments
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            Matcher::equal(name, value)
        })
        .collect();
    let start = Instant::now();
    let (blocks, broken) = open_blocks(&RealFs, dir.as_ref()).unwrap();
    println!("{} blocks opened in {:?}, {} broken", blocks.len(), start.elapsed(), broken.len());
    println!("outline {} bytes", blocks.iter().map(|block| block.heap_bytes()).sum::<usize>());
    checksums(&blocks);
    let last = blocks.iter().map(|block| block.meta().max_time).max().unwrap();
    let first = blocks.iter().map(|block| block.meta().min_time).min().unwrap();
    let minute = 60_000;
    for (what, start, end, labels_only) in [
        ("labels", first, last, true),
        ("instant", last - 65 * minute, last - 60 * minute, false),
        ("instant at the end", last - 5 * minute, last, false),
        ("an hour", last - 60 * minute, last, false),
        ("everything", first, last, false),
    ] {
        let mut best = f64::INFINITY;
        let (mut series, mut samples) = (0, 0);
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            let querier = block_querier(blocks.clone(), start, end);
            let hints = SelectHints { start, end, labels_only, ..SelectHints::default() };
            let mut set = querier.select(false, &hints, &matchers).unwrap();
            let mut columns = SampleColumns::default();
            (series, samples) = (0, 0);
            while set.next(&mut columns).unwrap().is_some() {
                series += 1;
                samples += columns.len();
            }
            best = best.min(begin.elapsed().as_secs_f64());
        }
        let each = best * 1e9 / f64::from(series.max(1));
        println!(
            "{what}: {series} series, {samples} samples, {:.2} ms, {each:.0} ns a series",
            best * 1e3
        );
    }
}

/// What finding chunks and checking them costs, without decoding.
fn checksums(blocks: &[Arc<Block>]) {
    let mut references = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let mut each = |_: &_, chunks: &[server_tsdb::block::ChunkMeta]| {
            references.extend(chunks.iter().map(|chunk| (at, chunk.reference)));
            true
        };
        block.series(&mut each).unwrap();
    }
    let mut best = f64::INFINITY;
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        bytes =
            references.iter().map(|&(at, r)| blocks[at].chunk(r).unwrap().1.len()).sum::<usize>();
        best = best.min(begin.elapsed().as_secs_f64());
    }
    let each = best * 1e9 / references.len() as f64;
    println!("checksums: {} chunks, {bytes} bytes, {each:.0} ns a chunk", references.len());
}
