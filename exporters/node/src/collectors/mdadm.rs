//! Software RAID: `/proc/mdstat`, with what sysfs says of each array.

use std::path::{Path, PathBuf};

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{ParseError, text, unsigned, words};
use crate::source::{Attributes, KernelFile, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "mdadm",
    about: "Software RAID arrays of /proc/mdstat.",
    on_by_default: true,
    // An array that waits for a dead disk keeps its lock.
    may_block: true,
    flags: &[],
    build: |context| {
        Ok(Box::new(Mdadm {
            file: KernelFile::new(context.roots().proc("mdstat")),
            block: context.roots().sys("block"),
            attributes: Mutex::new(Attributes::new()),
        }))
    },
};

const REQUIRED: Family =
    Family::gauge("node_md_disks_required", "Total number of disks of device.");
const DISKS: Family =
    Family::gauge("node_md_disks", "Number of active/failed/spare disks of device.");
const STATE: Family = Family::gauge("node_md_state", "Indicates the state of md-device.");
const BLOCKS: Family = Family::gauge("node_md_blocks", "Total number of blocks on device.");
const BLOCKS_SYNCED: Family =
    Family::gauge("node_md_blocks_synced", "Number of blocks synced on device.");
const RAID_DISKS: Family = Family::gauge("node_md_raid_disks", "Number of raid disks on device.");
const DEGRADED: Family = Family::gauge("node_md_degraded", "Number of degraded disks on device.");

/// The states that have a series. An array in another one (`broken`, or being reshaped) has none
/// at 1.
const STATES: [&str; 5] = ["active", "inactive", "recovering", "resync", "check"];

/// What the line of progress names, and the state that this is; the first that is found counts.
const ACTIONS: [(&str, &str); 4] =
    [("recovery", "recovering"), ("reshape", "reshape"), ("check", "check"), ("resync", "resync")];

/// Progress of what has not begun, or that another host of the cluster makes.
const NOT_BEGUN: [&str; 3] = ["PENDING", "DELAYED", "REMOTE"];

struct Mdadm {
    file: KernelFile,
    block: PathBuf,
    attributes: Mutex<Attributes>,
}

/// One array.
#[derive(Debug, PartialEq)]
struct Array<'a> {
    device: &'a str,
    state: &'a str,
    active: u64,
    failed: u64,
    spare: u64,
    required: u64,
    blocks: u64,
    blocks_synced: u64,
}

/// The lines of one array: its first one with its number, and those below it.
struct Section<'a> {
    number: usize,
    first: &'a str,
    below: Vec<&'a str>,
}

/// The arrays of the file: their first lines begin with their names, the others with blanks.
fn sections(content: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut is_inside = false;
    for (number, line) in content.lines().enumerate() {
        let is_below = line.starts_with([' ', '\t']);
        if line.trim().is_empty() || line.starts_with("Personalities") || line.starts_with("unused")
        {
            is_inside = false;
        } else if !is_below {
            sections.push(Section { number: number + 1, first: line, below: Vec::new() });
            is_inside = true;
        } else if let Some(section) = sections.last_mut().filter(|_| is_inside) {
            section.below.push(line);
        }
    }
    sections
}

/// Reads one array. `drivers/md/md.c`, `md_seq_show`.
fn parse<'a>(section: &Section<'a>) -> Result<Array<'a>, ParseError> {
    let Section { number, first, ref below } = *section;
    let wrong = |line, expected, found: &str| ParseError::new(line, expected, found.as_bytes());
    let mut words = first.split_ascii_whitespace();
    let (Some(device), Some(":"), Some(state)) = (words.next(), words.next(), words.next()) else {
        return Err(wrong(number, "an array and its state", first));
    };
    let status = below.first().copied().unwrap_or_default();
    let blocks = status.split_ascii_whitespace().next().and_then(|word| unsigned(word.as_bytes()));
    let blocks = blocks.ok_or_else(|| wrong(number + 1, "a number of blocks", status))?;
    let (required, active) = if first.contains("raid0") || first.contains("linear") {
        // All disks of these are needed, and only disks have numbers in brackets.
        let disks = first.matches('[').count() as u64;
        (disks, disks)
    } else if first.contains("inactive") {
        (0, 0)
    } else {
        disks(status).ok_or_else(|| wrong(number + 1, "required and active disks", status))?
    };
    let mut array = Array {
        device,
        state,
        active,
        failed: first.matches("(F)").count() as u64,
        spare: first.matches("(S)").count() as u64,
        required,
        blocks,
        blocks_synced: blocks,
    };
    let progress = below.iter().skip(1).find(|line| !line.contains("bitmap"));
    let action = progress.and_then(|line| {
        let (_, state) = ACTIONS.iter().find(|(action, _)| line.contains(action))?;
        Some((line, *state))
    });
    if let Some((line, state)) = action {
        array.state = state;
        array.blocks_synced = if NOT_BEGUN.iter().any(|word| line.contains(word)) {
            0
        } else {
            synced(line).ok_or_else(|| wrong(number, "synced and total blocks", line))?
        };
    }
    Ok(array)
}

/// Required and active disks of `... blocks super 1.2 [2/1] [U_]`.
fn disks(status: &str) -> Option<(u64, u64)> {
    let (before, _) = status.rsplit_once("] [")?;
    let (_, counts) = before.rsplit_once('[')?;
    numbers(counts)
}

/// Synced blocks of `[=>...]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec`.
fn synced(progress: &str) -> Option<u64> {
    let (_, rest) = progress.split_once('(')?;
    let (counts, _) = rest.split_once(')')?;
    numbers(counts).map(|(synced, _)| synced)
}

