//! How many samples and bytes the chunks of a block have, as bars of text.

use std::fmt::Write as _;

use server_storage::SampleColumns;
use server_tsdb::block::{Block, ChunkMeta};
use server_tsdb::chunk::{self, Encoding};

/// Columns of a bar chart are so wide at least.
const STEP_MIN: usize = 10;
/// Beyond this width columns grow no more.
const STEP_GROWING_MAX: usize = 10_000;

/// Sizes of chunks by their kind.
#[derive(Default)]
pub(super) struct Fullness {
    chunks: usize,
    float_samples: Vec<usize>,
    float_bytes: Vec<usize>,
    histogram_samples: Vec<usize>,
    histogram_bytes: Vec<usize>,
    /// Buckets of all samples of a chunk.
    histogram_buckets: Vec<usize>,
    columns: SampleColumns,
}

impl Fullness {
    /// Counts the chunks of a series.
    pub(super) fn add(&mut self, block: &Block, chunks: &[ChunkMeta]) -> Result<(), String> {
        for meta in chunks {
            let (encoding, bytes) =
                block.chunk(meta.reference).map_err(|error| error.to_string())?;
            let encoding = Encoding::from_number(encoding)
                .ok_or_else(|| format!("chunk encoding {encoding} is not known"))?;
            self.chunks += 1;
            let samples = usize::from(chunk::samples(encoding, bytes));
            if encoding.has_floats() {
                self.float_samples.push(samples);
                self.float_bytes.push(bytes.len());
                continue;
            }
            self.histogram_samples.push(samples);
            self.histogram_bytes.push(bytes.len());
            self.columns.clear();
            chunk::read(encoding, bytes, i64::MIN, i64::MAX, &mut self.columns)
                .map_err(|error| error.to_string())?;
            let buckets = (0..self.columns.len()).filter_map(|at| self.columns.histogram(at));
            let buckets =
                buckets.map(|one| one.positive_buckets.len() + one.negative_buckets.len());
            self.histogram_buckets.push(buckets.sum());
        }
        Ok(())
    }

    /// Appends all charts.
    pub(super) fn tell(self, text: &mut String) {
        text.push_str("\nCompaction analysis:\n\n");
        for (what, sizes) in [
            ("samples per float chunk", self.float_samples),
            ("bytes per float chunk", self.float_bytes),
            ("samples per histogram chunk", self.histogram_samples),
            ("bytes per histogram chunk", self.histogram_bytes),
            ("buckets per histogram chunk", self.histogram_buckets),
        ] {
            chart(text, what, sizes, self.chunks);
        }
    }
}

/// A bar for each span of sizes; one `#` is a percent of `all`.
fn chart(text: &mut String, what: &str, sizes: Vec<usize>, all: usize) {
    let (Some(&least), Some(&most)) = (sizes.iter().min(), sizes.iter().max()) else {
        let _ = writeln!(text, "{what}: N/A\n");
        return;
    };
    let tenth = (most - least) / 10;
    let mut step = STEP_MIN;
    while step < tenth && step <= STEP_GROWING_MAX {
        step *= 10;
    }
    let start = least - least % step;
    let end = most - most % step + step;
    let mut columns = vec![0_usize; (end - start) / step + 1];
    for size in &sizes {
        columns[(size - start) / step] += 1;
    }
    let average = sizes.iter().sum::<usize>() / sizes.len();
    let _ = writeln!(text, "{what} (min/avg/max): {least}/{average}/{most}");
    let digits = |number: usize| number.to_string().len();
    let highest = columns.iter().copied().max().unwrap_or(0);
    let (left, right, middle) = (digits(end), digits(end + step), digits(highest));
    for (at, count) in columns.into_iter().enumerate() {
        let (from, to) = (at * step + start + 1, (at + 1) * step + start);
        let bar = "#".repeat(100 * count / all.max(1));
        let _ = writeln!(text, "[{from:left$}, {to:right$}]: {count:middle$} {bar}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sizes: &[usize], all: usize, wanted: &str) {
        let mut text = String::new();
        chart(&mut text, "x", sizes.to_vec(), all);
        assert_eq!(text, wanted);
    }

    #[test]
    fn charts_have_about_ten_columns_and_a_mark_for_each_percent() {
        check(&[], 3, "x: N/A\n\n");
        check(
            &[9, 12],
            50,
            "x (min/avg/max): 9/10/12\n[ 1, 10]: 1 ##\n[11, 20]: 1 ##\n[21, 30]: 0 \n\n",
        );
        check(
            &[100, 1013],
            100,
            "x (min/avg/max): 100/556/1013\n[ 101,  200]: 1 #\n[ 201,  300]: 0 \n\
             [ 301,  400]: 0 \n[ 401,  500]: 0 \n[ 501,  600]: 0 \n[ 601,  700]: 0 \n\
             [ 701,  800]: 0 \n[ 801,  900]: 0 \n[ 901, 1000]: 0 \n[1001, 1100]: 1 #\n\
             [1101, 1200]: 0 \n\n",
        );
    }
}
