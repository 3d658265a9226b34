//! Every label name and value once; series hold numbers of them.

use common_model::Labels;
use hashbrown::HashTable;

use super::arrivals::RawPair;

/// Numbers of a label's name and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Pair {
    pub(crate) name: u32,
    pub(crate) value: u32,
}

/// Texts by number and numbers by text. A text that no series uses any more frees its number.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    texts: Vec<Symbol>,
    table: HashTable<u32>,
    free: Vec<u32>,
    text_bytes: usize,
}

#[derive(Debug)]
struct Symbol {
    text: Box<str>,
    uses: u32,
}

impl Symbols {
    /// The text of a number that is in use.
    pub(crate) fn text(&self, symbol: u32) -> &str {
        self.texts.get(symbol as usize).map_or("", |symbol| &symbol.text)
    }

    /// The number of a text that is in use.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.find_hashed(hash(text.as_bytes()), text.as_bytes())
    }

    fn find_hashed(&self, hash: u64, text: &[u8]) -> Option<u32> {
        let texts = &self.texts;
        self.table.find(hash, |at| texts[*at as usize].text.as_bytes() == text).copied()
    }

    /// The number of a text, counting one more use of it. `None` when there are no numbers left, or
    /// where it is no UTF-8, which is asked of new texts alone.
    fn acquire(&mut self, text: &[u8]) -> Option<u32> {
        let hashed = hash(text);
        if let Some(symbol) = self.find_hashed(hashed, text) {
            let entry = &mut self.texts[symbol as usize];
            entry.uses = entry.uses.checked_add(1)?;
            return Some(symbol);
        }
        let text = std::str::from_utf8(text).ok()?;
        let entry = Symbol { text: text.into(), uses: 1 };
        let symbol = match self.free.pop() {
            Some(symbol) => {
                self.texts[symbol as usize] = entry;
                symbol
            }
            None => {
                self.texts.push(entry);
                u32::try_from(self.texts.len() - 1).ok()?
            }
        };
        self.text_bytes += text.len();
        let texts = &self.texts;
        let hash_of = |at: &u32| hash(texts[*at as usize].text.as_bytes());
        self.table.insert_unique(hashed, symbol, hash_of);
        Some(symbol)
    }

    /// The numbers of a label, counting one more use of each, where it is likely `like`.
    pub(crate) fn acquire_pair(&mut self, raw: RawPair<'_>, like: Option<Pair>) -> Option<Pair> {
        let name = self.acquire_like(raw.0, like.map(|pair| pair.name))?;
        let Some(value) = self.acquire_like(raw.1, like.map(|pair| pair.value)) else {
            self.release(name);
            return None;
        };
        Some(Pair { name, value })
    }

    /// Counts one use of a label less.
    pub(crate) fn release_pair(&mut self, pair: Pair) {
        self.release(pair.name);
        self.release(pair.value);
    }

    /// The number of a text that is likely that of `likely`.
    fn acquire_like(&mut self, text: &[u8], likely: Option<u32>) -> Option<u32> {
        if let Some(symbol) = likely
            && let Some(entry) = self.texts.get_mut(symbol as usize)
            && entry.uses > 0
            && entry.text.as_bytes() == text
        {
            entry.uses = entry.uses.checked_add(1)?;
            return Some(symbol);
        }
        self.acquire(text)
    }

    /// Counts one use less.
    fn release(&mut self, symbol: u32) {
        let Some(entry) = self.texts.get_mut(symbol as usize) else { return };
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses > 0 {
            return;
        }
        let text = std::mem::take(&mut entry.text);
        self.text_bytes -= text.len();
        if let Ok(found) = self.table.find_entry(hash(text.as_bytes()), |at| *at == symbol) {
            found.remove();
        }
        self.free.push(symbol);
    }

    /// Whether pairs stand for exactly these labels.
    pub(crate) fn same(&self, pairs: &[Pair], labels: &Labels) -> bool {
        let texts = pairs.iter().map(|pair| (self.text(pair.name), self.text(pair.value)));
        texts.eq(labels.iter())
    }

    /// The label set that pairs stand for.
    pub(crate) fn labels(&self, pairs: &[Pair]) -> Labels {
        Labels::from_sorted(pairs.iter().map(|p| (self.text(p.name), self.text(p.value))))
    }

    /// The same without labels of other names than these.
    pub(crate) fn some_labels(&self, pairs: &[Pair], names: &[String]) -> Labels {
        let pairs = pairs.iter().map(|p| (self.text(p.name), p.value));
        let pairs = pairs.filter(|(name, _)| names.iter().any(|wanted| wanted == name));
        Labels::from_sorted(pairs.map(|(name, value)| (name, self.text(value))))
    }

    /// Bytes of all texts.
    pub(crate) fn text_bytes(&self) -> usize {
        self.text_bytes
    }
}

fn hash(text: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::fast::FixedState::default().build_hasher();
    hasher.write(text);
    hasher.finish()
}
