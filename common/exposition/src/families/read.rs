//! The document parser: lines to families, with the rules and words of the original.

use std::collections::HashMap;

use common_model::{MetricType, is_legacy_label_name, is_legacy_metric_name};

use super::cursor::{Cursor, Refusal, quote_byte};
use super::{FamilyError, ParsedFamily, ParsedMetric, ParsedValue};
use crate::parse::{go_quote, parse_go_float};

/// How strict [`parse_families`] is.
#[derive(Clone, Copy, Debug)]
pub struct FamilyOptions {
    /// Takes a missing line break at the end, line breaks of Windows, blanks at the end of a line
    /// and a byte order mark, which the original refuses.
    pub lenient: bool,
    /// Takes names outside the classic alphabet, in quotes.
    pub utf8_names: bool,
    /// Sample lines a document may have.
    pub samples_max: usize,
}

impl Default for FamilyOptions {
    fn default() -> FamilyOptions {
        FamilyOptions { lenient: false, utf8_names: false, samples_max: 1_000_000 }
    }
}

/// Reads a whole document. Families come in order of appearance, those without metrics are left out.
pub fn parse_families(
    text: &[u8],
    options: FamilyOptions,
) -> Result<Vec<ParsedFamily>, FamilyError> {
    let text =
        if options.lenient { text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text) } else { text };
    let mut reader = Reader { options, ..Reader::default() };
    let mut rest = text;
    while !rest.is_empty() {
        reader.line += 1;
        let end = memchr::memchr(b'\n', rest);
        let mut line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[], |end| &rest[end + 1..]);
        if options.lenient {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        let mut cursor = Cursor::new(line, end.is_some() || options.lenient);
        if let Err(message) = reader.read_line(&mut cursor) {
            return Err(FamilyError { line: reader.line, column: cursor.at + 1, message });
        }
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    options: FamilyOptions,
    line: usize,
    samples: usize,
    families: Vec<Draft>,
    by_name: HashMap<String, usize>,
}

/// A family being read: the type is open until a TYPE line or a sample settles it.
struct Draft {
    family: ParsedFamily,
    settled: bool,
    /// Histograms and summaries by their labels.
    grouped: HashMap<Vec<(String, String)>, usize>,
}

/// Which of the numbers of a histogram or summary a line holds.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Plain,
    Sum,
    Count,
}

/// A sample line on its way.
#[derive(Default)]
struct Sample {
    labels: Vec<(String, String)>,
    /// The value of `le` or `quantile`, where the family's type gives it a meaning.
    bound: Option<f64>,
}

impl Reader {
    fn read_line(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        // Blanks up to the end of the input are no line any more.
        if cursor.blanks().is_err() {
            return Ok(());
        }
        match cursor.peek()? {
            b'\n' => Ok(()),
            b'#' => {
                cursor.at += 1;
                self.comment(cursor)
            }
            b'{' => self.sample(cursor, None),
            _ => {
                let name = cursor.name(true, "metric name")?;
                if name.is_empty() {
                    return Err("invalid metric name".to_owned());
                }
                let target = self.family(name)?;
                cursor.blanks()?;
                self.sample(cursor, Some(target))
            }
        }
    }

    fn comment(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        cursor.blanks()?;
        let keyword = cursor.word()?;
        if cursor.peek()? == b'\n' || !matches!(keyword, b"HELP" | b"TYPE") {
            return cursor.rest().map(drop);
        }
        cursor.blanks()?;
        let name = cursor.name(true, "metric name")?;
        match cursor.peek()? {
            b'\n' => return Ok(()),
            b' ' | b'\t' => {}
            _ => return Err("invalid metric name in comment".to_owned()),
        }
        let (at, _) = self.family(name)?;
        if cursor.blanks()? == b'\n' {
            return Ok(());
        }
        let draft = &mut self.families[at];
        let name = &draft.family.name;
        if keyword == b"HELP" {
            if draft.family.help.is_some() {
                return Err(format!(
                    "second HELP line for metric name {}",
                    go_quote(name.as_bytes())
                ));
            }
            let help = cursor.help()?;
            draft.family.help = Some(String::from_utf8_lossy(&help).into_owned());
            return Ok(());
        }
        if draft.settled {
            let name = go_quote(name.as_bytes());
            return Err(format!(
                "second TYPE line for metric name {name}, or TYPE reported after samples"
            ));
        }
        let mut word = cursor.rest()?;
        if self.options.lenient {
            word = word.trim_ascii_end();
        }
        draft.family.kind =
            type_of(word).ok_or_else(|| format!("unknown metric type {}", go_quote(word)))?;
        draft.settled = true;
        Ok(())
    }

