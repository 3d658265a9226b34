//! A writer of numbered lines, 20,000 a second, whose log is renamed, copied and truncated, deleted
//! and made again, while the reader is killed and started again. Every line is counted once.
//!
//! The reader is a process of its own: this test binary again, with the test [`reader`], which is
//! asked over its standard input. What it answered last before it was killed is what a scrape saw of
//! that life.

use std::collections::BTreeSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common_service::SystemClock;
use common_testkit::Rng;
use exporters_log::line::{Line, LineSink};
use exporters_log::source::{SourceOptions, Sources};
use parking_lot::Mutex;

const LINES_PER_SECOND: u64 = 20_000;

/// How long lines are written.
const WRITING: Duration = Duration::from_secs(8);

/// Time for what is left in the end.
const SETTLING: Duration = Duration::from_secs(30);

/// Rotated files that are kept: none goes before it was read.
const KEPT: usize = 300;

/// Numbers that were read in this life; `u64::MAX` for a line that was never written so.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<Vec<u64>>>);

impl LineSink for Numbers {
    fn line(&mut self, line: Line<'_>) {
        let text = std::str::from_utf8(line.text).unwrap_or_default();
        let number = text.strip_prefix("line ").and_then(|rest| rest.split_once(' '));
        let number = number.filter(|(_, end)| *end == "is written once");
        self.0.lock().push(number.and_then(|(number, _)| number.parse().ok()).unwrap_or(u64::MAX));
    }
}

/// The reader's process. Its first line of input is the directory; then every line asks for what was
/// read in this life, which it writes to the file that the line names.
#[test]
#[ignore = "it is a part of the torture, which starts it"]
fn reader() {
    let mut lines = std::io::stdin().lines();
    let Some(Ok(directory)) = lines.next() else { return };
    let directory = PathBuf::from(directory);
    let numbers = Numbers::default();
    let options = SourceOptions {
        logs: vec![directory.join("logs/x.log").display().to_string()],
        positions: Some(directory.join("positions")),
        ..SourceOptions::default()
    };
    let sinks: Vec<Box<dyn LineSink + Send>> = vec![Box::new(numbers.clone())];
    let sources = Sources::start(options, &directory, Box::new(SystemClock), sinks).unwrap();
    println!("\nready");
    while let Some(Ok(path)) = lines.next() {
        let seen = sources.ledger().commit(|| numbers.0.lock().clone());
        let bytes: Vec<u8> = seen.iter().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(path, bytes).unwrap();
        println!("\nscraped");
    }
}

/// One life of the reader.
struct Life {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    answer: PathBuf,
}

impl Life {
    fn start(directory: &Path, number: usize) -> Life {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "source::torture::reader", "--ignored", "--nocapture"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let answer = directory.join(format!("life{number}"));
        let mut life = Life { child, input, output, answer };
        writeln!(life.input, "{}", directory.display()).unwrap();
        life.wait("ready");
        life
    }

    fn wait(&mut self, word: &str) {
        let mut line = String::new();
        while line.trim_end() != word {
            line.clear();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the reader has ended");
        }
    }

    fn scrape(&mut self) -> Vec<u64> {
        writeln!(self.input, "{}", self.answer.display()).unwrap();
        self.wait("scraped");
        numbers_of(&self.answer)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn numbers_of(path: &Path) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap())).collect()
}

/// The program whose log it is.
struct Writer {
    logs: PathBuf,
    file: File,
    next: u64,
    random: Rng,
    /// Written between a copy and the truncation: nobody can read them.
    discarded: BTreeSet<u64>,
    counts: [u32; 3],
}

impl Writer {
    fn open(logs: &Path) -> File {
        File::options().append(true).create(true).open(logs.join("x.log")).unwrap()
    }

    /// Writes lines, now and then in two pieces.
    fn write(&mut self, lines: u64) {
        let mut text = Vec::new();
        for _ in 0..lines {
            writeln!(text, "line {} is written once", self.next).unwrap();
            self.next += 1;
        }
        let cut = self.random.below(text.len() as u64 + 1) as usize;
        self.file.write_all(&text[..cut]).unwrap();
        self.file.write_all(&text[cut..]).unwrap();
    }

    fn shift(&self) {
        let name = |n: usize| self.logs.join(format!("x.log.{n}"));
        for n in (1..KEPT).rev() {
            let _ = std::fs::rename(name(n), name(n + 1));
        }
    }

    fn rotate_by_rename(&mut self) {
        self.shift();
        std::fs::rename(self.logs.join("x.log"), self.logs.join("x.log.1")).unwrap();
        // Until the writer opens the new file it writes to the old one.
        let late = self.random.below(50) + 1;
        self.write(late);
        self.file = Writer::open(&self.logs);
        self.counts[0] += 1;
    }

