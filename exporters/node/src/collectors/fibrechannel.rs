//! Fibre Channel adapters: `/sys/class/fc_host`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::text;
use crate::source::folder::{FirstProblem, Folder, Value, class};

pub(super) const ENTRY: Entry = Entry {
    name: "fibrechannel",
    about: "Fibre Channel adapters of /sys/class/fc_host.",
    on_by_default: true,
    // The adapter's firmware answers.
    may_block: true,
    flags: &[],
    build: |context| {
        let path = context.roots().sys("class/fc_host");
        Ok(Box::new(FibreChannel { path, value: Mutex::new(Value::new()) }))
    },
};

const INFO: Family = Family::gauge(
    "node_fibrechannel_info",
    "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
);

/// Files that are labels of [`INFO`], and whether their `0x` is left out.
const TEXTS: [(&str, bool); 10] = [
    ("speed", false),
    ("port_state", false),
    ("port_type", false),
    ("port_id", true),
    ("port_name", true),
    ("fabric_name", true),
    ("symbolic_name", false),
    ("supported_classes", false),
    ("supported_speeds", false),
    ("dev_loss_tmo", false),
];

macro_rules! counter {
    ($file:literal, $name:literal, $help:literal) => {
        ($file, Family::counter(concat!("node_fibrechannel_", $name, "_total"), $help))
    };
}

/// Files of `statistics` and families.
const COUNTERS: [(&str, Family); 14] = [
    counter!("dumped_frames", "dumped_frames", "Number of dumped frames"),
    counter!("error_frames", "error_frames", "Number of errors in frames"),
    counter!("invalid_crc_count", "invalid_crc", "Invalid Cyclic Redundancy Check count"),
    counter!("rx_frames", "rx_frames", "Number of frames received"),
    counter!("rx_words", "rx_words", "Number of words received by host port"),
    counter!("tx_frames", "tx_frames", "Number of frames transmitted by host port"),
    counter!("tx_words", "tx_words", "Number of words transmitted by host port"),
    counter!(
        "seconds_since_last_reset",
        "seconds_since_last_reset",
        "Number of seconds since last host port reset"
    ),
    counter!(
        "invalid_tx_word_count",
        "invalid_tx_words",
        "Number of invalid words transmitted by host port"
    ),
    counter!("link_failure_count", "link_failure", "Number of times the host port link has failed"),
    counter!(
        "loss_of_sync_count",
        "loss_of_sync",
        "Number of failures on either bit or transmission word boundaries"
    ),
    counter!("loss_of_signal_count", "loss_of_signal", "Number of times signal has been lost"),
    counter!("nos_count", "nos", "Number Not_Operational Primitive Sequence received by host port"),
    counter!("fcp_packet_aborts", "fcp_packet_aborts", "Number of aborted packets"),
];

/// What adapters say that do not count something.
const NOT_COUNTED: u64 = u64::MAX;

struct FibreChannel {
    path: PathBuf,
    value: Mutex<Value>,
}

fn push(
    host: &str,
    folder: &Folder,
    value: &mut Value,
    problem: &mut FirstProblem,
    samples: &mut Samples,
) {
    let texts = TEXTS.map(|(file, is_hex)| {
        let found = problem.note(host, folder.text(file, value)).unwrap_or_default();
        text(if is_hex && found.len() > 2 { &found[2..] } else { found }).into_owned()
    });
    let mut labels = [("fc_host", host); 1 + TEXTS.len()];
    for (label, ((file, _), text)) in labels[1..].iter_mut().zip(TEXTS.iter().zip(&texts)) {
        *label = (file, text);
    }
    samples.push(&INFO, &labels, 1.0);
    let Ok(statistics) = folder.folder("statistics") else { return };
    for (file, family) in &COUNTERS {
        let count = problem.note(host, statistics.counter(file, value));
        if let Some(count) = count.filter(|count| *count != NOT_COUNTED) {
            samples.push(family, &labels[..1], count as f64);
        }
    }
}

impl Collector for FibreChannel {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let value = &mut *self.value.lock();
        let all = class(&self.path)?;
        let mut problem = FirstProblem::default();
        for host in problem.note("hosts", all.names().map(Some)).unwrap_or_default() {
            if let Some(folder) = problem.note(&host, all.folder(&host).map(Some)) {
                push(&host, &folder, value, &mut problem, samples);
            }
        }
        problem.outcome(&self.path)
    }
}
