//! Input and output of block devices: `/proc/diskstats`, with what udev knows of them.

use std::fmt::Write;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use super::{Context, Entry};
use crate::Error;
use crate::parse::{ParseError, lines, number, text, words};
use crate::pattern::Filter;
use crate::settings::{Flag, flag};
use crate::source::KernelFile;
use crate::udev::{Device, Devices};

const EXCLUDE: Flag = flag::text(
    "collector.diskstats.device-exclude",
    "Regexp of diskstats devices to exclude (mutually exclusive to device-include).",
    r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
);
const INCLUDE: Flag = flag::text(
    "collector.diskstats.device-include",
    "Regexp of diskstats devices to include (mutually exclusive to device-exclude).",
    "",
);
const IGNORED: Flag = flag::text(
    "collector.diskstats.ignored-devices",
    "DEPRECATED: Use collector.diskstats.device-exclude",
    "",
)
.hidden();

pub(super) const ENTRY: Entry = Entry {
    name: "diskstats",
    about: "Input and output of block devices of /proc/diskstats.",
    on_by_default: true,
    may_block: false,
    flags: &[EXCLUDE, INCLUDE, IGNORED],
    build: |context| {
        Ok(Box::new(Diskstats {
            file: KernelFile::new(context.roots().proc("diskstats")),
            filter: filter(context)?,
            devices: Mutex::new(Devices::new(context)),
        }))
    },
};

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help)
}

/// Family and factor of the fields behind the device's name. `Documentation/admin-guide/iostats.rst`.
const FIELDS: [(Family, f64); 17] = [
    (
        counter(
            "node_disk_reads_completed_total",
            "The total number of reads completed successfully.",
        ),
        1.0,
    ),
    (counter("node_disk_reads_merged_total", "The total number of reads merged."), 1.0),
    (
        counter("node_disk_read_bytes_total", "The total number of bytes read successfully."),
        SECTOR_BYTES,
    ),
    (
        counter(
            "node_disk_read_time_seconds_total",
            "The total number of seconds spent by all reads.",
        ),
        MS,
    ),
    (
        counter(
            "node_disk_writes_completed_total",
            "The total number of writes completed successfully.",
        ),
        1.0,
    ),
    (counter("node_disk_writes_merged_total", "The number of writes merged."), 1.0),
    (
        counter("node_disk_written_bytes_total", "The total number of bytes written successfully."),
        SECTOR_BYTES,
    ),
    (
        counter(
            "node_disk_write_time_seconds_total",
            "This is the total number of seconds spent by all writes.",
        ),
        MS,
    ),
    (Family::gauge("node_disk_io_now", "The number of I/Os currently in progress."), 1.0),
    (counter("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os."), MS),
    (
        counter(
            "node_disk_io_time_weighted_seconds_total",
            "The weighted # of seconds spent doing I/Os.",
        ),
        MS,
    ),
    (
        counter(
            "node_disk_discards_completed_total",
            "The total number of discards completed successfully.",
        ),
        1.0,
    ),
    (counter("node_disk_discards_merged_total", "The total number of discards merged."), 1.0),
    (
        counter(
            "node_disk_discarded_sectors_total",
            "The total number of sectors discarded successfully.",
        ),
        1.0,
    ),
    (
        counter(
            "node_disk_discard_time_seconds_total",
            "This is the total number of seconds spent by all discards.",
        ),
        MS,
    ),
    (
        counter(
            "node_disk_flush_requests_total",
            "The total number of flush requests completed successfully",
        ),
        1.0,
    ),
    (
        counter(
            "node_disk_flush_requests_time_seconds_total",
            "This is the total number of seconds spent by all flush requests.",
        ),
        MS,
    ),
];

/// Sectors of this file are always of this size, whatever the device has.
const SECTOR_BYTES: f64 = 512.0;
/// Times are in ms.
const MS: f64 = 1.0 / 1000.0;

const INFO: Family = Family::gauge("node_disk_info", "Info of /sys/block/<block_device>.");
const FILESYSTEM: Family =
    Family::gauge("node_disk_filesystem_info", "Info about disk filesystem.");
const MAPPER: Family =
    Family::gauge("node_disk_device_mapper_info", "Info about disk device mapper.");

/// Property and family.
const ATA: [(&str, Family); 3] = [
    (
        "ID_ATA_WRITE_CACHE",
        Family::gauge("node_disk_ata_write_cache", "ATA disk has a write cache."),
    ),
    (
        "ID_ATA_WRITE_CACHE_ENABLED",
        Family::gauge("node_disk_ata_write_cache_enabled", "ATA disk has its write cache enabled."),
    ),
    (
        "ID_ATA_ROTATION_RATE_RPM",
        Family::gauge(
            "node_disk_ata_rotation_rate_rpm",
            "ATA disk rotation rate in RPMs (0 for SSDs).",
        ),
    ),
];

struct Diskstats {
    file: KernelFile,
    filter: Filter,
    devices: Mutex<Devices>,
}

