//! Tasks that the kernel found hanging.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::unsigned;
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "kernel_hung",
    about: "Tasks that the kernel found hanging, of /proc/sys/kernel/hung_task_detect_count.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let path = context.roots().proc("sys/kernel/hung_task_detect_count");
        Ok(Box::new(KernelHung { file: KernelFile::new(path) }))
    },
};

const TASKS: Family = Family::counter(
    "node_kernel_hung_tasks_total",
    "Total number of tasks that have been detected as hung since the system booted.",
);

struct KernelHung {
    file: KernelFile,
}

impl Collector for KernelHung {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let text = self.file.collect_or_absent()?;
        let tasks = unsigned(text.trim_ascii()).ok_or_else(|| self.file.failed("not a number"))?;
        samples.push(&TASKS, &[], tasks as f64);
        Ok(())
    }
}
