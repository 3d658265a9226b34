//! Families whose names come from kernel files: decided and built once, then found by their place.

/// A name that was built from a field of a kernel file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Full metric name.
    pub(crate) name: String,
    /// Help text.
    pub(crate) help: String,
}

/// What is known of the fields of a file, in the order in which they stand there. Kernel files keep
/// their order, so a steady scrape compares one field with one entry and builds nothing.
#[derive(Debug, Default)]
pub(crate) struct NameCache {
    entries: Vec<(Vec<u8>, Option<Named>)>,
    next: usize,
}

/// More fields than any kernel file has; beyond it names are not remembered any more.
const FIELDS_MAX: usize = 4096;

impl NameCache {
    /// To be called before the file is walked through.
    pub(crate) fn rewind(&mut self) {
        self.next = 0;
    }

    /// The name for a field, or `None` if the field is not wanted. `build` decides for a new one.
    pub(crate) fn get(
        &mut self,
        field: &[u8],
        build: impl FnOnce(&[u8]) -> Option<Named>,
    ) -> Option<&Named> {
        let here = self.entries.get(self.next).is_some_and(|(known, _)| known == field);
        let at = if here {
            self.next
        } else if let Some(at) = self.entries.iter().position(|(known, _)| known == field) {
            at
        } else {
            if self.entries.len() == FIELDS_MAX {
                self.entries.clear();
            }
            self.entries.push((field.to_vec(), build(field)));
            self.entries.len() - 1
        };
        self.next = at + 1;
        self.entries[at].1.as_ref()
    }
}

/// Replaces what may not stand in a metric name by `_`, as the originals do.
pub(crate) fn sanitize(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_decided_once_in_whatever_order_it_comes() {
        let mut cache = NameCache::default();
        let mut built = Vec::new();
        for round in [["a", "b", "c"], ["a", "b", "c"], ["c", "a", "b"]] {
            cache.rewind();
            for field in round {
                let found = cache.get(field.as_bytes(), |field| {
                    built.push(field.to_vec());
                    (field != b"b").then(|| Named { name: field_name(field), help: String::new() })
                });
                let expected = (field != "b").then(|| field.to_owned());
                assert_eq!(found.map(|named| named.name.clone()), expected);
            }
        }
        assert_eq!(built, [b"a", b"b", b"c"]);
    }

    fn field_name(field: &[u8]) -> String {
        String::from_utf8_lossy(field).into_owned()
    }
}
