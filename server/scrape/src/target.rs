//! A target: what discovery found, turned by relabeling into an address to scrape and labels to
//! store under.

use std::collections::BTreeMap;
use std::time::Duration;

use common_client::query_escape;
use common_config::prometheus::{ScrapeConfig, TargetGroup};
use common_config::{RelabelConfig, duration};
use common_model::{Labels, LabelsBuilder};

/// Labels that say how to scrape; relabeling may change them.
const ADDRESS: &str = "__address__";
const SCHEME: &str = "__scheme__";
const METRICS_PATH: &str = "__metrics_path__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const PARAM_PREFIX: &str = "__param_";
const META_PREFIX: &str = "__meta_";

/// The scheme of targets inside this process: no HTTP, the address names a source.
pub const IN_PROCESS: &str = "inprocess";

/// What a scrape configuration says about each of its targets.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) job_name: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) scheme: String,
    pub(crate) metrics_path: String,
    pub(crate) params: BTreeMap<String, Vec<String>>,
    pub(crate) relabel: Vec<RelabelConfig>,
}

impl Frame {
    pub(crate) fn of(config: &ScrapeConfig) -> Frame {
        Frame {
            job_name: config.job_name.clone(),
            interval: config.scrape_interval,
            timeout: config.scrape_timeout,
            scheme: config.scheme.clone(),
            metrics_path: config.metrics_path.clone(),
            params: config.params.clone(),
            relabel: config.relabel_configs.clone(),
        }
    }
}

/// Whether every endpoint of a group is one that a job can scrape or drops on purpose; says which
/// one is not, and why.
pub fn check_group(config: &ScrapeConfig, group: &TargetGroup) -> Result<(), String> {
    let frame = Frame::of(config);
    for (i, address) in group.targets.iter().enumerate() {
        let mut labels: Vec<(&str, &str)> = Vec::with_capacity(group.labels.len() + 1);
        labels.extend(&group.labels);
        labels.push((ADDRESS, address));
        populate(&labels, &frame)
            .map_err(|error| format!("instance {i} in group {}: {error}", group.source))?;
    }
    Ok(())
}

/// An endpoint of a group as a job sees it: what a check of the discovery shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Labels as discovered, before relabeling.
    pub discovered: Labels,
    /// Labels after relabeling, without those of the discovery and with `instance`; none where
    /// relabeling drops it; or why it cannot be scraped.
    pub labels: Result<Labels, String>,
}

/// What a job makes of every endpoint of a group.
#[must_use]
pub fn endpoints(config: &ScrapeConfig, group: &TargetGroup) -> Vec<Endpoint> {
    let frame = Frame::of(config);
    let endpoint = |address: &String| {
        let mut labels: Vec<(&str, &str)> = group.labels.iter().collect();
        labels.push((ADDRESS, address));
        let discovered = complete(&labels, &frame);
        let labels = populate(&labels, &frame).map(|populated| match populated {
            Populated::Kept(target) => {
                let mut labels = target.relabeled.to_builder();
                labels.retain(|name, _| !name.starts_with(META_PREFIX));
                labels.set("instance", target.labels.value("instance"));
                labels.build()
            }
            Populated::Dropped(_) => Labels::empty(),
        });
        Endpoint { discovered, labels }
    };
    group.targets.iter().map(endpoint).collect()
}

/// One endpoint and how to scrape it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Labels as discovered, before relabeling.
    pub discovered: Labels,
    /// Labels after relabeling, those that begin with `__` included.
    pub relabeled: Labels,
    /// Labels its series carry.
    pub labels: Labels,
    /// Where it is scraped; for a target inside this process `inprocess://NAME/path`.
    pub url: String,
    /// How often.
    pub interval: Duration,
    /// How long one scrape may take.
    pub timeout: Duration,
}

impl Target {
    /// Whether it is read inside this process, and by which name.
    #[must_use]
    pub fn in_process(&self) -> Option<&str> {
        let is = self.relabeled.value(SCHEME) == IN_PROCESS;
        is.then(|| self.relabeled.value(ADDRESS))
    }

    /// The same for the same endpoint and labels in every process; spreads targets over time.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let url = Labels::from_pairs([("url", self.url.as_str())]).hash64();
        self.labels.hash64() ^ url.rotate_left(1)
    }
}

/// What became of a discovered endpoint.
#[derive(Clone, Debug)]
pub(crate) enum Populated {
    Kept(Box<Target>),
    /// Dropped by relabeling; the labels as discovered.
    Dropped(Labels),
}

/// Discovered labels with those that the job adds to them.
fn complete(discovered: &[(&str, &str)], frame: &Frame) -> Labels {
    let mut builder = LabelsBuilder::default();
    for (name, value) in discovered {
        builder.set(name, value);
    }
    let interval = duration::format(frame.interval);
    let timeout = duration::format(frame.timeout);
    for (name, default) in [
        ("job", frame.job_name.as_str()),
        (INTERVAL, &interval),
        (TIMEOUT, &timeout),
        (METRICS_PATH, &frame.metrics_path),
        (SCHEME, &frame.scheme),
    ] {
        if builder.value(name).is_empty() {
            builder.set(name, default);
        }
    }
    for (name, values) in &frame.params {
        let label = format!("{PARAM_PREFIX}{name}");
        if let Some(first) = values.first()
            && builder.value(&label).is_empty()
        {
            builder.set(&label, first);
        }
    }
    builder.build()
}

