//! Models, flags and frequencies of `/proc/cpuinfo`: the part of the cpu collector that is off by default.

use common_instrument::{CollectError, Family, Samples};

use crate::Error;
use crate::collectors::Context;
use crate::parse::{lines, number, text, words};
use crate::pattern::Pattern;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;

/// The flags of this part.
pub(crate) const FLAGS: [Flag; 3] = [
    flag::switch("collector.cpu.info", "Enables metric cpu_info", false),
    flag::text(
        "collector.cpu.info.flags-include",
        "Filter the `flags` field in cpuInfo with a value that must be a regular expression",
        "",
    ),
    flag::text(
        "collector.cpu.info.bugs-include",
        "Filter the `bugs` field in cpuInfo with a value that must be a regular expression",
        "",
    ),
];

const INFO: Family = Family::gauge("node_cpu_info", "CPU information from /proc/cpuinfo.");
const FLAG_INFO: Family = Family::gauge(
    "node_cpu_flag_info",
    "The `flags` field of CPU information from /proc/cpuinfo taken from the first core.",
);
const BUG_INFO: Family = Family::gauge(
    "node_cpu_bug_info",
    "The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.",
);
const FREQUENCY: Family =
    Family::gauge("node_cpu_frequency_hertz", "CPU frequency in hertz from /proc/cpuinfo.");

/// Reads `/proc/cpuinfo` at every scrape.
pub(crate) struct CpuInfo {
    file: KernelFile,
    flags: Option<Pattern>,
    bugs: Option<Pattern>,
    with_frequency: bool,
}

/// One processor; the names are those of x86, other architectures have their own.
#[derive(Debug, Default, PartialEq)]
struct Processor<'a> {
    number: &'a [u8],
    vendor: &'a [u8],
    family: &'a [u8],
    model: &'a [u8],
    model_name: &'a [u8],
    stepping: &'a [u8],
    microcode: &'a [u8],
    cache_size: &'a [u8],
    package: &'a [u8],
    core: &'a [u8],
    mhz: &'a [u8],
    flags: &'a [u8],
    bugs: &'a [u8],
}

impl<'a> Processor<'a> {
    fn set(&mut self, key: &[u8], value: &'a [u8]) {
        let field = match key {
            b"processor" => &mut self.number,
            b"vendor_id" | b"CPU implementer" => &mut self.vendor,
            b"cpu family" | b"CPU architecture" => &mut self.family,
            b"model" | b"CPU part" => &mut self.model,
            b"model name" | b"Processor" => &mut self.model_name,
            b"stepping" | b"CPU revision" => &mut self.stepping,
            b"microcode" => &mut self.microcode,
            b"cache size" => &mut self.cache_size,
            b"physical id" => &mut self.package,
            b"core id" => &mut self.core,
            b"cpu MHz" => &mut self.mhz,
            b"flags" | b"Features" => &mut self.flags,
            b"bugs" => &mut self.bugs,
            _ => return,
        };
        *field = value;
    }
}

/// The processors, each from its `processor` line to the next.
fn parse(text: &[u8]) -> Vec<Processor<'_>> {
    let mut processors: Vec<Processor<'_>> = Vec::new();
    for (_, line) in lines(text) {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (key, value) = (line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        if key == b"processor" {
            processors.push(Processor::default());
        }
        if let Some(processor) = processors.last_mut() {
            processor.set(key, value);
        }
    }
    processors
}

/// Whether the switch or one of the patterns is given.
pub(crate) fn is_on(context: &Context<'_>) -> bool {
    let [switch, flags, bugs] = &FLAGS;
    let settings = context.settings();
    settings.switch(switch) || !settings.text(flags).is_empty() || !settings.text(bugs).is_empty()
}

impl CpuInfo {
    /// `None` if neither the switch nor one of the patterns is given.
    pub(crate) fn new(context: &Context<'_>) -> Result<Option<CpuInfo>, Error> {
        if !is_on(context) {
            return Ok(None);
        }
        let [_, flags, bugs] = &FLAGS;
        let settings = context.settings();
        let (flags, bugs) = (settings.pattern_if_set(flags)?, settings.pattern_if_set(bugs)?);
        let file = KernelFile::new(context.roots().proc("cpuinfo"));
        Ok(Some(CpuInfo { file, flags, bugs, with_frequency: context.is_enabled("cpufreq") }))
    }

    /// Pushes what there is.
    pub(crate) fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let processors = parse(&content);
        for processor in &processors {
            let labels = [
                ("package", processor.package),
                ("core", processor.core),
                ("cpu", processor.number),
                ("vendor", processor.vendor),
                ("family", processor.family),
                ("model", processor.model),
                ("model_name", processor.model_name),
                ("microcode", processor.microcode),
                ("stepping", processor.stepping),
                ("cachesize", processor.cache_size),
            ];
            let labels = labels.map(|(name, value)| (name, text(value)));
            let labels = labels.each_ref().map(|(name, value)| (*name, &**value));
            samples.push(&INFO, &labels, 1.0);
            if self.with_frequency {
                let mhz = number(processor.mhz).unwrap_or(0.0);
                samples.push(&FREQUENCY, &labels[..3], mhz * 1e6);
            }
        }
        if let Some(first) = processors.first() {
            push_matching(first.flags, self.flags.as_ref(), (&FLAG_INFO, "flag"), samples);
            push_matching(first.bugs, self.bugs.as_ref(), (&BUG_INFO, "bug"), samples);
        }
        Ok(())
    }
}

fn push_matching(
    list: &[u8],
    pattern: Option<&Pattern>,
    (family, label): (&Family, &str),
    samples: &mut Samples,
) {
    let Some(pattern) = pattern else { return };
    for word in words(list) {
        let word = text(word);
        if pattern.is_match(&word) {
            samples.push(family, &[(label, &word)], 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_lasts_until_the_next() {
        let text = b"Hardware : board\nprocessor : 0\nmodel name\t: A: B\nphysical id:3\n\n\
                     processor\t: 1\nCPU part : 0xd03\n";
        let found = parse(text);
        let first =
            Processor { number: b"0", model_name: b"A: B", package: b"3", ..Processor::default() };
        let second = Processor { number: b"1", model: b"0xd03", ..Processor::default() };
        assert_eq!(found, [first, second]);
        assert_eq!(parse(b""), []);
    }
}
