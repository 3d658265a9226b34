//! Graphics cards that the `amdgpu` driver runs: `/sys/class/drm`.

use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::Entry;
use crate::parse::{lines, text};
use crate::source::folder::{FirstProblem, Folder, Value};

pub(super) const ENTRY: Entry = Entry {
    name: "drm",
    about: "Graphics cards that the amdgpu driver runs.",
    on_by_default: false,
    // A card that sleeps takes its time to wake up.
    may_block: true,
    flags: &[],
    build: |context| {
        let path = context.roots().sys("class/drm");
        Ok(Box::new(Drm { path, value: Mutex::new(Value::new()) }))
    },
};

const INFO: Family = Family::gauge("node_drm_card_info", "Card information");

/// Files that are labels of [`INFO`], and the labels.
const TEXTS: [(&str, &str); 3] = [
    ("mem_info_vram_vendor", "memory_vendor"),
    ("power_dpm_force_performance_level", "power_performance_level"),
    ("unique_id", "unique_id"),
];

const NUMBERS: [(&str, Family); 7] = [
    (
        "gpu_busy_percent",
        Family::gauge("node_drm_gpu_busy_percent", "How busy the GPU is as a percentage."),
    ),
    (
        "mem_info_gtt_total",
        Family::gauge(
            "node_drm_memory_gtt_size_bytes",
            "The size of the graphics translation table (GTT) block in bytes.",
        ),
    ),
    (
        "mem_info_gtt_used",
        Family::gauge(
            "node_drm_memory_gtt_used_bytes",
            "The used amount of the graphics translation table (GTT) block in bytes.",
        ),
    ),
    (
        "mem_info_vram_total",
        Family::gauge("node_drm_memory_vram_size_bytes", "The size of VRAM in bytes."),
    ),
    (
        "mem_info_vram_used",
        Family::gauge("node_drm_memory_vram_used_bytes", "The used amount of VRAM in bytes."),
    ),
    (
        "mem_info_vis_vram_total",
        Family::gauge("node_drm_memory_vis_vram_size_bytes", "The size of visible VRAM in bytes."),
    ),
    (
        "mem_info_vis_vram_used",
        Family::gauge(
            "node_drm_memory_vis_vram_used_bytes",
            "The used amount of visible VRAM in bytes.",
        ),
    ),
];

struct Drm {
    path: PathBuf,
    value: Mutex<Value>,
}

/// Whether a name is that of a card, not of one of its connectors.
fn is_card(name: &str) -> bool {
    let number = name.strip_prefix("card");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn push(
    card: &str,
    device: &Folder,
    value: &mut Value,
    problem: &mut FirstProblem,
    samples: &mut Samples,
) {
    let texts = TEXTS.map(|(file, _)| {
        let found = problem.note(card, device.text(file, value));
        found.map(|found| text(found).into_owned()).unwrap_or_default()
    });
    let [memory, level, id] = &texts;
    let labels = [
        ("card", card),
        (TEXTS[0].1, memory),
        (TEXTS[1].1, level),
        (TEXTS[2].1, id),
        ("vendor", "amd"),
    ];
    samples.push(&INFO, &labels, 1.0);
    for (file, family) in &NUMBERS {
        // What a card does not tell counts as nothing, as in the original.
        let number = device.counter(file, value).map(|number| Some(number.unwrap_or(0)));
        if let Some(number) = problem.note(card, number) {
            samples.push(family, &labels[..1], number as f64);
        }
    }
}

impl Collector for Drm {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        // A machine without cards has nothing to tell, and that is well.
        let Ok(all) = Folder::open(&self.path) else { return Ok(()) };
        let value = &mut *self.value.lock();
        let mut problem = FirstProblem::default();
        for card in all.names().unwrap_or_default().iter().filter(|name| is_card(name)) {
            let Ok(device) = all.folder(card).and_then(|folder| folder.folder("device")) else {
                continue;
            };
            let Some(event) = problem.note(card, device.text("uevent", value)) else { continue };
            if lines(event).any(|(_, line)| line == b"DRIVER=amdgpu") {
                push(card, &device, value, &mut problem, samples);
            }
        }
        problem.outcome(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_not_cards() {
        fn check(name: &str, expected: bool) {
            assert_eq!(is_card(name), expected);
        }
        check("card0", true);
        check("card12", true);
        check("card0-HDMI-A-1", false);
        check("renderD128", false);
        check("card", false);
    }
}
