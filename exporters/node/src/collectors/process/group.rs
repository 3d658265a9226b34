//! Groups of processes: what their members use now, and what all that ever belonged to them counted.

use std::collections::{BTreeMap, HashMap};

use super::counts::{Counts, States, state_index};

/// Most names of threads, and of places in the kernel where threads wait, that one group has.
const NAMES_MAX: usize = 256;

/// One group.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) name: String,
    /// Of all processes that were ever seen, since they were first seen.
    pub(super) counts: Counts,
    pub(super) now: Now,
    /// Processes that belong to it at this scrape, whether or not they could be read: as long as
    /// there are any, it keeps its place.
    pub(super) members: u32,
    /// By the function in which they wait.
    pub(super) waiting: BTreeMap<String, u32>,
    /// By name.
    pub(super) threads: BTreeMap<String, Threads>,
}

/// What the members of a group use at the time of the scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Now {
    pub(super) processes: u32,
    pub(super) threads: u64,
    /// Bytes.
    pub(super) resident: u64,
    pub(super) virtual_size: u64,
    pub(super) swapped: u64,
    /// Proportional shares in bytes.
    pub(super) shares: [u64; 2],
    pub(super) files: u64,
    pub(super) worst_files_ratio: f64,
    pub(super) states: States,
    /// Ticks since the machine was started.
    pub(super) oldest_start: Option<u64>,
}

/// The threads of one name.
#[derive(Clone, Debug, Default)]
pub(super) struct Threads {
    pub(super) count: u32,
    pub(super) counts: Counts,
}

impl Group {
    /// Counts a thread that waits in the kernel, if it does.
    pub(super) fn waits(&mut self, place: &[u8], left_out: &mut u64) {
        if place.is_empty() || place == b"0" {
            return;
        }
        let place = String::from_utf8_lossy(place);
        if let Some(count) = self.waiting.get_mut(&*place) {
            *count += 1;
        } else if self.waiting.len() < NAMES_MAX {
            self.waiting.insert(place.into_owned(), 1);
        } else {
            *left_out += 1;
        }
    }

    /// Counts a thread in a state.
    pub(super) fn in_state(&mut self, letter: u8) {
        self.now.states[state_index(letter)] += 1;
    }

    /// Counts a thread under its name.
    pub(super) fn thread(&mut self, name: &str, more: &Counts, left_out: &mut u64) {
        if !self.threads.contains_key(name) {
            if self.threads.len() >= NAMES_MAX {
                *left_out += 1;
                return;
            }
            self.threads.insert(name.to_owned(), Threads::default());
        }
        if let Some(threads) = self.threads.get_mut(name) {
            threads.count += 1;
            threads.counts.add(more);
        }
    }

    fn begin(&mut self) {
        self.now = Now::default();
        self.members = 0;
        self.waiting.values_mut().for_each(|count| *count = 0);
        self.threads.values_mut().for_each(|threads| threads.count = 0);
    }

    /// Forgets names that no thread has any more.
    fn end(&mut self) {
        self.waiting.retain(|_, count| *count != 0);
        self.threads.retain(|_, threads| threads.count != 0);
    }
}

/// All groups; a group keeps its place as long as it is there.
#[derive(Debug, Default)]
pub(super) struct Groups {
    places: Vec<Option<Group>>,
    by_name: HashMap<String, usize>,
}

impl Groups {
    /// To be called before the processes of a scrape are told.
    pub(super) fn begin(&mut self) {
        self.places.iter_mut().flatten().for_each(Group::begin);
    }

    /// To be called after it.
    pub(super) fn end(&mut self, forgets_empty: bool) {
        self.places.iter_mut().flatten().for_each(Group::end);
        if forgets_empty {
            while self.forget_empty() {}
        }
    }

    /// The place of a group that is known.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// A new group. When there are as many as may be, one without processes makes room; `None` if
    /// all have some.
    pub(super) fn create(&mut self, name: &str, groups_max: usize) -> Option<usize> {
        if self.by_name.len() >= groups_max && !self.forget_empty() {
            return None;
        }
        let free = self.places.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[at] = Some(Group { name: name.to_owned(), ..Group::default() });
        self.by_name.insert(name.to_owned(), at);
        Some(at)
    }

    /// The group at a place.
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Group> {
        self.places.get_mut(at)?.as_mut()
    }

    /// All groups.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Group> {
        self.places.iter().flatten()
    }

    fn forget_empty(&mut self) -> bool {
        let is_empty =
            |group: &Option<Group>| group.as_ref().is_some_and(|group| group.members == 0);
        let Some(at) = self.places.iter().position(is_empty) else { return false };
        if let Some(group) = self.places[at].take() {
            self.by_name.remove(&group.name);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_without_processes_makes_room_for_a_new_one() {
        let mut groups = Groups::default();
        let (a, b) = (groups.create("a", 2).unwrap(), groups.create("b", 2).unwrap());
        for at in [a, b] {
            groups.get_mut(at).unwrap().members = 1;
        }
        assert_eq!(groups.create("c", 2), None);
        groups.begin();
        groups.get_mut(b).unwrap().members = 1;
        assert_eq!(groups.create("c", 2), Some(a));
        assert_eq!(
            (groups.find("a"), groups.find("b"), groups.find("c")),
            (None, Some(b), Some(a))
        );
        groups.get_mut(a).unwrap().members = 1;
        groups.begin();
        groups.end(true);
        assert_eq!(groups.iter().count(), 0);
    }
}
