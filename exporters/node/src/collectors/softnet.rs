//! Packets per CPU between driver and protocol: `/proc/net/softnet_stat`.

use std::fmt::Write;

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, hex, lines, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "softnet",
    about: "Packet processing per CPU of /proc/net/softnet_stat.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Softnet { file: KernelFile::new(context.roots().proc("net/softnet_stat")) }))
    },
};

/// Columns of the oldest kernels, and of those that tell the CPU's number.
const COLUMNS_MIN: usize = 9;
const CPU_COLUMN: usize = 12;

/// Column and family. `net/core/net-procfs.c`.
const FAMILIES: [(usize, Family); 7] = [
    (0, Family::counter("node_softnet_processed_total", "Number of processed packets")),
    (1, Family::counter("node_softnet_dropped_total", "Number of dropped packets")),
    (
        2,
        Family::counter(
            "node_softnet_times_squeezed_total",
            "Number of times processing packets ran out of quota",
        ),
    ),
    (
        8,
        Family::counter(
            "node_softnet_cpu_collision_total",
            "Number of collision occur while obtaining device lock while transmitting",
        ),
    ),
    (
        9,
        Family::counter(
            "node_softnet_received_rps_total",
            "Number of times cpu woken up received_rps",
        ),
    ),
    (
        10,
        Family::counter(
            "node_softnet_flow_limit_count_total",
            "Number of times flow limit has been reached",
        ),
    ),
    (11, Family::gauge("node_softnet_backlog_len", "Softnet backlog status")),
];

struct Softnet {
    file: KernelFile,
}

/// One CPU: its number, and the columns; those that an older kernel lacks are 0.
fn parse_line(number: usize, line: &[u8]) -> Result<(u64, [u64; CPU_COLUMN + 1]), ParseError> {
    let mut columns = [0; CPU_COLUMN + 1];
    let mut count = 0;
    for (column, word) in columns.iter_mut().zip(words(line)) {
        *column = hex(word).ok_or_else(|| ParseError::new(number, "a hexadecimal number", word))?;
        count += 1;
    }
    if count < COLUMNS_MIN {
        return Err(ParseError::new(number, "at least 9 columns", line));
    }
    let cpu = if count > CPU_COLUMN { columns[CPU_COLUMN] } else { (number - 1) as u64 };
    Ok((cpu, columns))
}

impl Collector for Softnet {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let text = self.file.collect()?;
        let mut label = String::new();
        for (number, line) in lines(&text) {
            let (cpu, columns) =
                parse_line(number, line).map_err(|error| self.file.failed(error))?;
            label.clear();
            // Writing to a String cannot fail.
            let _ = write!(label, "{cpu}");
            for (column, family) in &FAMILIES {
                samples.push(family, &[("cpu", &label)], columns[*column] as f64);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn younger_kernels_have_more_columns() {
        fn check(line: &str, expected: Result<(u64, u64, u64), &str>) {
            let found = parse_line(3, line.as_bytes());
            let found = found.map(|(cpu, columns)| (cpu, columns[0], columns[11]));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check("0a 0 0 0 0 0 0 0 0", Ok((2, 10, 0)));
        check("0a 0 0 0 0 0 0 0 0 0 0", Ok((2, 10, 0)));
        check("0a 0 0 0 0 0 0 0 0 0 0 0b 0c", Ok((12, 10, 11)));
        check("0a 0 0 0 0 0 0 0 0 0 0 0b 0c 0 0", Ok((12, 10, 11)));
        check("0a 0", Err("line 3: expected at least 9 columns, found \"0a 0\""));
        check("x 0", Err("line 3: expected a hexadecimal number, found \"x\""));
    }
}
