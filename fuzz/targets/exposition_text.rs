//! The text formats as a scrape reads them.
#![no_main]

use common_exposition::{Dialect, Event, Parser};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parser = Parser::new(bytes, Dialect::Text);
    while let Ok(Some(event)) = parser.next() {
        if let Event::Series(series) = event {
            let _ = series.labels();
        }
        assert!(parser.position() <= bytes.len());
    }
});
