//! Blocks that we write: promtool reads them as it reads its own, and no crash leaves half of one.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use server_tsdb::block::{Block, BlockMeta, BlockWriter, cut_floats, ulid};
use server_tsdb::fs::{FailingFs, FailureMode, Fs, MemoryFs, RealFs};
use server_tsdb::{CHUNK_RANGE_MS, Error, Options};

use crate::blocks::{create_blocks, sample_data};
use crate::peers::peer;
use crate::support::{Contents, DIR, Random, contents, labels, open_with};

/// Writes one block for every two hours.
pub(crate) fn write_blocks(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    contents: &Contents,
) -> Result<Vec<BlockMeta>, Error> {
    let times = || contents.values().flatten().map(|(time, _)| time.div_euclid(CHUNK_RANGE_MS));
    let (first, last) = (times().min().unwrap(), times().max().unwrap());
    let mut metas = Vec::new();
    for range in first..=last {
        let name = ulid(1_700_000_000_000 + range as u64, [7; 10]);
        let mut writer = BlockWriter::create(fs.clone(), dir, &name)?;
        for (labels, samples) in contents {
            let inside = |time: &i64| time.div_euclid(CHUNK_RANGE_MS) == range;
            let samples = samples.iter().filter(|(time, _)| inside(time));
            let samples = samples.map(|(time, bits)| (*time, f64::from_bits(*bits)));
            let chunks = cut_floats(samples, CHUNK_RANGE_MS);
            let chunks: Vec<_> = chunks.iter().map(|chunk| chunk.as_encoded()).collect();
            if !chunks.is_empty() {
                writer.add_series(labels, &chunks)?;
            }
        }
        metas.extend(writer.finish(None, None)?);
    }
    Ok(metas)
}

/// What promtool says, without names and sizes of blocks.
fn promtool_says(promtool: &Path, arguments: &[&str], dir: &Path, more: &[&str]) -> String {
    let mut command = Command::new(promtool);
    let said = command.arg("tsdb").args(arguments).arg(dir).args(more).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    let text = String::from_utf8(said.stdout).unwrap();
    let words = |line: &str| {
        let word = |word: &str| match server_tsdb::block::is_ulid(word) {
            true => "NAME".to_owned(),
            false => word.to_owned(),
        };
        line.split_whitespace().map(word).collect::<Vec<_>>()
    };
    let mut lines: Vec<_> = text.lines().map(words).collect();
    if arguments == ["list"] {
        // The last column is the size: we leave a part out that nobody reads.
        lines.iter_mut().skip(1).for_each(|line| line.truncate(line.len() - 1));
    }
    lines.into_iter().map(|line| line.join(" ") + "\n").collect()
}

fn options() -> Options {
    let mut options = Options::new(DIR);
    options.retention_ms = i64::MAX;
    options
}

#[test]
fn promtool_reads_our_blocks_as_it_reads_its_own() {
    let Some(promtool) = peer("promtool") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (theirs, ours) = (dir.path().join("theirs"), dir.path().join("ours"));
    let wanted = sample_data(2, 100, 5);
    create_blocks(&promtool, &wanted, &theirs);
    let fs: Arc<dyn Fs> = Arc::new(RealFs);
    let metas = write_blocks(&fs, &ours, &wanted).unwrap();
    assert_eq!(metas.len(), 3);
    // It insists on a log.
    for dir in [&theirs, &ours] {
        std::fs::create_dir(dir.join("wal")).unwrap();
    }
    let last = |dir: &Path| {
        let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).filter(|name| name != "wal").max().unwrap()
    };
    for arguments in [&["list"][..], &["dump"], &["dump", "--match={n=~\"1.*\"}"]] {
        let said = promtool_says(&promtool, arguments, &ours, &[]);
        assert_eq!(said, promtool_says(&promtool, arguments, &theirs, &[]), "{arguments:?}");
        assert!(said.lines().count() >= 4, "{arguments:?} says nothing: {said}");
    }
    // Its order of equals is anyone's guess.
    let analyze = |dir: &Path| {
        let arguments = ["analyze", "--extended", "--limit=1000"];
        let said = promtool_says(&promtool, &arguments, dir, &[&last(dir)]);
        let mut lines: Vec<_> = said.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(analyze(&ours), analyze(&theirs));
    // Beside the samples, the chunks are the same bytes.
    for (their, our) in blocks_of(&theirs).iter().zip(&blocks_of(&ours)) {
        let chunks = |block: &Block| {
            let mut all = Vec::new();
            block
                .series(&mut |labels, chunks| {
                    let bytes = |c: &server_tsdb::block::ChunkMeta| {
                        let (encoding, bytes) = block.chunk(c.reference).unwrap();
                        (c.min_time, c.max_time, encoding, bytes.to_vec())
                    };
                    all.push((labels.clone(), chunks.iter().map(bytes).collect::<Vec<_>>()));
                    true
                })
                .unwrap();
            all
        };
        assert_eq!(chunks(our), chunks(their));
        let (our, their) = (our.meta(), their.meta());
        assert_eq!((our.min_time, our.max_time), (their.min_time, their.max_time));
        assert_eq!(our.stats.num_samples, their.stats.num_samples);
        assert_eq!(our.stats.num_chunks, their.stats.num_chunks);
    }
}

