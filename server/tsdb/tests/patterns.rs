//! Patterns beside other matchers: a few series are judged one by one, many by the lists of values.

use std::path::Path;
use std::sync::Arc;

use common_model::{Matcher, Pattern};
use server_tsdb::Options;
use server_tsdb::fs::{Fs, MemoryFs};

use crate::blocks_written::write_blocks;
use crate::support::{Contents, DIR, labels, open_with, read};

/// Values that begin with one text and end with another.
#[derive(Debug)]
struct Framed(&'static str, &'static str);

impl Pattern for Framed {
    fn is_match(&self, text: &str) -> bool {
        text.starts_with(self.0) && text.ends_with(self.1)
    }

    fn prefix(&self) -> &str {
        self.0
    }
}

fn framed(name: &str, start: &'static str, end: &'static str, is_not: bool) -> Matcher {
    Matcher::regex(name, "framed", Arc::new(Framed(start, end)), is_not)
}

#[test]
fn a_pattern_beside_other_matchers_takes_what_it_would_take_alone() {
    let mut wanted = Contents::new();
    for host in 0..40 {
        let host = format!("host{host:02}");
        // Many series of a host have one name, few have the other.
        for cpu in 0..30 {
            let set = labels(&[("__name__", "many"), ("host", &host), ("cpu", &cpu.to_string())]);
            wanted.insert(set, vec![(1, 1_f64.to_bits())]);
        }
        wanted.insert(labels(&[("__name__", "few"), ("host", &host)]), vec![(1, 2)]);
    }
    // Without the label that is asked for.
    wanted.insert(labels(&[("__name__", "few")]), vec![(1, 3)]);
    let fs: Arc<dyn Fs> = Arc::new(MemoryFs::default());
    fs.create_dir(Path::new(DIR)).unwrap();
    write_blocks(&fs, Path::new(DIR), &wanted).unwrap();
    let mut options = Options::new(DIR);
    options.retention_ms = i64::MAX;
    let db = open_with(fs, options);
    let name = |name: &str| Matcher::equal("__name__", name);
    for (start, end, found_few, found_all) in
        [("host", "", 40, 1240), ("host1", "", 10, 310), ("host", "3", 4, 124), ("none", "", 0, 0)]
    {
        for is_not in [false, true] {
            let pattern = framed("host", start, end, is_not);
            for (others, found) in
                [(vec![name("few")], found_few), (vec![], found_all), (vec![name("none")], 0)]
            {
                let mut matchers = others;
                matchers.push(pattern.clone());
                let mut some = wanted.clone();
                some.retain(|labels, _| {
                    matchers.iter().all(|matcher| matcher.matches(labels.value(&matcher.name)))
                });
                if !is_not {
                    assert_eq!(some.len(), found, "the test itself: {start}..{end}");
                }
                let answer = read(&*db.querier(i64::MIN, i64::MAX), &matchers);
                assert_eq!(answer, some, "{matchers:?}");
            }
        }
    }
}
