//! Blocks as a table, column by column as Go's tabwriter aligns them.

use jiff::Timestamp;
use server_tsdb::block::BlockMeta;

const HEADER: [&str; 8] = [
    "BLOCK ULID",
    "MIN TIME",
    "MAX TIME",
    "DURATION",
    "NUM SAMPLES",
    "NUM CHUNKS",
    "NUM SERIES",
    "SIZE",
];
/// A column is so wide at least, its padding included.
const WIDTH_MIN: usize = 13;
const PADDING: usize = 2;

/// The table of blocks with their sizes in bytes.
pub(super) fn blocks<'a>(
    blocks: impl IntoIterator<Item = (&'a BlockMeta, u64)>,
    with_header: bool,
    for_humans: bool,
) -> String {
    let mut rows: Vec<[String; 8]> = Vec::new();
    if with_header {
        rows.push(HEADER.map(str::to_owned));
    }
    rows.extend(blocks.into_iter().map(|(meta, bytes)| {
        [
            meta.ulid.clone(),
            time(meta.min_time, for_humans),
            time(meta.max_time, for_humans),
            duration(meta.max_time.saturating_sub(meta.min_time)),
            meta.stats.num_samples.to_string(),
            meta.stats.num_chunks.to_string(),
            meta.stats.num_series.to_string(),
            if for_humans { binary(bytes) } else { bytes.to_string() },
        ]
    }));
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        (widest + PADDING).max(WIDTH_MIN)
    };
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:width$}"));
        }
        text.push_str(&row[7]);
        text.push('\n');
    }
    text
}

/// A time in milliseconds, for humans in whole seconds.
fn time(time_ms: i64, for_humans: bool) -> String {
    match Timestamp::from_second(time_ms / 1000) {
        Ok(time) if for_humans => time.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        _ => time_ms.to_string(),
    }
}

/// Milliseconds as Go prints a duration: `1h59m45.001s`.
pub(super) fn duration(span_ms: i64) -> String {
    let sign = if span_ms < 0 { "-" } else { "" };
    let all = span_ms.unsigned_abs();
    if all == 0 {
        return "0s".to_owned();
    }
    if all < 1000 {
        return format!("{sign}{all}ms");
    }
    let (hours, minutes) = (all / 3_600_000, all / 60_000 % 60);
    let mut text = sign.to_owned();
    if hours > 0 {
        text.push_str(&format!("{hours}h"));
    }
    if hours > 0 || minutes > 0 {
        text.push_str(&format!("{minutes}m"));
    }
    let (seconds, millis) = (all / 1000 % 60, all % 1000);
    let fraction = format!("{millis:03}");
    match fraction.trim_end_matches('0') {
        "" => text.push_str(&format!("{seconds}s")),
        fraction => text.push_str(&format!("{seconds}.{fraction}s")),
    }
    text
}

/// Bytes in all their units: `19KiB425B`.
fn binary(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["EiB", "PiB", "TiB", "GiB", "MiB", "KiB", "B"];
    let part = |(at, unit): (usize, &&str)| {
        let count = bytes >> (60 - 10 * at) & 1023;
        (count > 0).then(|| format!("{count}{unit}"))
    };
    let text: String = UNITS.iter().enumerate().filter_map(part).collect();
    if text.is_empty() { "0B".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_print_as_go_prints_them() {
        for (span, printed) in [
            (0, "0s"),
            (7, "7ms"),
            (1500, "1.5s"),
            (7_185_001, "1h59m45.001s"),
            (3_600_000, "1h0m0s"),
            (-61_000, "-1m1s"),
        ] {
            assert_eq!(duration(span), printed);
        }
        assert_eq!(binary(19_881), "19KiB425B");
        assert_eq!(binary(0), "0B");
        assert_eq!(binary(5 << 20), "5MiB");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_two_more() {
        let meta = BlockMeta { ulid: "0".repeat(26), max_time: 90_000, ..BlockMeta::default() };
        let expected = "BLOCK ULID                  MIN TIME     MAX TIME     DURATION     \
                        NUM SAMPLES  NUM CHUNKS   NUM SERIES   SIZE\n\
                        00000000000000000000000000  0            90000        1m30s        \
                        0            0            0            7\n";
        assert_eq!(blocks([(&meta, 7)], true, false), expected);
    }
}
