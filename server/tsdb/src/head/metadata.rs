//! What metrics say of themselves, each distinct text once.

use std::collections::HashMap;
use std::sync::Arc;

use common_model::Metadata;

/// Distinct metadata that are kept; more are refused.
pub(crate) const METADATA_MAX: usize = 100_000;

/// Metadata by number, from 1.
#[derive(Debug, Default)]
pub(crate) struct MetadataTable {
    list: Vec<Arc<Metadata>>,
    numbers: HashMap<Arc<Metadata>, u32>,
}

impl MetadataTable {
    /// The metadata with a number.
    pub(crate) fn get(&self, number: u32) -> Option<&Arc<Metadata>> {
        self.list.get((number as usize).checked_sub(1)?)
    }

    /// The number of metadata that are known.
    pub(crate) fn find(&self, metadata: &Metadata) -> Option<u32> {
        self.numbers.get(metadata).copied()
    }

    /// The number of metadata, made if need be; `None` when the table is full.
    pub(crate) fn number(&mut self, metadata: &Metadata) -> Option<u32> {
        if let Some(number) = self.find(metadata) {
            return Some(number);
        }
        if self.list.len() >= METADATA_MAX {
            return None;
        }
        let shared = Arc::new(metadata.clone());
        self.list.push(shared.clone());
        // At most METADATA_MAX entries.
        let number = self.list.len() as u32;
        self.numbers.insert(shared, number);
        Some(number)
    }
}
