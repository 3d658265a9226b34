//! Soft interrupts per CPU: `/proc/softirqs`.

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{ParseError, lines, text, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "softirqs",
    about: "Soft interrupts per CPU of /proc/softirqs.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        let file = KernelFile::new(context.roots().proc("softirqs"));
        Ok(Box::new(Softirqs { file, cpus: Mutex::default() }))
    },
};

const SOFTIRQS: Family =
    Family::counter("node_softirqs_functions_total", "Softirq counts per CPU.");

/// The kinds that are exported. `include/linux/interrupt.h`.
const KINDS: [&[u8]; 10] = [
    b"HI",
    b"TIMER",
    b"NET_TX",
    b"NET_RX",
    b"BLOCK",
    b"IRQ_POLL",
    b"TASKLET",
    b"SCHED",
    b"HRTIMER",
    b"RCU",
];

struct Softirqs {
    file: KernelFile,
    /// The numbers of the CPUs as texts.
    cpus: Mutex<Vec<String>>,
}

/// The kind that a line counts, and the counts; `None` for headings and kinds that are not exported.
fn parse_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let kind = line[..colon].trim_ascii_start();
    KINDS.contains(&kind).then_some((kind, &line[colon + 1..]))
}

impl Collector for Softirqs {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        if content.is_empty() {
            return Err(self.file.failed("expected a line of headings"));
        }
        let mut cpus = self.cpus.lock();
        for (number, line) in lines(&content) {
            let Some((kind, counts)) = parse_line(line) else { continue };
            let kind = text(kind);
            for (cpu, word) in words(counts).enumerate() {
                let count = unsigned(word)
                    .ok_or_else(|| self.file.failed(ParseError::new(number, "a number", word)))?;
                if cpu == cpus.len() {
                    cpus.push(cpu.to_string());
                }
                samples.push(&SOFTIRQS, &[("cpu", &cpus[cpu]), ("type", &kind)], count as f64);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_known_kinds_are_taken() {
        fn check(line: &str, expected: Option<(&str, &str)>) {
            let expected = expected.map(|(kind, counts)| (kind.as_bytes(), counts.as_bytes()));
            assert_eq!(parse_line(line.as_bytes()), expected, "{line}");
        }
        check("                    CPU0       CPU1       ", None);
        check("      NET_TX:         17          6", Some(("NET_TX", "         17          6")));
        check("BLOCK_IOPOLL: 0 0", None);
        check("", None);
    }
}
