//! Texts of shared families, kept beside them.

use bytes::Bytes;
use common_instrument::{FamilyView, Keep, SharedFamily};
use common_model::{is_legacy_label_name, is_legacy_metric_name};

use super::{Head, text};
use crate::Escaping;

/// The text of a family that does not change, in the text formats.
#[derive(Debug)]
pub struct KeptText {
    bytes: Bytes,
    packed: Keep,
}

impl KeptText {
    /// The text, from the HELP line on.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Room for the same text in another form, say compressed.
    #[must_use]
    pub fn packed(&self) -> &Keep {
        &self.packed
    }
}

/// The kept text of a family, written now if it is not there yet; `None` for families that are not
/// shared, and for those with names that formats write in different ways.
pub(super) fn text_of<'a>(family: &FamilyView<'a>) -> Option<&'a KeptText> {
    let shared = family.shared()?;
    // Somebody else may have declared the family in other words.
    if shared.is_empty() || shared.help() != family.help() {
        return None;
    }
    let write = || is_classic(shared).then(|| write(family));
    shared.kept().get_or_make::<Option<KeptText>>(write)?.as_ref()
}

/// Whether all formats and escapings write the names alike.
fn is_classic(family: &SharedFamily) -> bool {
    is_legacy_metric_name(family.name()) && family.label_names().all(is_legacy_label_name)
}

fn write(family: &FamilyView<'_>) -> KeptText {
    let mut bytes = Vec::new();
    let head = Head::new(family.name().into(), family.help(), family.kind());
    text::write_family(&head, family.samples(), Escaping::AllowUtf8, &mut bytes);
    // It stays: no room for more.
    KeptText { bytes: bytes.into_boxed_slice().into(), packed: Keep::default() }
}
