//! Metric names of statistics, whose own names each driver chooses as it likes.

use std::collections::HashMap;

use common_instrument::{Family, Samples};
use common_model::MetricType;

use crate::named::Named;
use crate::pattern::Pattern;

/// Statistics with names and explanations of their own.
const KNOWN: [(&str, Family); 7] = [
    (
        "rx_bytes",
        Family::untyped("node_ethtool_received_bytes_total", "Network interface bytes received"),
    ),
    (
        "rx_dropped",
        Family::untyped("node_ethtool_received_dropped_total", "Number of received frames dropped"),
    ),
    (
        "rx_errors",
        Family::untyped(
            "node_ethtool_received_errors_total",
            "Number of received frames with errors",
        ),
    ),
    (
        "rx_packets",
        Family::untyped(
            "node_ethtool_received_packets_total",
            "Network interface packets received",
        ),
    ),
    (
        "tx_bytes",
        Family::untyped("node_ethtool_transmitted_bytes_total", "Network interface bytes sent"),
    ),
    (
        "tx_errors",
        Family::untyped(
            "node_ethtool_transmitted_errors_total",
            "Number of sent frames with errors",
        ),
    ),
    (
        "tx_packets",
        Family::untyped("node_ethtool_transmitted_packets_total", "Network interface packets sent"),
    ),
];

/// The names of one device's statistics: made when they are seen first.
#[derive(Default)]
pub(super) struct NameTable {
    /// As the driver calls them.
    originals: Vec<String>,
    /// At the same places; `None` for those that are left out.
    names: Vec<Option<Named>>,
}

impl NameTable {
    /// Makes the names anew if the device has other statistics than before.
    pub(super) fn update(&mut self, statistics: &[(String, u64)], wanted: &Pattern) {
        let names = || statistics.iter().map(|(name, _)| name);
        if names().eq(&self.originals) {
            return;
        }
        self.originals = names().cloned().collect();
        // Of several with one name the last counts.
        let last: HashMap<&str, usize> =
            self.originals.iter().enumerate().map(|(at, name)| (&**name, at)).collect();
        let mut uses: HashMap<String, u32> = HashMap::new();
        let mut candidates = Vec::with_capacity(self.originals.len());
        for (at, original) in self.originals.iter().enumerate() {
            let cleaned = clean(original);
            let kept = last.get(&**original) == Some(&at) && wanted.is_match(&cleaned);
            let candidate = kept.then(|| (metric_name(&cleaned), cleaned));
            if let Some((name, _)) = &candidate {
                *uses.entry(name.clone()).or_insert(0) += 1;
            }
            candidates.push(candidate);
        }
        // Different statistics that come out as one metric are all left out.
        let unique = |(name, cleaned): (String, String)| {
            (uses.get(&name) == Some(&1)).then(|| named(name, &cleaned))
        };
        self.names = candidates.into_iter().map(|candidate| candidate.and_then(unique)).collect();
    }

    /// Pushes the values of the statistics that [`NameTable::update`] has seen.
    pub(super) fn push(&self, device: &str, statistics: &[(String, u64)], samples: &mut Samples) {
        for (named, (_, value)) in self.names.iter().zip(statistics) {
            if let Some(Named { name, help }) = named {
                let labels = [("device", device)];
                samples.push_named(name, help, MetricType::Unknown, &labels, *value as f64);
            }
        }
    }
}

fn named(name: String, cleaned: &str) -> Named {
    match KNOWN.iter().find(|(known, _)| *known == cleaned) {
        Some((_, family)) => Named { name: family.name.to_owned(), help: family.help.to_owned() },
        None => Named { name, help: format!("Network interface {cleaned}") },
    }
}

/// Each run of other characters than letters, digits and underscores becomes one underscore,
/// together with the underscores around it.
fn clean(original: &str) -> String {
    let mut cleaned = String::new();
    let mut rest = original;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    while let Some(at) = rest.find(|c| !is_plain(c)) {
        cleaned.push_str(rest[..at].trim_end_matches('_'));
        cleaned.push('_');
        rest = rest[at..].trim_start_matches(|c| !is_plain(c)).trim_start_matches('_');
    }
    cleaned.push_str(rest);
    cleaned
}

/// `rx` and `tx` as words of their own are written out.
fn metric_name(cleaned: &str) -> String {
    let lower = cleaned.to_lowercase();
    let mut name = "node_ethtool".to_owned();
    let mut before = None;
    for word in lower.trim_start_matches('_').split('_') {
        // The original's patterns take the underscore behind a word with them, so that of two
        // in a row only the first one is found.
        let written_out = match word {
            "rx" => Some("received"),
            "tx" => Some("transmitted"),
            _ => None,
        };
        let written_out = written_out.filter(|_| before != written_out);
        before = written_out;
        name.push('_');
        name.push_str(written_out.unwrap_or(word));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::flag;

    fn table(names: &[&str], wanted: &str) -> Vec<Option<(String, String)>> {
        let flag = flag::text("x", "", "");
        let wanted = Pattern::new(&flag, wanted).unwrap();
        let statistics: Vec<_> = names.iter().map(|name| ((*name).to_owned(), 1)).collect();
        let mut table = NameTable::default();
        table.update(&statistics, &wanted);
        table.names.into_iter().map(|named| named.map(|n| (n.name, n.help))).collect()
    }

    #[test]
    fn names_are_cleaned_and_written_out() {
        fn check(original: &str, name: &str, help: &str) {
            let found = table(&[original], ".*");
            let expected = (format!("node_ethtool_{name}"), help.to_owned());
            assert_eq!(found, [Some(expected)], "{original}");
        }
        check("port.rx_dropped", "port_received_dropped", "Network interface port_rx_dropped");
        check("rx_errors", "received_errors_total", "Number of received frames with errors");
        check("rx_unicast", "received_unicast", "Network interface rx_unicast");
        check("Queue[0] AllocFails", "queue_0_allocfails", "Network interface Queue_0_AllocFails");
        check("Tx LPI count", "transmitted_lpi_count", "Network interface Tx_LPI_count");
        check("[3]: tx_bytes", "3_transmitted_bytes", "Network interface _3_tx_bytes");
        check("     err", "err", "Network interface _err");
        check("a__-__b__c", "a_b__c", "Network interface a_b__c");
        check("rx_rx_tx_tx", "received_rx_transmitted_tx", "Network interface rx_rx_tx_tx");
        check("rx0_max", "rx0_max", "Network interface rx0_max");
        check("xdp_tx", "xdp_transmitted", "Network interface xdp_tx");
    }

    #[test]
    fn clashing_and_unwanted_statistics_are_left_out() {
        fn check(names: &[&str], wanted: &str, expected: &[Option<&str>]) {
            let found = table(names, wanted);
            let found: Vec<_> = found.iter().map(|n| n.as_ref().map(|(n, _)| &n[13..])).collect();
            assert_eq!(found, expected);
        }
        check(&["a b", "a_b", "c"], ".*", &[None, None, Some("c")]);
        check(&["a", "b", "a"], ".*", &[None, Some("b"), Some("a")]);
        check(&["rx_a", "tx_a"], "^rx", &[Some("received_a"), None]);
    }
}