/// Makes a target of discovered labels. The errors are Prometheus'.
pub(crate) fn populate(discovered: &[(&str, &str)], frame: &Frame) -> Result<Populated, String> {
    let before = complete(discovered, frame);
    let Some(relabeled) = server_relabel::process(&before, &frame.relabel) else {
        return Ok(Populated::Dropped(before));
    };
    let address = relabeled.value(ADDRESS);
    check_address(address)?;
    let (interval, timeout) = times(&relabeled)?;
    let mut labels = relabeled.to_builder();
    labels.retain(|name, _| !name.starts_with("__"));
    if labels.value("instance").is_empty() {
        labels.set("instance", address);
    }
    let url = url(&relabeled, &frame.params);
    let labels = labels.build();
    Ok(Populated::Kept(Box::new(Target {
        discovered: before,
        relabeled,
        labels,
        url,
        interval,
        timeout,
    })))
}

fn check_address(address: &str) -> Result<(), String> {
    if address.is_empty() {
        return Err("no address".to_owned());
    }
    if address.contains('/') {
        return Err(format!("{address:?} is not a valid hostname"));
    }
    Ok(())
}

fn times(labels: &Labels) -> Result<(Duration, Duration), String> {
    let read = |name, what| {
        let text = labels.value(name);
        let value = duration::parse(text)
            .map_err(|error| format!("error parsing scrape {what}: {error}"))?;
        if value.is_zero() {
            return Err(format!("scrape {what} cannot be 0"));
        }
        Ok(value)
    };
    let (interval, timeout) = (read(INTERVAL, "interval")?, read(TIMEOUT, "timeout")?);
    if timeout > interval {
        return Err(format!(
            "scrape timeout cannot be greater than scrape interval ({:?} > {:?})",
            labels.value(TIMEOUT),
            labels.value(INTERVAL)
        ));
    }
    Ok((interval, timeout))
}

fn url(labels: &Labels, params: &BTreeMap<String, Vec<String>>) -> String {
    let mut query: BTreeMap<&str, Vec<&str>> = params
        .iter()
        .map(|(name, values)| (name.as_str(), values.iter().map(String::as_str).collect()))
        .collect();
    for (name, value) in labels {
        if let Some(param) = name.strip_prefix(PARAM_PREFIX) {
            let values = query.entry(param).or_default();
            match values.first_mut() {
                Some(first) => *first = value,
                None => values.push(value),
            }
        }
    }
    let mut url = format!("{}://{}", labels.value(SCHEME), labels.value(ADDRESS));
    let path = labels.value(METRICS_PATH);
    if !path.starts_with('/') {
        url.push('/');
    }
    url.push_str(path);
    let mut separator = if path.contains('?') { '&' } else { '?' };
    for (name, values) in query {
        for value in values {
            url.push(separator);
            url.push_str(&query_escape(name));
            url.push('=');
            url.push_str(&query_escape(value));
            separator = '&';
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame {
            job_name: "node".to_owned(),
            interval: Duration::from_secs(15),
            timeout: Duration::from_secs(10),
            scheme: "http".to_owned(),
            metrics_path: "/metrics".to_owned(),
            params: BTreeMap::from([("collect[]".to_owned(), vec!["cpu".into(), "a b".into()])]),
            relabel: Vec::new(),
        }
    }

    fn kept(discovered: &[(&str, &str)]) -> Target {
        match populate(discovered, &frame()) {
            Ok(Populated::Kept(target)) => *target,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_target_gets_job_instance_and_an_address_with_parameters() {
        let target = kept(&[("__address__", "h:9100"), ("__meta_x", "y"), ("rack", "7")]);
        assert_eq!(target.labels.to_string(), r#"{instance="h:9100", job="node", rack="7"}"#);
        assert_eq!(target.url, "http://h:9100/metrics?collect%5B%5D=cpu&collect%5B%5D=a+b");
        let own = kept(&[
            ("__address__", "h:1"),
            ("__scheme__", "https"),
            ("__metrics_path__", "m"),
            ("__param_collect[]", "x&y"),
            ("__scrape_timeout__", "1s"),
            ("instance", "i"),
        ]);
        assert_eq!(own.url, "https://h:1/m?collect%5B%5D=x%26y&collect%5B%5D=a+b");
        assert_eq!((own.labels.value("instance"), own.timeout), ("i", Duration::from_secs(1)));
    }

    #[test]
    fn a_target_without_a_usable_address_or_times_is_refused_with_the_reason() {
        for (discovered, reason) in [
            (&[("a", "b")][..], "no address"),
            (&[("__address__", "http://h")], "\"http://h\" is not a valid hostname"),
            (&[("__address__", "h"), ("__scrape_interval__", "0s")], "scrape interval cannot be 0"),
            (
                &[("__address__", "h"), ("__scrape_timeout__", "1m")],
                "scrape timeout cannot be greater than scrape interval (\"1m\" > \"15s\")",
            ),
        ] {
            assert_eq!(populate(discovered, &frame()).unwrap_err(), reason);
        }
    }
}
