//! One alert, as rules raise it, notify carries it and the Alertmanager keeps it.

use common_model::Labels;

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;
/// Stands after each name and value in the hash; it is no byte of UTF-8.
const SEPARATOR: u8 = 0xff;

/// Something that is wrong since a time and, when it ended, until a time. Times are milliseconds
/// since 1970; zero means not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alert {
    /// Says which alert it is; two alerts with equal labels are one.
    pub labels: Labels,
    /// What people shall read; no part of the identity.
    pub annotations: Labels,
    /// When it began.
    pub starts_at_ms: i64,
    /// When it ended, or shall be taken as ended if nobody repeats it.
    pub ends_at_ms: i64,
    /// Where its expression can be looked at.
    pub generator_url: String,
    /// When it was last heard of.
    pub updated_at_ms: i64,
}

impl Alert {
    /// The number by which Alertmanager's API names the alert (shown as 16 hexadecimal digits):
    /// FNV-1a over the sorted labels, as `LabelSet.Fingerprint` of Prometheus' common library.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        fingerprint(&self.labels)
    }

    /// The value of label `alertname`; empty when there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.labels.value("alertname")
    }

    /// Whether the alert has ended at a time.
    #[must_use]
    pub fn is_resolved_at(&self, now_ms: i64) -> bool {
        self.ends_at_ms != 0 && self.ends_at_ms <= now_ms
    }
}

/// The fingerprint of a label set; see [`Alert::fingerprint`].
#[must_use]
pub fn fingerprint(labels: &Labels) -> u64 {
    let mut hash = FNV_OFFSET;
    for (name, value) in labels.iter() {
        for text in [name, value] {
            for byte in text.bytes().chain([SEPARATOR]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
            }
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_ends_when_its_end_is_reached_and_never_without_one() {
        for (ends_at_ms, now_ms, resolved) in
            [(0, 1, false), (5, 4, false), (5, 5, true), (5, 6, true)]
        {
            let alert = Alert { ends_at_ms, ..Alert::default() };
            assert_eq!(alert.is_resolved_at(now_ms), resolved, "{ends_at_ms} at {now_ms}");
        }
    }
}
