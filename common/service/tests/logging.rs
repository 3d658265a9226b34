//! Lines as Go's slog writes them.

use std::io::Write;
use std::sync::{Arc, Mutex};

use common_service::logging::{Format, LogOptions, subscriber};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The line behind time and source, which change.
fn line(format: Format, log: impl FnOnce()) -> String {
    let page = Page::default();
    let writer = page.clone();
    let options = LogOptions { format, ..LogOptions::default() };
    tracing::subscriber::with_default(subscriber(options, move || writer.clone()), log);
    String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn logfmt_quotes_what_slog_quotes() {
    let text = line(Format::Logfmt, || {
        tracing::info!(address = ":9100", empty = "", tab = "a\tb", n = 3, "Listening on");
    });
    assert!(text.starts_with("time=2"), "{text}");
    assert!(text.contains("Z level=INFO source=logging.rs:"), "{text}");
    let end = " msg=\"Listening on\" address=:9100 empty=\"\" tab=\"a\\tb\" n=3\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn json_has_the_same_keys() {
    let text = line(Format::Json, || tracing::warn!(err = %"a \"b\"", n = 3, "Failed"));
    assert!(text.starts_with("{\"time\":\"2"), "{text}");
    assert!(text.contains("\"level\":\"WARN\",\"source\":\"logging.rs:"), "{text}");
    assert!(text.ends_with(",\"msg\":\"Failed\",\"err\":\"a \\\"b\\\"\",\"n\":3}\n"), "{text}");
}

#[test]
fn what_is_less_important_than_the_level_is_left_out() {
    assert_eq!(line(Format::Logfmt, || tracing::debug!("quiet")), "");
}
