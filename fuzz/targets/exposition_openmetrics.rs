//! OpenMetrics as a scrape reads it, exemplars included.
#![no_main]

use common_exposition::{Dialect, Event, Parser};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parser = Parser::new(bytes, Dialect::OpenMetrics);
    while let Ok(Some(event)) = parser.next() {
        if let Event::Series(series) = event {
            let _ = series.labels();
            if let Some(exemplar) = series.exemplar {
                let _ = exemplar.build();
            }
        }
        assert!(parser.position() <= bytes.len());
    }
});