    /// The family a name belongs to, and what of it: `x_sum` belongs to the histogram `x`.
    fn family(&mut self, name: Vec<u8>) -> Result<(usize, Role), Refusal> {
        let invalid = |name: &[u8]| format!("invalid metric name {}", go_quote(name));
        let name = String::from_utf8(name).map_err(|error| invalid(error.as_bytes()))?;
        let fits = self.options.utf8_names && !name.is_empty();
        if !fits && !is_legacy_metric_name(&name) {
            return Err(invalid(name.as_bytes()));
        }
        if let Some(&at) = self.by_name.get(&name) {
            return Ok((at, Role::Plain));
        }
        let parts = [("_count", Role::Count), ("_sum", Role::Sum), ("_bucket", Role::Plain)];
        for (suffix, role) in parts {
            let Some(&at) = name.strip_suffix(suffix).and_then(|base| self.by_name.get(base))
            else {
                continue;
            };
            let kind = self.families[at].family.kind;
            if is_histogram(kind) || (kind == MetricType::Summary && suffix != "_bucket") {
                return Ok((at, role));
            }
        }
        let at = self.families.len();
        self.by_name.insert(name.clone(), at);
        let family =
            ParsedFamily { name, help: None, kind: MetricType::Unknown, metrics: Vec::new() };
        self.families.push(Draft { family, settled: false, grouped: HashMap::new() });
        Ok((at, Role::Plain))
    }

    /// From the labels or the value to the end of the line.
    fn sample(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut target: Option<(usize, Role)>,
    ) -> Result<(), Refusal> {
        let mut sample = Sample::default();
        if cursor.take(b'{')? {
            let named_inside = target.is_none();
            while !self.label(cursor, &mut target, named_inside, &mut sample)? {}
            cursor.blanks()?;
        }
        let Some((at, role)) = target else { return Err("invalid metric name".to_owned()) };
        self.families[at].settled = true;
        self.samples += 1;
        if self.samples > self.options.samples_max {
            return Err(format!("more than {} samples", self.options.samples_max));
        }
        let word = cursor.word()?;
        let value = parse_go_float(word)
            .map_err(|_| format!("expected float as value, got {}", go_quote(word)))?;
        let timestamp = self.timestamp(cursor)?;
        self.store(at, role, sample, value, timestamp)
    }

    fn timestamp(&self, cursor: &mut Cursor<'_>) -> Result<Option<i64>, Refusal> {
        if cursor.peek()? == b'\n' {
            return Ok(None);
        }
        if cursor.blanks()? == b'\n' && self.options.lenient {
            return Ok(None);
        }
        let word = cursor.word()?;
        let timestamp = std::str::from_utf8(word)
            .ok()
            .and_then(|word| word.parse().ok())
            .ok_or_else(|| format!("expected integer as timestamp, got {}", go_quote(word)))?;
        let mut rest = cursor.rest()?;
        if self.options.lenient {
            rest = rest.trim_ascii_end();
        }
        if !rest.is_empty() {
            return Err(format!("spurious string after timestamp: {}", go_quote(rest)));
        }
        Ok(Some(timestamp))
    }

    /// One label with the comma behind it, or the metric's name where that stands inside; whether
    /// the closing brace was taken.
    fn label(
        &mut self,
        cursor: &mut Cursor<'_>,
        target: &mut Option<(usize, Role)>,
        named_inside: bool,
        sample: &mut Sample,
    ) -> Result<bool, Refusal> {
        if cursor.blanks()? == b'}' {
            cursor.at += 1;
            return Ok(true);
        }
        let (metric, kind) = self.known(*target);
        let label = cursor.name(false, "label name")?;
        if label.is_empty() {
            return Err(format!("invalid label name for metric {metric}"));
        }
        let next = cursor.blanks()?;
        if next != b'=' {
            if !named_inside {
                let found = quote_byte(next);
                return Err(format!("expected '=' after label name, found {found}"));
            }
            if !matches!(next, b',' | b'}') {
                return Err(format!("unexpected end of metric name {}", quote_byte(next)));
            }
            if target.is_some() {
                return Err(format!("multiple metric names for metric {metric}"));
            }
            *target = Some(self.family(label)?);
            cursor.at += 1;
            return Ok(next == b'}');
        }
        cursor.at += 1;
        let label = self.label_name(label, &metric, kind, sample)?;
        let next = cursor.blanks()?;
        if next != b'"' {
            let found = quote_byte(next);
            return Err(format!("expected '\"' at start of label value, found {found}"));
        }
        let value = cursor.quoted("label value")?;
        let value = String::from_utf8(value)
            .map_err(|error| format!("invalid label value {}", go_quote(error.as_bytes())))?;
        let closing = cursor.blanks()?;
        let is_bound = Some(label.as_str()) == special_label(kind);
        if is_bound {
            let bound = parse_go_float(value.as_bytes()).map_err(|_| {
                let value = go_quote(value.as_bytes());
                format!("expected float as value for '{label}' label, got {value}")
            })?;
            sample.bound = Some(bound);
        }
        if !matches!(closing, b',' | b'}') {
            return Err(format!("unexpected end of label value {}", go_quote(value.as_bytes())));
        }
        if !is_bound {
            sample.labels.push((label, value));
        }
        cursor.at += 1;
        Ok(closing == b'}')
    }