    fn rotate_by_copy(&mut self) {
        self.shift();
        std::fs::copy(self.logs.join("x.log"), self.logs.join("x.log.1")).unwrap();
        if self.random.below(2) == 0 {
            let from = self.next;
            let lost = self.random.below(30) + 1;
            self.write(lost);
            self.discarded.extend(from..self.next);
        }
        self.file.set_len(0).unwrap();
        self.counts[1] += 1;
    }

    fn delete(&mut self) {
        std::fs::remove_file(self.logs.join("x.log")).unwrap();
        let late = self.random.below(50) + 1;
        self.write(late);
        self.file = Writer::open(&self.logs);
        self.counts[2] += 1;
    }
}

/// The reader's lives, one after the other.
struct Lives {
    directory: PathBuf,
    life: Option<Life>,
    number: usize,
    /// Nobody is killed before the next scrape: only the living can read what was deleted.
    is_safe: bool,
}

impl Lives {
    fn start(&mut self) {
        self.number += 1;
        self.life = Some(Life::start(&self.directory, self.number));
    }

    fn scrape(&mut self) {
        if let Some(life) = &mut self.life {
            life.scrape();
            self.is_safe = true;
        }
    }

    fn kill(&mut self) {
        if self.is_safe
            && let Some(life) = self.life.take()
        {
            life.kill();
        }
    }

    /// Everything that the last scrapes of all lives saw.
    fn seen(&self) -> Vec<u64> {
        let lives = 1..=self.number;
        lives.flat_map(|n| numbers_of(&self.directory.join(format!("life{n}")))).collect()
    }
}

fn story(writer: &mut Writer, lives: &mut Lives) {
    let begin = Instant::now();
    let mut next_event = Duration::ZERO;
    while begin.elapsed() < WRITING {
        let due = (begin.elapsed().as_secs_f64() * LINES_PER_SECOND as f64) as u64;
        let missing = due.saturating_sub(writer.next);
        writer.write(missing);
        if begin.elapsed() >= next_event {
            next_event = begin.elapsed() + Duration::from_millis(10 + writer.random.below(70));
            match writer.random.below(12) {
                0..3 => writer.rotate_by_rename(),
                3..6 => writer.rotate_by_copy(),
                6 if lives.life.is_some() => {
                    // Nobody can read a file that came and went unseen: this one is seen first, and
                    // what is written to it afterwards must be read by somebody who lives on.
                    writer.write(1);
                    settle(writer, lives);
                    writer.delete();
                    lives.is_safe = false;
                    settle(writer, lives);
                }
                7 | 8 => lives.kill(),
                9.. if lives.life.is_none() => lives.start(),
                _ => lives.scrape(),
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Scrapes until everything written so far is seen. What is missing in the end is the result.
fn settle(writer: &Writer, lives: &mut Lives) -> BTreeSet<u64> {
    let until = Instant::now() + SETTLING;
    loop {
        lives.scrape();
        let seen: BTreeSet<u64> = lives.seen().into_iter().collect();
        let wanted = (0..writer.next).filter(|n| !writer.discarded.contains(n));
        let missing: BTreeSet<u64> = wanted.filter(|number| !seen.contains(number)).collect();
        if missing.is_empty() || Instant::now() > until {
            return missing;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_line_is_counted_once_whatever_happens_to_log_and_reader() {
    let seed = RandomState::new().hash_one("torture") | 1;
    println!("seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    let file = Writer::open(&logs);
    let random = Rng::new(seed);
    let (discarded, counts) = (BTreeSet::new(), [0; 3]);
    let mut writer = Writer { logs, file, next: 0, random, discarded, counts };
    let directory = directory.path().to_owned();
    let mut lives = Lives { directory, life: None, number: 0, is_safe: true };
    lives.start();
    story(&mut writer, &mut lives);
    if lives.life.is_none() {
        lives.start();
    }
    let missing = settle(&writer, &mut lives);
    let mut seen = lives.seen();
    seen.sort_unstable();
    let bad = seen.iter().filter(|number| **number == u64::MAX).count();
    let twice: Vec<u64> =
        seen.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0]).collect();
    let discarded_seen = seen.iter().filter(|number| writer.discarded.contains(number)).count();
    let [renamed, copied, deleted] = writer.counts;
    println!(
        "{} lines in {} lives; {renamed} times renamed, {copied} copied and truncated, {deleted} \
         deleted; {} lines stood in no copy, {discarded_seen} of them were read before they went",
        writer.next,
        lives.number,
        writer.discarded.len(),
    );
    lives.is_safe = true;
    lives.kill();
    let first = |numbers: &mut dyn Iterator<Item = u64>| numbers.take(20).collect::<Vec<_>>();
    assert!(
        missing.is_empty(),
        "seed {seed}: {} lost: {:?}",
        missing.len(),
        first(&mut missing.iter().copied())
    );
    assert!(
        twice.is_empty(),
        "seed {seed}: {} twice: {:?}",
        twice.len(),
        first(&mut twice.iter().copied())
    );
    assert_eq!(bad, 0, "seed {seed}: lines that were never written so");
}
