//! What targets say of their metrics: type, help, unit, kept per target for the API.

use std::collections::BTreeMap;

use common_model::{Metadata, MetricType};

/// Metrics of one target that are remembered at most; more are served without metadata.
const METRICS_MAX: usize = 20_000;

/// A help text is cut to this length.
const HELP_BYTES_MAX: usize = 4096;

/// Metadata by family name.
#[derive(Clone, Debug, Default)]
pub struct MetadataByName {
    families: BTreeMap<Box<str>, Metadata>,
    /// Of all names, help texts and units.
    bytes: usize,
}

impl MetadataByName {
    /// What is known of a family.
    #[must_use]
    pub fn get(&self, family: &str) -> Option<&Metadata> {
        self.families.get(family)
    }

    /// All families in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        self.families.iter().map(|(name, metadata)| (&**name, metadata))
    }

    /// Families, and bytes of their texts.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.families.len(), self.bytes)
    }

    pub(crate) fn set_kind(&mut self, family: &str, kind: MetricType) {
        self.change(family, |metadata| metadata.kind = kind);
    }

    pub(crate) fn set_help(&mut self, family: &str, help: &str) {
        let end = help.floor_char_boundary(HELP_BYTES_MAX);
        let help = &help[..end];
        if self.get(family).is_none_or(|metadata| metadata.help != help) {
            self.change(family, |metadata| help.clone_into(&mut metadata.help));
        }
    }

    pub(crate) fn set_unit(&mut self, family: &str, unit: &str) {
        if self.get(family).is_none_or(|metadata| metadata.unit != unit) {
            self.change(family, |metadata| unit.clone_into(&mut metadata.unit));
        }
    }

    fn change(&mut self, family: &str, change: impl FnOnce(&mut Metadata)) {
        if self.families.len() >= METRICS_MAX && !self.families.contains_key(family) {
            return;
        }
        let text = |metadata: &Metadata| metadata.help.len() + metadata.unit.len();
        let metadata = match self.families.get_mut(family) {
            Some(metadata) => metadata,
            None => {
                self.bytes += family.len();
                self.families.entry(family.into()).or_default()
            }
        };
        self.bytes -= text(metadata);
        change(metadata);
        self.bytes += text(metadata);
    }
}