    fn label_name(
        &self,
        label: Vec<u8>,
        metric: &str,
        kind: MetricType,
        sample: &Sample,
    ) -> Result<String, Refusal> {
        if label == b"__name__" {
            return Err("label name \"__name__\" is reserved".to_owned());
        }
        let invalid = |label: &[u8]| format!("invalid label name {}", go_quote(label));
        let label = String::from_utf8(label).map_err(|error| invalid(error.as_bytes()))?;
        if !self.options.utf8_names && !is_legacy_label_name(&label) {
            return Err(invalid(label.as_bytes()));
        }
        let special = special_label(kind) == Some(&label);
        if !special && sample.labels.iter().any(|(known, _)| *known == label) {
            return Err(format!("duplicate label names for metric {metric}"));
        }
        Ok(label)
    }

    fn known(&self, target: Option<(usize, Role)>) -> (String, MetricType) {
        match target {
            Some((at, _)) => {
                let family = &self.families[at].family;
                (go_quote(family.name.as_bytes()), family.kind)
            }
            None => (go_quote(b""), MetricType::Unknown),
        }
    }

    fn store(
        &mut self,
        at: usize,
        role: Role,
        sample: Sample,
        value: f64,
        timestamp: Option<i64>,
    ) -> Result<(), Refusal> {
        let (line, draft) = (self.line, &mut self.families[at]);
        let kind = draft.family.kind;
        let Sample { labels, bound } = sample;
        let new_value = match kind {
            MetricType::Summary => {
                ParsedValue::Summary { quantiles: Vec::new(), sum: 0.0, count: 0.0 }
            }
            kind if is_histogram(kind) => {
                check_population(&draft.family.name, role, bound, value)?;
                ParsedValue::Histogram { buckets: Vec::new(), sum: 0.0, count: 0.0 }
            }
            _ => {
                let value = ParsedValue::Number(value);
                draft.family.metrics.push(ParsedMetric { labels, value, timestamp, line });
                return Ok(());
            }
        };
        let mut key = labels.clone();
        key.sort();
        let metrics = &mut draft.family.metrics;
        let place = *draft.grouped.entry(key).or_insert_with(|| {
            metrics.push(ParsedMetric { labels, value: new_value, timestamp, line });
            metrics.len() - 1
        });
        let metric = &mut metrics[place];
        metric.timestamp = timestamp.or(metric.timestamp);
        if let ParsedValue::Histogram { buckets: points, sum, count }
        | ParsedValue::Summary { quantiles: points, sum, count } = &mut metric.value
        {
            match (role, bound) {
                (Role::Count, _) => *count = value,
                (Role::Sum, _) => *sum = value,
                (Role::Plain, Some(bound)) if !bound.is_nan() => points.push((bound, value)),
                // The original, too, drops a line that is none of these.
                (Role::Plain, _) => {}
            }
        }
        Ok(())
    }

    fn finish(self) -> Vec<ParsedFamily> {
        let families = self.families.into_iter().map(|draft| draft.family);
        families.filter(|family| !family.metrics.is_empty()).collect()
    }
}

fn check_population(name: &str, role: Role, bound: Option<f64>, value: f64) -> Result<(), Refusal> {
    let what = match (role, bound) {
        (Role::Count, _) => "count",
        (Role::Plain, Some(_)) => "bucket population",
        _ => return Ok(()),
    };
    if value < 0.0 {
        return Err(format!("negative {what} for histogram {}", go_quote(name.as_bytes())));
    }
    Ok(())
}

fn is_histogram(kind: MetricType) -> bool {
    matches!(kind, MetricType::Histogram | MetricType::GaugeHistogram)
}

fn special_label(kind: MetricType) -> Option<&'static str> {
    match kind {
        MetricType::Summary => Some("quantile"),
        kind if is_histogram(kind) => Some("le"),
        _ => None,
    }
}

fn type_of(word: &[u8]) -> Option<MetricType> {
    Some(match word.to_ascii_lowercase().as_slice() {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"summary" => MetricType::Summary,
        b"untyped" => MetricType::Unknown,
        b"histogram" => MetricType::Histogram,
        b"gauge_histogram" | b"gaugehistogram" => MetricType::GaugeHistogram,
        _ => return None,
    })
}
