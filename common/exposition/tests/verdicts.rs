//! Bodies with the verdict of a real Prometheus that scraped them.

use std::path::{Path, PathBuf};

use common_exposition::{Dialect, Event, Parser};

fn suites() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites");
    let folder = std::env::var_os("HEARTH_SUITES").map_or(default, PathBuf::from);
    folder.is_dir().then_some(folder)
}

#[expect(clippy::print_stdout, reason = "whoever runs the tests shall see what did not run")]
fn skipped(why: &str) {
    println!("skipped: {why}");
}

/// What a scrape does: read all, build the labels of each sample.
fn scrape(body: &[u8], dialect: Dialect) -> Result<(), String> {
    // An empty body is a target without metrics; Prometheus does not even start its parser.
    if body.is_empty() {
        return Ok(());
    }
    let mut parser = Parser::new(body, dialect);
    loop {
        match parser.next().map_err(|error| error.message)? {
            None => return Ok(()),
            Some(Event::Series(series)) => {
                series.labels().map_err(|error| error.message)?;
            }
            Some(_) => {}
        }
    }
}

/// The value of a string or `null` in the flat JSON of the suite.
fn field(json: &str, name: &str) -> Option<String> {
    let (_, rest) = json.split_once(&format!("\"{name}\":"))?;
    let mut chars = rest.trim_start().strip_prefix('"')?.chars();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    text.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                c => text.push(c),
            },
            c => text.push(c),
        }
    }
}

#[test]
fn every_openmetrics_body_gets_prometheus_verdict_and_words() {
    let Some(folder) = suites() else {
        skipped("no suites");
        return;
    };
    let (mut cases, mut wrong) = (0, Vec::new());
    for case in std::fs::read_dir(folder.join("openmetrics")).unwrap() {
        let case = case.unwrap().path();
        let verdict = std::fs::read_to_string(case.join("verdict.json")).unwrap();
        let body = std::fs::read(case.join("metrics")).unwrap();
        let wanted = match field(&verdict, "prometheus_error") {
            Some(error) => Err(error),
            None => Ok(()),
        };
        let got = scrape(&body, Dialect::OpenMetrics);
        cases += 1;
        if got != wanted {
            wrong.push(format!("{}: wanted {wanted:?}, got {got:?}", case.display()));
        }
    }
    assert!(cases > 100, "only {cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// `\\n`, `\\t`, `\\r`, `\\\\` and `\\xHH` to bytes.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next().unwrap() {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'x' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            },
            byte => byte,
        });
    }
    out
}

#[test]
fn every_text_body_gets_the_words_of_prometheus_3_5_3_that_scraped_it() {
    let golden = include_str!("golden/text_verdicts.tsv");
    for line in golden.lines() {
        let (body, error) = line.split_once('\t').unwrap();
        let error = String::from_utf8(unescape(error)).unwrap();
        let wanted = if error.is_empty() { Ok(()) } else { Err(error) };
        assert_eq!(scrape(&unescape(body), Dialect::Text), wanted, "{body}");
    }
    // The original goes down on this one.
    assert!(scrape(b"{a} 1\n", Dialect::Text).is_err());
}
