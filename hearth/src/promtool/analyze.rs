//! `query analyze`: how many buckets of histograms are populated over time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::ExitCode;

use common_client::HeaderMap;
use common_model::{format_float_fixed, parse_float};
use common_service::flags::Matches;
use serde_json::{Map, Value};

use super::api::Api;
use super::fail;
use super::query::{now_s, time};
use super::show::{braces, items};
use crate::commands::print;

const HEAD: &str = "\
Bucket stats for each histogram series over time
------------------------------------------------
First the min, avg, and max number of populated buckets, followed by the total
number of buckets (only if different from the max number of populated buckets
which is typical for classic but not native histograms).

";
const FOOT: &str = "
Aggregated bucket stats
-----------------------
Each line shows min/avg/max over the series above.
";

/// `query analyze`
pub(super) fn analyze(matches: &Matches) -> ExitCode {
    match run(matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn run(matches: &Matches) -> Result<(), String> {
    let kind = matches.str("type");
    if kind != "histogram" {
        return Err(format!("analyze type is {kind}, must be 'histogram'"));
    }
    let at = time(matches, "time", "time")?.unwrap_or_else(now_s);
    let range_ms = matches.duration("duration").as_millis();
    let api = Api::new(matches, matches.str("server"))?;
    let (mut native, mut classic) = (Summary::default(), Summary::default());
    print(HEAD);
    for selector in matches.strs("match") {
        let query = format!("{selector}[{range_ms}ms]");
        let form = vec![("query", query), ("time", format_float_fixed(at))];
        let data = api.post("query", &form, HeaderMap::new())?.data;
        if data["resultType"] != "matrix" {
            return Err("query of buckets resulted in non-Matrix".to_owned());
        }
        for (name, found) in native_histograms(&data["result"]) {
            print(&format!("- {name} (native): {found}\n"));
            native.add(&found);
        }
        for (name, found) in classic_histograms(&data["result"])? {
            print(&format!("- {name} (classic): {found}\n"));
            classic.add(&found);
        }
    }
    print(FOOT);
    for (kind, summary) in [("Native", native), ("Classic", classic)] {
        if summary.least.count > 0 {
            print(&format!("\n{kind} {summary}\n"));
        }
    }
    Ok(())
}

/// How many buckets of one histogram were populated.
#[derive(Debug, PartialEq)]
struct Populated {
    least: usize,
    average: f64,
    most: usize,
    /// All buckets, populated or not.
    total: usize,
}

impl Populated {
    /// Of the numbers at each time; `None` where there are too few.
    fn of(counts: &[usize], total: usize) -> Option<Populated> {
        if counts.len() < 2 {
            return None;
        }
        let (least, most) = (*counts.iter().min()?, *counts.iter().max()?);
        let average = counts.iter().sum::<usize>() as f64 / counts.len() as f64;
        Some(Populated { least, average, most, total })
    }
}

impl fmt::Display for Populated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Populated { least, average, most, total } = self;
        write!(f, "{least}/{average:.3}/{most}")?;
        if most == total { Ok(()) } else { write!(f, "/{total}") }
    }
}

/// Of every series of native histograms; series with floats too are taken for classic ones.
fn native_histograms(result: &Value) -> Vec<(String, Populated)> {
    let of_series = |series: &Value| {
        if !items(&series["values"]).is_empty() {
            return None;
        }
        let buckets = items(&series["histograms"]).iter().map(|point| items(&point[1]["buckets"]));
        // A bucket is its bounds and which of them belong to it.
        let bounds = |bucket: &Value| {
            bucket.as_array().map(|parts| format!("{:?}", &parts[..3.min(parts.len())]))
        };
        let all: BTreeSet<_> = buckets.clone().flatten().filter_map(bounds).collect();
        let counts: Vec<usize> = buckets.map(<[Value]>::len).collect();
        Some((braces(&series["metric"], false), Populated::of(&counts, all.len())?))
    };
    items(result).iter().filter_map(of_series).collect()
}

/// The values of one bucket: time and number.
type Values = Vec<(String, f64)>;

/// Of every classic histogram, from the series of its buckets.
fn classic_histograms(result: &Value) -> Result<Vec<(String, Populated)>, String> {
    let mut histograms: BTreeMap<String, Vec<(f64, Values)>> = BTreeMap::new();
    for series in items(result) {
        let mut labels: Map<String, Value> =
            series["metric"].as_object().cloned().unwrap_or_default();
        let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        let (le, name) = (text(labels.remove("le")), text(labels.remove("__name__")));
        let (Some(le), Some(name)) = (le, name.filter(|name| name.ends_with("_bucket"))) else {
            continue;
        };
        let value = |pair: &Value| pair[1].as_str().and_then(parse_float).unwrap_or(f64::NAN);
        let values: Values = items(&series["values"])
            .iter()
            .map(|pair| (pair[0].to_string(), value(pair)))
            .collect();
        if values.is_empty() {
            continue;
        }
        let key = format!("{name}{}", braces(&Value::Object(labels), true));
        histograms.entry(key).or_default().push((parse_float(&le).unwrap_or(0.0), values));
    }
    let mut found = Vec::new();
    for (name, mut buckets) in histograms {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let times = buckets.first().map_or(0, |bucket| bucket.1.len());
        let counts: Result<Vec<usize>, String> =
            (0..times).map(|at| populated_at(&buckets, at)).collect();
        found.extend(Populated::of(&counts?, buckets.len()).map(|stats| (name, stats)));
    }
    Ok(found)
}

/// How many buckets, which are cumulative, hold something of their own; those behind one that has
/// fewer values count as empty.
fn populated_at(buckets: &[(f64, Values)], at: usize) -> Result<usize, String> {
    let mut populated = 0;
    let mut last: Option<&(String, f64)> = None;
    for (_, values) in buckets {
        let Some(value) = values.get(at) else { break };
        if last.is_some_and(|last| last.0 != value.0) {
            return Err("matrix result is not time aligned".to_owned());
        }
        let own = value.1 - last.map_or(0.0, |last| last.1);
        populated += usize::from(own.trunc() != 0.0);
        last = Some(value);
    }
    Ok(populated)
}

/// One number of several histograms.
#[derive(Default, PartialEq)]
struct Spread {
    least: usize,
    most: usize,
    average: f64,
    count: usize,
}

impl Spread {
    fn add(&mut self, number: usize) {
        self.least = if self.count == 0 { number } else { self.least.min(number) };
        self.most = self.most.max(number);
        self.count += 1;
        let count = self.count as f64;
        self.average += number as f64 / count - self.average / count;
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:.3}/{}", self.least, self.average, self.most)
    }
}

/// All histograms of a kind.
#[derive(Default)]
struct Summary {
    least: Spread,
    average: Spread,
    most: Spread,
    total: Spread,
}

impl Summary {
    fn add(&mut self, found: &Populated) {
        self.least.add(found.least);
        self.average.add(found.average as usize);
        self.most.add(found.most);
        self.total.add(found.total);
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { least, average, most, total } = self;
        writeln!(f, "histogram series ({} in total):", least.count)?;
        write!(f, "- min populated: {least}\n- avg populated: {average}\n- max populated: {most}")?;
        if most == total { Ok(()) } else { write!(f, "\n- total: {total}") }
    }
}
