//! Series by number: pages of 128 numbers, each with a lock of its own.

use std::sync::Arc;

use parking_lot::RwLock;

use super::Series;

/// Numbers on a page.
const PAGE_SERIES: usize = 128;
/// No series has the number.
const NONE: u8 = u8::MAX;
/// A page grows by this many series.
const GROWTH_SERIES: usize = 16;

/// The page a number is on.
pub(crate) fn page_of(id: u32) -> u32 {
    id / PAGE_SERIES as u32
}

/// Series with neighbouring numbers under one lock: a batch in order of numbers locks once a page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) series: RwLock<PageSeries>,
}

/// The series of a page, densely; numbers are never used again, so pages thin out with time.
#[derive(Debug)]
pub(crate) struct PageSeries {
    places: [u8; PAGE_SERIES],
    dense: Vec<Series>,
}

impl PageSeries {
    pub(crate) fn get(&self, id: u32) -> Option<&Series> {
        self.dense.get(usize::from(self.places[place(id)]))
    }

    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Series> {
        self.dense.get_mut(usize::from(self.places[place(id)]))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.dense.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Series> {
        self.dense.iter_mut()
    }

    /// Makes room for some more.
    fn reserve(&mut self, more: usize) {
        if self.dense.capacity() - self.dense.len() < more {
            self.dense.reserve_exact(more.max(GROWTH_SERIES));
        }
    }

    fn insert(&mut self, series: Series) {
        // At most 128 series are on a page.
        self.places[place(series.id)] = self.dense.len() as u8;
        self.dense.push(series);
    }

    fn remove(&mut self, id: u32) -> Option<Series> {
        let at = usize::from(std::mem::replace(&mut self.places[place(id)], NONE));
        if at >= self.dense.len() {
            return None;
        }
        let removed = self.dense.swap_remove(at);
        if let Some(moved) = self.dense.get(at) {
            self.places[place(moved.id)] = at as u8;
        }
        if self.dense.capacity() - self.dense.len() >= 2 * GROWTH_SERIES {
            self.dense.shrink_to_fit();
        }
        Some(removed)
    }

    fn is_empty(&self) -> bool {
        self.dense.is_empty()
    }
}

fn place(id: u32) -> usize {
    id as usize % PAGE_SERIES
}

/// All pages by number.
#[derive(Debug, Default)]
pub(crate) struct Pages(Vec<Option<Arc<Page>>>);

impl Pages {
    /// The page of a series number.
    pub(crate) fn get(&self, id: u32) -> Option<Arc<Page>> {
        self.0.get(page_of(id) as usize)?.clone()
    }

    /// Puts series on their pages; `make` is given place and number of each.
    pub(crate) fn insert_all(
        &mut self,
        ids: impl Iterator<Item = u32> + Clone,
        mut make: impl FnMut(usize, u32) -> Series,
    ) {
        let mut rest = ids.enumerate().peekable();
        while let Some((_, first)) = rest.peek().copied() {
            let on_page = |(_, id): &(usize, u32)| page_of(*id) == page_of(first);
            let count = rest.clone().take_while(on_page).count();
            let mut series = self.page(first).series.write();
            series.reserve(count);
            for (at, id) in rest.by_ref().take(count) {
                series.insert(make(at, id));
            }
        }
    }

    /// The page of a number, made where it is not there.
    fn page(&mut self, id: u32) -> &Page {
        let at = page_of(id) as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at].get_or_insert_with(|| {
            let empty = PageSeries { places: [NONE; PAGE_SERIES], dense: Vec::new() };
            Arc::new(Page { series: RwLock::new(empty) })
        })
    }

    /// Takes a series off its page if `removable` agrees, and the page away when that was its last.
    pub(crate) fn remove_if(
        &mut self,
        id: u32,
        removable: impl Fn(&Series) -> bool,
    ) -> Option<Series> {
        let slot = self.0.get_mut(page_of(id) as usize)?;
        let page = slot.as_ref()?.clone();
        let mut series = page.series.write();
        series.get(id).filter(|series| removable(series))?;
        let removed = series.remove(id);
        if series.is_empty() {
            *slot = None;
        }
        removed
    }

    /// Pages that hold series.
    pub(crate) fn all(&self) -> Vec<Arc<Page>> {
        self.0.iter().flatten().cloned().collect()
    }
}
