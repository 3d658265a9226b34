//! The page at `/history`: what is kept of the probes of each target, with a graph of how long they
//! took. Plain SVG: no script is needed, and none runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use common_service::logging::format_time_ms;

use crate::history::Entry;
use common_web::escape_html as escape;

/// Size of a graph.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 80.0;

/// Bars of one graph; of more the newest are shown.
const BARS_MAX: usize = 120;

/// Targets of the page; who has more asks `/logs`.
const TARGETS_MAX: usize = 500;

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
    <title>Probes by target</title><style>\
    :root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:50rem;\
    margin:2rem auto;padding:0 1rem}h2{font-size:1rem;margin:2rem 0 .2rem;overflow-wrap:anywhere}\
    svg{width:100%;height:5rem;border-bottom:1px solid #888}p{margin:.2rem 0}\
    .good{fill:#2a7}.bad{fill:#c33}</style></head>\n<body>\n<h1>Probes by target</h1>\n\
    <p><a href=\"./\">All recent probes</a></p>\n";

/// The page; `entries` come oldest first. Targets with failures come first.
pub(crate) fn page(entries: &[Arc<Entry>]) -> String {
    let mut targets: BTreeMap<(&str, &str), Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        targets.entry((&entry.target, &entry.module)).or_default().push(entry);
    }
    let mut targets: Vec<_> = targets.into_iter().collect();
    targets.sort_by_key(|(_, entries)| entries.last().is_none_or(|entry| entry.is_success));
    let mut html = HEAD.to_owned();
    if targets.is_empty() {
        html.push_str("<p>Nothing was probed yet.</p>\n");
    }
    for ((target, module), entries) in targets.iter().take(TARGETS_MAX) {
        section(&mut html, target, module, entries);
    }
    if targets.len() > TARGETS_MAX {
        // Writing into a String cannot fail.
        let _ = writeln!(html, "<p>And {} more.</p>", targets.len() - TARGETS_MAX);
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn section(html: &mut String, target: &str, module: &str, entries: &[&Entry]) {
    let failed = entries.iter().filter(|entry| !entry.is_success).count();
    let Some(last) = entries.last() else { return };
    let verdict = if last.is_success { "good" } else { "failed" };
    let mean = entries.iter().map(|entry| entry.seconds).sum::<f64>() / entries.len() as f64;
    // Writing into a String cannot fail.
    let _ = write!(
        html,
        "<h2>{} ({})</h2>\n<p>Last {verdict} at {} after {}; {} probes kept, {failed} of them \
         failed, {} on average. <a href=\"logs?id={}\">Log of the last one</a></p>\n",
        escape(target),
        escape(module),
        format_time_ms(last.at_ms),
        span(last.seconds),
        entries.len(),
        span(mean),
        last.id,
    );
    graph(html, &entries[entries.len().saturating_sub(BARS_MAX)..]);
}

/// A bar for each probe, as high as it took long, the oldest to the left.
fn graph(html: &mut String, entries: &[&Entry]) {
    let longest = entries.iter().map(|entry| entry.seconds).fold(0.0, f64::max);
    let width = WIDTH / entries.len().max(20) as f64;
    let _ = write!(
        html,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Durations of {} probes, the longest {}\">",
        entries.len(),
        span(longest)
    );
    for (at, entry) in entries.iter().enumerate() {
        let share = if longest > 0.0 { entry.seconds / longest } else { 0.0 };
        let height = (share * HEIGHT).max(2.0);
        let (class, word) = if entry.is_success { ("good", "") } else { ("bad", ", failed") };
        let _ = write!(
            html,
            "<a href=\"logs?id={}\"><rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" \
             width=\"{:.1}\" height=\"{height:.1}\"><title>{}: {}{word}</title></rect></a>",
            entry.id,
            at as f64 * width,
            HEIGHT - height,
            width * 0.8,
            format_time_ms(entry.at_ms),
            span(entry.seconds),
        );
    }
    html.push_str("</svg>\n");
}

fn span(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::entry;

    #[test]
    fn each_target_has_a_graph_and_failed_ones_come_first() {
        let mut entries = vec![entry("http://good/", true), entry("<bad>", true)];
        entries.push(entry("<bad>", false));
        entries[0].seconds = 0.5;
        let html = page(&entries.into_iter().map(Arc::new).collect::<Vec<_>>());
        assert_eq!(html.matches("<svg").count(), 2);
        assert_eq!(html.matches("<rect").count(), 3);
        assert_eq!(html.matches("class=\"bad\"").count(), 1);
        assert!(html.find("&lt;bad&gt;").unwrap() < html.find("http://good/").unwrap());
        assert!(!html.contains("<bad>") && !html.contains("<script"), "{html}");
        assert!(html.contains("500.0 ms"), "{html}");
        assert!(page(&[]).contains("Nothing was probed yet"));
    }
}
