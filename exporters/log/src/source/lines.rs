//! Pieces of a stream to whole lines: what is not finished is held, what is too long is cut.

/// Takes lines, each with its line feed; the last of a flush lacks it.
pub(crate) type Give<'a> = dyn FnMut(&[u8]) + 'a;

/// As [`Give`]; says how many they were, if it has counted them.
pub(crate) type Count<'a> = dyn FnMut(&[u8]) -> Option<u64> + 'a;

/// Capacity that is kept between unfinished lines.
const HELD_KEPT: usize = 64 << 10;

/// The unfinished line of one stream.
#[derive(Debug)]
pub(crate) struct Lines {
    held: Vec<u8>,
    /// The rest of a line that was cut is left out.
    skipping: bool,
    /// Bytes of a line, its end excepted.
    max: usize,
}

/// What came of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fed {
    /// Lines given on.
    pub(crate) lines: u64,
    /// Those of them that were cut.
    pub(crate) cut: u64,
}

impl Lines {
    pub(crate) fn new(max: usize) -> Lines {
        Lines { held: Vec::new(), skipping: false, max: max.max(1) }
    }

    /// As after a cut: everything up to the next line feed is left out.
    pub(crate) fn skip_rest(&mut self) {
        self.skipping = true;
    }

    pub(crate) fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Bytes of the unfinished line that are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes more of the stream.
    pub(crate) fn feed(&mut self, data: &[u8], give: &mut Give<'_>) -> Fed {
        self.feed_counted(data, &mut |lines| {
            give(lines);
            None
        })
    }

    /// As [`Lines::feed`], for one who may count lines, so that they are not counted twice.
    pub(crate) fn feed_counted(&mut self, data: &[u8], give: &mut Count<'_>) -> Fed {
        let mut fed = Fed::default();
        let mut data = data;
        if self.skipping || !self.held.is_empty() {
            let Some(end) = memchr::memchr(b'\n', data) else {
                self.hold(data, &mut fed, give);
                return fed;
            };
            self.finish(&data[..end], &mut fed, give);
            data = &data[end + 1..];
        }
        let complete = memchr::memrchr(b'\n', data).map_or(0, |last| last + 1);
        let (whole, rest) = data.split_at(complete);
        if whole.len() <= self.max {
            if !whole.is_empty() {
                let count = || memchr::memchr_iter(b'\n', whole).count() as u64;
                fed.lines += give(whole).unwrap_or_else(count);
            }
        } else {
            self.give_bounded(whole, &mut fed, give);
        }
        if !rest.is_empty() {
            self.hold(rest, &mut fed, give);
        }
        fed
    }

    /// The stream has ended: what is held is a line.
    pub(crate) fn flush(&mut self, give: &mut Give<'_>) -> Fed {
        self.skipping = false;
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Fed::default();
        }
        give(&held);
        Fed { lines: 1, cut: 0 }
    }

    /// The rest of the held line, without its line feed, has come.
    fn finish(&mut self, end: &[u8], fed: &mut Fed, give: &mut Count<'_>) {
        if self.skipping {
            self.skipping = false;
            return;
        }
        let room = self.max - self.held.len();
        let is_cut = end.len() > room;
        self.held.extend_from_slice(&end[..end.len().min(room)]);
        self.held.push(b'\n');
        give(&self.held);
        fed.lines += 1;
        fed.cut += u64::from(is_cut);
        self.held.clear();
        self.held.shrink_to(HELD_KEPT);
    }

    fn hold(&mut self, data: &[u8], fed: &mut Fed, give: &mut Count<'_>) {
        if self.skipping {
            return;
        }
        let room = self.max - self.held.len();
        if data.len() <= room {
            self.held.extend_from_slice(data);
            return;
        }
        self.finish(data, fed, give);
        self.skipping = true;
    }

    /// More bytes than a line may have: each line is looked at.
    fn give_bounded(&mut self, whole: &[u8], fed: &mut Fed, give: &mut Count<'_>) {
        let mut from = 0;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', whole) {
            if end - start > self.max {
                if from < start {
                    give(&whole[from..start]);
                }
                self.finish(&whole[start..end], fed, give);
                from = end + 1;
            } else {
                fed.lines += 1;
            }
            start = end + 1;
        }
        if from < whole.len() {
            give(&whole[from..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fed, Lines};

    /// Feeds the pieces with a limit of eight bytes, flushes, and joins what came.
    fn check(pieces: &[&str], wanted: &str, lines: u64, cut: u64) {
        let whole = pieces.concat();
        let mut splits: Vec<Vec<&str>> = vec![pieces.to_vec()];
        splits.push(whole.split_inclusive(|_: char| true).collect());
        for pieces in splits {
            let mut held = Lines::new(8);
            let mut got = Vec::new();
            let mut total = Fed::default();
            for piece in &pieces {
                let fed = held.feed(piece.as_bytes(), &mut |line| got.extend_from_slice(line));
                total = Fed { lines: total.lines + fed.lines, cut: total.cut + fed.cut };
                assert!(held.held() <= 8);
            }
            total.lines += held.flush(&mut |line| got.extend_from_slice(line)).lines;
            assert_eq!(String::from_utf8_lossy(&got), wanted, "{pieces:?}");
            assert_eq!(total, Fed { lines, cut }, "{pieces:?}");
        }
    }

    #[test]
    fn lines_come_whole_however_they_were_written() {
        check(&[], "", 0, 0);
        check(&["a\nb\n"], "a\nb\n", 2, 0);
        check(&["a", "b\nc"], "ab\nc", 2, 0);
        check(&["\n\n", "\n"], "\n\n\n", 3, 0);
        check(&["a\r\n"], "a\r\n", 1, 0);
        check(&["12345678\n1\n"], "12345678\n1\n", 2, 0);
        check(&["one\n", "two\nthree", "\nfour"], "one\ntwo\nthree\nfour", 4, 0);
    }

    #[test]
    fn lines_beyond_the_limit_are_cut_and_counted() {
        check(&["123456789\na\n"], "12345678\na\n", 2, 1);
        check(&["a\n123456789abc\nb\nc\n"], "a\n12345678\nb\nc\n", 4, 1);
        check(&["1234567", "89", "ab", "c\nd"], "12345678\nd", 2, 1);
        check(&["123456789", "abc"], "12345678\n", 1, 1);
        check(&["123456789\n123456789\n"], "12345678\n12345678\n", 2, 2);
    }
}