/// Two numbers with a slash between them.
fn numbers(counts: &str) -> Option<(u64, u64)> {
    let (one, other) = counts.split_once('/')?;
    Some((unsigned(one.as_bytes())?, unsigned(other.as_bytes())?))
}

fn push(array: &Array<'_>, samples: &mut Samples) {
    let device = ("device", array.device);
    samples.push(&REQUIRED, &[device], array.required as f64);
    let disks = [("active", array.active), ("failed", array.failed), ("spare", array.spare)];
    for (state, count) in disks {
        samples.push(&DISKS, &[device, ("state", state)], count as f64);
    }
    for state in STATES {
        let is_in = f64::from(u8::from(array.state == state));
        samples.push(&STATE, &[device, ("state", state)], is_in);
    }
    samples.push(&BLOCKS, &[device], array.blocks as f64);
    samples.push(&BLOCKS_SYNCED, &[device], array.blocks_synced as f64);
}

/// Pushes what sysfs says of one array; those without redundancy have no `degraded`.
fn push_attributes(
    (device, directory): (&str, &Path),
    attributes: &mut Attributes,
    samples: &mut Samples,
) {
    // While an array is reshaped this is `4 (3)`, the number before in parentheses.
    let disks = attributes.read(&directory.join("raid_disks")).ok();
    let Some(disks) = disks.and_then(|value| unsigned(words(value).next()?)) else { return };
    let degraded = attributes.unsigned(&directory.join("degraded")).unwrap_or(0);
    let labels = [("device", device)];
    samples.push(&RAID_DISKS, &labels, disks as f64);
    samples.push(&DEGRADED, &labels, degraded as f64);
}

impl Collector for Mdadm {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect_or_absent()?;
        let mut outcome = Ok(());
        for section in sections(&text(&content)) {
            match parse(&section) {
                Ok(array) => push(&array, samples),
                // One array that is not understood shall not hide the others.
                Err(error) => outcome = Err(self.file.failed(error)),
            }
        }
        let mut attributes = self.attributes.lock();
        for device in names_in(&self.block).unwrap_or_default() {
            if device.starts_with("md") {
                let directory = self.block.join(&device).join("md");
                push_attributes((&device, &directory), &mut attributes, samples);
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: &[Result<Array<'_>, &str>]) {
        let found: Vec<_> = sections(content)
            .iter()
            .map(|section| parse(section).map_err(|error| error.to_string()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|one| one.as_ref().map_err(|&error| error.to_owned())).collect();
        let found: Vec<_> = found.iter().map(|one| one.as_ref().map_err(Clone::clone)).collect();
        assert_eq!(found, expected);
    }

    fn array(device: &'static str, state: &'static str, counts: [u64; 6]) -> Array<'static> {
        let [active, failed, spare, required, blocks, blocks_synced] = counts;
        Array { device, state, active, failed, spare, required, blocks, blocks_synced }
    }

    #[test]
    fn an_array_has_disks_and_blocks() {
        check(
            "Personalities : [raid1]\nmd0 : active raid1 b[1](F) a[0] c[2](S)\n  8 blocks [2/1] [U_]\n\n\
             md1 : active raid0 b[1] a[0]\n  9 blocks 64k chunks\n\nunused devices: <none>\n",
            &[
                Ok(array("md0", "active", [1, 1, 1, 2, 8, 8])),
                Ok(array("md1", "active", [2, 0, 0, 2, 9, 9])),
            ],
        );
        check(
            "md2 : inactive a[0](S)\n  7 blocks super external:imsm\n\n",
            &[Ok(array("md2", "inactive", [0, 0, 1, 0, 7, 7]))],
        );
        check(
            "md3 : active (auto-read-only) raid1 a[0]\n  7 blocks super 1.2 [1/1] [U]\n",
            &[Ok(array("md3", "active", [1, 0, 0, 1, 7, 7]))],
        );
    }

    #[test]
    fn the_line_of_progress_gives_the_state() {
        fn of(progress: &str, expected: Result<(&'static str, u64), &str>) {
            let content =
                format!("md0 : active raid1 a[0] b[1]\n  8 blocks [2/2] [UU]\n{progress}");
            let expected =
                expected.map(|(state, synced)| array("md0", state, [2, 0, 0, 2, 8, synced]));
            check(&content, &[expected]);
        }
        of("  [=>..]  recovery = 50.0% (4/8) finish=1.0min speed=1K/sec", Ok(("recovering", 4)));
        of("  [=>..]  resync = 50.0% (4/8) finish=1.0min", Ok(("resync", 4)));
        of("  bitmap: 0/1 pages\n  [=>..]  check = 50.0% (4/8)", Ok(("check", 4)));
        of("  [=>..]  reshape = 50.0% (4/8)\n  bitmap: 0/1 pages", Ok(("reshape", 4)));
        of("  \tresync=PENDING", Ok(("resync", 0)));
        of("  \tresync=REMOTE", Ok(("resync", 0)));
        of("  bitmap: 0/1 pages [0KB], 65536KB chunk", Ok(("active", 8)));
        of(
            "  recovery = soon",
            Err("line 1: expected synced and total blocks, found \"  recovery = soon\""),
        );
    }

    #[test]
    fn an_array_that_is_not_understood_leaves_the_others() {
        check(
            "md0 : active raid1 a[0]\n  8 blocks super 1.2\n\nmd1\n\nmd2 : active raid1 a[0]\n\n\
             md3 : active raid1 a[0]\n  8 blocks [1/1] [U]\n",
            &[
                Err("line 2: expected required and active disks, found \"  8 blocks super 1.2\""),
                Err("line 4: expected an array and its state, found \"md1\""),
                Err("line 7: expected a number of blocks, found \"\""),
                Ok(array("md3", "active", [1, 0, 0, 1, 8, 8])),
            ],
        );
    }
}
