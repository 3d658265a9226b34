//! The page at `/`: links, and the last probes.

use std::sync::Arc;

use common_web::escape_html as escape;

use crate::history::Entry;

/// What stands above the table; programs that read the page know it by its letters.
const HEAD: &str = "<html>\n    <head><title>Blackbox Exporter</title></head>\n    <body>\n    \
    <h1>Blackbox Exporter</h1>\n    \
    <p><a href=\"probe?target=prometheus.io&module=http_2xx\">Probe prometheus.io for http_2xx</a></p>\n    \
    <p><a href=\"probe?target=prometheus.io&module=http_2xx&debug=true\">Debug probe prometheus.io for http_2xx</a></p>\n    \
    <p><a href=\"metrics\">Metrics</a></p>\n    \
    <p><a href=\"config\">Configuration</a></p>\n    \
    <h2>Recent Probes</h2>\n    \
    <table border='1'><tr><th>Module</th><th>Target</th><th>Result</th><th>Debug</th>";

/// The page; `entries` come oldest first and are shown newest first.
pub(crate) fn index(entries: &[Arc<Entry>]) -> String {
    let mut html = HEAD.to_owned();
    for entry in entries.iter().rev() {
        let (module, target) = (escape(&entry.module), escape(&entry.target));
        let result = if entry.is_success { "Success" } else { "<strong>Failure</strong>" };
        let id = entry.id;
        html.push_str(&format!(
            "<tr><td>{module}</td><td>{target}</td><td>{result}</td>\
             <td><a href='logs?id={id}'>Logs</a></td></td>"
        ));
    }
    html.push_str("</table></body>\n    </html>");
    html
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn targets_cannot_break_out() {
        assert_eq!(escape("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&#34;");
    }
}
