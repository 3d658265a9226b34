//! The results of a run as JUnit XML: <https://llg.cubic.org/docs/junit>.

use std::time::SystemTime;

/// All files of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) suites: Vec<Suite>,
}

/// One file.
#[derive(Debug)]
pub(super) struct Suite {
    name: String,
    /// When it began; empty if it could not.
    timestamp: String,
    cases: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    name: String,
    failures: Vec<String>,
    error: Option<String>,
}

impl Report {
    /// Whether nothing failed.
    pub(super) fn is_good(&self) -> bool {
        let mut cases = self.suites.iter().flat_map(|suite| &suite.cases);
        cases.all(|case| case.failures.is_empty() && case.error.is_none())
    }

    /// The document.
    pub(super) fn xml(&self) -> String {
        let suites: String = self.suites.iter().map(Suite::xml).collect();
        format!("<testsuites>{suites}</testsuites>")
    }
}

impl Suite {
    pub(super) fn new(name: &str) -> Suite {
        Suite { name: name.to_owned(), timestamp: String::new(), cases: Vec::new() }
    }

    /// Notes when the tests begin.
    pub(super) fn began_at(&mut self, now: SystemTime) {
        let seconds = jiff::Timestamp::try_from(now).unwrap_or_default();
        self.timestamp = seconds.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    }

    /// Notes that the file cannot be tested.
    pub(super) fn abort(&mut self, error: &str) {
        let (name, error) = ("unknown".to_owned(), Some(error.to_owned()));
        self.cases.push(Case { name, failures: Vec::new(), error });
    }

    /// Notes a test that ran.
    pub(super) fn case(&mut self, name: &str, failures: &[String]) {
        self.cases.push(Case { name: name.to_owned(), failures: failures.to_vec(), error: None });
    }

    fn xml(&self) -> String {
        let failures: usize = self.cases.iter().map(|case| case.failures.len()).sum();
        let errors = self.cases.iter().filter(|case| case.error.is_some()).count();
        let cases: String = self.cases.iter().map(Case::xml).collect();
        format!(
            "<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" \
             skipped=\"0\" timestamp=\"{}\">{cases}</testsuite>",
            escaped(&self.name),
            self.cases.len(),
            self.timestamp
        )
    }
}

impl Case {
    fn xml(&self) -> String {
        let mut xml = format!("<testcase name=\"{}\">", escaped(&self.name));
        for failure in &self.failures {
            xml.push_str(&format!("<failure>{}</failure>", escaped(failure)));
        }
        if let Some(error) = &self.error {
            xml.push_str(&format!("<error>{}</error>", escaped(error)));
        }
        xml.push_str("</testcase>");
        xml
    }
}

/// The text as Go's encoder escapes it; what XML cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_what_go_encodes() {
        let mut good = Suite::new("a.yml");
        good.began_at(SystemTime::UNIX_EPOCH);
        good.case("fine", &[]);
        let mut bad = Suite::new("b.yml");
        bad.abort("no <such>\u{1}\nthing");
        assert!(Report { suites: Vec::new() }.is_good());
        let report = Report { suites: vec![good, bad] };
        assert!(!report.is_good());
        assert_eq!(
            report.xml(),
            "<testsuites><testsuite name=\"a.yml\" tests=\"1\" failures=\"0\" errors=\"0\" \
             skipped=\"0\" timestamp=\"1970-01-01T00:00:00\"><testcase name=\"fine\"></testcase>\
             </testsuite><testsuite name=\"b.yml\" tests=\"1\" failures=\"0\" errors=\"1\" \
             skipped=\"0\" timestamp=\"\"><testcase name=\"unknown\"><error>no &lt;such&gt;\
             \u{fffd}&#xA;thing</error></testcase></testsuite></testsuites>"
        );
    }
}