fn blocks_of(dir: &Path) -> Vec<Block> {
    let folders = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| !path.ends_with("wal"));
    let mut blocks: Vec<_> = folders.map(|path| Block::open(&RealFs, &path).unwrap()).collect();
    blocks.sort_by_key(|block| block.meta().min_time);
    blocks
}

#[test]
fn a_block_that_was_written_gives_back_every_sample() {
    for seed in 0..4 {
        let memory = MemoryFs::default();
        let fs: Arc<dyn Fs> = Arc::new(memory.clone());
        let wanted = sample_data(seed, 3 + 150 * seed as usize, 1 + 3 * seed as i64);
        write_blocks(&fs, Path::new(DIR), &wanted).unwrap();
        let db = open_with(fs, options());
        assert_eq!(contents(&db), wanted, "seed {seed}");
    }
}

#[test]
fn series_and_chunks_out_of_order_are_refused() {
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    let name = ulid(1, [0; 10]);
    assert!(BlockWriter::create(fs.clone(), Path::new(DIR), "../../etc").is_err());
    let mut writer = BlockWriter::create(fs.clone(), Path::new(DIR), &name).unwrap();
    let chunks = cut_floats((0..200).map(|n| (n * 1000, n as f64)), CHUNK_RANGE_MS);
    let in_order: Vec<_> = chunks.iter().map(|chunk| chunk.as_encoded()).collect();
    assert!(in_order.len() > 1);
    let reversed: Vec<_> = in_order.iter().rev().copied().collect();
    assert!(writer.add_series(&labels(&[("a", "2")]), &reversed).is_err());
    assert!(writer.add_series(&labels(&[]), &in_order).is_err());
    writer.add_series(&labels(&[("a", "2")]), &in_order).unwrap();
    assert!(writer.add_series(&labels(&[("a", "2")]), &in_order).is_err());
    assert!(writer.add_series(&labels(&[("a", "1")]), &in_order).is_err());
    let meta = writer.finish(Some((0, 7_200_000)), None).unwrap().unwrap();
    assert_eq!((meta.max_time, meta.stats.num_series, meta.stats.num_samples), (7_200_000, 1, 200));
    let empty = BlockWriter::create(fs.clone(), Path::new(DIR), &ulid(2, [0; 10])).unwrap();
    assert_eq!(empty.finish(None, None).unwrap(), None);
    assert_eq!(fs.list(Path::new(DIR)).unwrap().len(), 1);
}

/// Any call may fail and the power may go at any time: a block is there as a whole or not at all.
#[test]
fn a_block_is_there_as_a_whole_or_not_at_all() {
    let wanted = sample_data(5, 6, 1);
    let write = |fs: Arc<dyn Fs>| write_blocks(&fs, Path::new(DIR), &wanted);
    let count = FailingFs::new(
        Arc::new(MemoryFs::default()),
        0,
        FailureMode::Once,
        std::io::ErrorKind::Other,
    );
    let metas = write(Arc::new(count.clone())).unwrap();
    let calls = count.calls();
    assert_eq!(metas.len(), 1);
    assert_eq!(contents(&open_with(Arc::new(count.clone()), options())), wanted);
    for fail_at in 1..=calls {
        let mut random = Random::new(fail_at);
        let memory = MemoryFs::default();
        memory.put(&Path::new(DIR).join("lock"), b"");
        let kind = std::io::ErrorKind::Other;
        let failing = FailingFs::new(Arc::new(memory.clone()), fail_at, FailureMode::Forever, kind);
        assert!(write(Arc::new(failing)).is_err(), "call {fail_at} of {calls}");
        for cut in [memory.after_kill(), memory.after_power_cut(&mut |n| random.below(n))] {
            let db = open_with(Arc::new(cut.clone()), options());
            let found = contents(&db);
            assert!(found.is_empty() || found == wanted, "call {fail_at}");
            let names = cut.list(Path::new(DIR)).unwrap();
            assert!(!names.iter().any(|entry| entry.name.contains(".tmp")), "{names:?}");
        }
    }
    println!("{calls} calls failed");
}