fn filter(context: &Context<'_>) -> Result<Filter, Error> {
    let settings = context.settings();
    let ignored = settings.text(&IGNORED);
    if ignored.is_empty() {
        return settings.exclusive_filter(&EXCLUDE, &INCLUDE);
    }
    for other in [&EXCLUDE, &INCLUDE] {
        if settings.is_set(other) {
            return Err(Error::Exclusive { one: IGNORED.name, other: other.name });
        }
    }
    Filter::new((&IGNORED, ignored), (&INCLUDE, ""))
}

/// One device; older kernels write fewer fields.
#[derive(Debug, PartialEq)]
struct Line<'a> {
    major: &'a [u8],
    minor: &'a [u8],
    device: &'a [u8],
    fields: [f64; FIELDS.len()],
    count: usize,
}

fn parse_line(number_of_line: usize, line: &[u8]) -> Result<Line<'_>, ParseError> {
    let mut words = words(line);
    let (Some(major), Some(minor), Some(device)) = (words.next(), words.next(), words.next())
    else {
        return Err(ParseError::new(number_of_line, "major, minor and name of a device", line));
    };
    let mut parsed = Line { major, minor, device, fields: [0.0; FIELDS.len()], count: 0 };
    for (field, word) in parsed.fields.iter_mut().zip(words) {
        *field = number(word).ok_or_else(|| ParseError::new(number_of_line, "a number", word))?;
        parsed.count += 1;
    }
    Ok(parsed)
}

impl Collector for Diskstats {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let content = self.file.collect()?;
        let mut devices = self.devices.lock();
        devices.begin();
        for (number, line) in lines(&content) {
            let line = parse_line(number, line).map_err(|error| self.file.failed(error))?;
            let name = text(line.device);
            if self.filter.ignores(&name) {
                continue;
            }
            let device = devices.get(&name, &text(line.major), &text(line.minor));
            push_known(&name, device, samples);
            let labels = [("device", &*name)];
            for ((family, factor), value) in FIELDS.iter().zip(line.fields).take(line.count) {
                samples.push(family, &labels, value * factor);
            }
        }
        devices.end();
        Ok(())
    }
}

fn push_known(name: &str, device: &Device, samples: &mut Samples) {
    let get = |property| device.property(property);
    let serials = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"];
    let serial = serials.iter().map(|one| get(one)).find(|one| !one.is_empty()).unwrap_or("");
    let labels = [
        ("device", name),
        ("major", &device.major),
        ("minor", &device.minor),
        ("path", get("ID_PATH")),
        ("wwn", get("ID_WWN")),
        ("model", get("ID_MODEL")),
        ("serial", serial),
        ("revision", get("ID_REVISION")),
        ("rotational", &device.rotational),
    ];
    samples.push(&INFO, &labels, 1.0);
    if !get("ID_FS_TYPE").is_empty() {
        let labels = [
            ("device", name),
            ("type", get("ID_FS_TYPE")),
            ("usage", get("ID_FS_USAGE")),
            ("uuid", get("ID_FS_UUID")),
            ("version", get("ID_FS_VERSION")),
        ];
        samples.push(&FILESYSTEM, &labels, 1.0);
    }
    if !get("DM_NAME").is_empty() {
        let labels = [
            ("device", name),
            ("name", get("DM_NAME")),
            ("uuid", get("DM_UUID")),
            ("vg_name", get("DM_VG_NAME")),
            ("lv_name", get("DM_LV_NAME")),
            ("lv_layer", get("DM_LV_LAYER")),
        ];
        samples.push(&MAPPER, &labels, 1.0);
    }
    if !get("ID_ATA").is_empty() {
        for (property, family) in &ATA {
            if let Some(value) = number(get(property).as_bytes()) {
                samples.push(family, &[("device", name)], value);
            }
        }
    }
}

/// Renders a number as a label.
pub(super) fn label(buffer: &mut String, number: impl std::fmt::Display) -> &str {
    buffer.clear();
    // Writing to a String cannot fail.
    let _ = write!(buffer, "{number}");
    buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_as_many_fields_as_the_kernel_knows() {
        fn check(line: &str, expected: Result<(&str, usize, f64), &str>) {
            let found = parse_line(7, line.as_bytes()).map(|line| {
                let sum = line.fields.iter().sum();
                (String::from_utf8_lossy(line.device).into_owned(), line.count, sum)
            });
            let expected = expected.map(|(name, count, sum)| (name.to_owned(), count, sum));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check(" 8 0 sda 1 2 3 4 5 6 7 8 9 10 11", Ok(("sda", 11, 66.0)));
        check(" 8 0 sda 1 2 3 4", Ok(("sda", 4, 10.0)));
        check(" 8 0 sda 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", Ok(("sda", 17, 17.0)));
        check(" 8 0 sda x", Err("line 7: expected a number, found \"x\""));
        check(" 8 0", Err("line 7: expected major, minor and name of a device, found \" 8 0\""));
    }
}
