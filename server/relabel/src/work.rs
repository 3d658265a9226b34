//! Labels on their way through the rules: borrowed until the first change.

use std::borrow::Cow;

use common_model::{Labels, LabelsBuilder};

/// The labels as they are now.
pub(crate) enum Work<'l> {
    /// Nothing has changed yet.
    Borrowed(&'l Labels),
    /// Something has.
    Owned(LabelsBuilder),
}

impl<'l> Work<'l> {
    pub(crate) fn from_labels(labels: &'l Labels) -> Work<'l> {
        Work::Borrowed(labels)
    }

    pub(crate) fn from_builder(builder: LabelsBuilder) -> Work<'static> {
        Work::Owned(builder)
    }

    /// The value of a label, empty where it is not set.
    pub(crate) fn value(&self, name: &str) -> &str {
        match self {
            Work::Borrowed(labels) => labels.value(name),
            Work::Owned(builder) => builder.value(name),
        }
    }

    /// The values of several labels with something between them; one value is not copied.
    pub(crate) fn joined(&self, names: &[String], separator: &str) -> Cow<'_, str> {
        match names {
            [] => Cow::Borrowed(""),
            [name] => Cow::Borrowed(self.value(name)),
            [first, rest @ ..] => {
                let mut text = self.value(first).to_owned();
                for name in rest {
                    text.push_str(separator);
                    text.push_str(self.value(name));
                }
                Cow::Owned(text)
            }
        }
    }

    /// Sets a label, or removes it where the value is empty.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        if self.value(name) != value {
            self.builder().set(name, value);
        }
    }

    /// Keeps the labels whose names `keep` accepts.
    pub(crate) fn retain_names(&mut self, mut keep: impl FnMut(&str) -> bool) {
        match self {
            Work::Borrowed(labels) => {
                if labels.iter().any(|(name, _)| !keep(name)) {
                    self.builder().retain(|name, _| keep(name));
                }
            }
            Work::Owned(builder) => builder.retain(|name, _| keep(name)),
        }
    }

    /// What `make` gives for each label, collected before anything is changed.
    pub(crate) fn collect<T>(&self, make: impl FnMut((&str, &str)) -> Option<T>) -> Vec<T> {
        match self {
            Work::Borrowed(labels) => labels.iter().filter_map(make).collect(),
            Work::Owned(builder) => builder.iter().filter_map(make).collect(),
        }
    }

    pub(crate) fn finish(self) -> Labels {
        match self {
            Work::Borrowed(labels) => labels.clone(),
            Work::Owned(builder) => builder.build(),
        }
    }

    pub(crate) fn into_builder(self) -> LabelsBuilder {
        match self {
            Work::Borrowed(labels) => labels.to_builder(),
            Work::Owned(builder) => builder,
        }
    }

    fn builder(&mut self) -> &mut LabelsBuilder {
        if let Work::Borrowed(labels) = self {
            *self = Work::Owned(labels.to_builder());
        }
        match self {
            Work::Owned(builder) => builder,
            Work::Borrowed(_) => unreachable!("made owned above"),
        }
    }
}
