//! Labels of series of which a query looks only at some.
//!
//! A sum over thousands of series has a handful of groups: the sets of the labels that are looked
//! at are few, and each is made once.

use std::collections::HashMap;
use std::sync::Arc;

use common_model::Labels;

use super::flaw::Flaw;
use super::index::{Index, SeriesEntry};

/// Sets that are remembered; then it begins anew.
const MADE_MAX: usize = 4096;

/// Makes the labels of one block's series.
#[derive(Debug)]
pub(crate) struct Projection {
    /// Numbers of the names that are looked at, as the block has them.
    names: Vec<u32>,
    /// The set of names and values with these numbers.
    made: HashMap<Vec<u32>, Labels, foldhash::fast::RandomState>,
    numbers: Vec<u32>,
}

impl Projection {
    /// None where the index cannot tell names by numbers.
    pub(super) fn new(index: &Index, names: &Arc<[String]>) -> Option<Projection> {
        let found = names.iter().filter_map(|name| index.symbols.find(name));
        index.symbols.is_numbered().then(|| Projection {
            names: found.collect(),
            made: HashMap::default(),
            numbers: Vec::new(),
        })
    }

    /// What is looked at of a series' labels.
    pub(super) fn labels(
        &mut self,
        index: &Index,
        entry: &SeriesEntry,
        buffer: &mut Vec<u8>,
    ) -> Result<Labels, Flaw> {
        index.some_labels(entry, &self.names, &mut self.numbers)?;
        if let Some(labels) = self.made.get(self.numbers.as_slice()) {
            return Ok(labels.clone());
        }
        let (pairs, _) = self.numbers.as_chunks::<2>();
        let texts = pairs
            .iter()
            .map(|&[name, value]| Ok((index.symbols.text(name)?, index.symbols.text(value)?)));
        let labels = Labels::try_from_sorted(buffer, texts)?;
        if self.made.len() == MADE_MAX {
            self.made.clear();
        }
        self.made.insert(self.numbers.clone(), labels.clone());
        Ok(labels)
    }
}
