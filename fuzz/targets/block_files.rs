//! A block one of whose files has arbitrary bytes: opened, listed, and read to the last sample.
#![no_main]

use std::path::Path;
use std::sync::{Arc, OnceLock};

use common_model::{Labels, Matcher};
use libfuzzer_sys::fuzz_target;
use server_storage::{SampleColumns, SelectHints};
use server_tsdb::block::{Block, BlockWriter, cut_floats, ulid};
use server_tsdb::block_querier;
use server_tsdb::fs::{Fs, MemoryFs};

const FILES: [&str; 4] = ["index", "chunks/000001", "tombstones", "meta.json"];

/// The name of the block, and its files as they should be.
fn whole() -> &'static (String, Vec<Vec<u8>>) {
    static WHOLE: OnceLock<(String, Vec<Vec<u8>>)> = OnceLock::new();
    WHOLE.get_or_init(|| {
        let memory = MemoryFs::default();
        let (fs, name): (Arc<dyn Fs>, _) = (Arc::new(memory.clone()), ulid(1, [0; 10]));
        let dir = Path::new("/");
        let mut writer = BlockWriter::create(fs, dir, &name).expect("memory takes files");
        for n in ["1", "2"] {
            let labels = Labels::from_pairs([("__name__", "a"), ("n", n)]);
            let chunks = cut_floats((0..3).map(|n| (n * 1000, n as f64)), 7_200_000);
            let chunks: Vec<_> = chunks.iter().map(|chunk| chunk.as_encoded()).collect();
            writer.add_series(&labels, &chunks).expect("series are in order");
        }
        writer.finish(None, None).expect("memory takes bytes");
        let read = |file: &&str| memory.read(&dir.join(&name).join(file)).expect("it was written");
        (name.clone(), FILES.iter().map(read).collect())
    })
}

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = (usize::from(input.0) % FILES.len(), input.1);
    let (name, files) = whole();
    let fs = MemoryFs::default();
    let dir = Path::new("/").join(name);
    for (at, file) in FILES.iter().enumerate() {
        fs.put(&dir.join(file), if at == which { bytes } else { &files[at] });
    }
    let Ok(block) = Block::open(&fs, &dir) else { return };
    let names: Vec<String> = block.label_names().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let _ = block.label_values(&name, &mut |_, _| true);
    }
    let _ = block.series(&mut |_, chunks| {
        for chunk in chunks {
            let _ = block.chunk(chunk.reference);
        }
        true
    });
    let querier = block_querier(vec![Arc::new(block)], i64::MIN, i64::MAX);
    let hints = SelectHints { start: i64::MIN, end: i64::MAX, ..SelectHints::default() };
    for matchers in [vec![], vec![Matcher::equal("n", "1")], vec![Matcher::not_equal("n", "1")]] {
        let Ok(mut set) = querier.select(true, &hints, &matchers) else { continue };
        let mut columns = SampleColumns::default();
        while let Ok(Some(_)) = set.next(&mut columns) {
            assert!(columns.timestamps.is_sorted_by(|a, b| a < b));
        }
    }
});
