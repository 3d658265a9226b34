//! Samples to bytes, in the text formats and OpenMetrics.

mod kept;
mod open;
mod text;

use std::borrow::Cow;

use common_instrument::{SampleView, Samples};
use common_model::{is_legacy_label_name, is_legacy_metric_name};

use crate::{Escaping, Format, escape_name};

pub use kept::KeptText;

/// Where an exposition goes: a plain buffer, or one that treats apart what comes again and again.
pub trait Sink {
    /// Room for what is new in this scrape, behind everything before.
    fn fresh(&mut self) -> &mut Vec<u8>;

    /// Takes the text of a family that is the same in every scrape.
    fn kept(&mut self, text: &KeptText) {
        self.fresh().extend_from_slice(text.bytes());
    }
}

impl Sink for Vec<u8> {
    fn fresh(&mut self) -> &mut Vec<u8> {
        self
    }
}

/// Appends the whole exposition to `out`, which the caller clears and reuses. Families without
/// samples are left out; those that are shared between scrapes are written once in text formats.
pub fn encode(samples: &Samples, format: Format, out: &mut impl Sink) {
    let open = format.protocol.is_openmetrics();
    for family in samples.families() {
        if !open && let Some(text) = kept::text_of(&family) {
            out.kept(text);
            continue;
        }
        let mut family_samples = family.samples().peekable();
        if family_samples.peek().is_none() {
            continue;
        }
        let name = escape_name(family.name(), format.escaping);
        let head = Head::new(name, family.help(), family.kind());
        if open {
            open::write_family(&head, family_samples, format.escaping, out.fresh());
        } else {
            text::write_family(&head, family_samples, format.escaping, out.fresh());
        }
    }
    if open {
        out.fresh().extend_from_slice(b"# EOF\n");
    }
}

/// What stands above the samples of a family.
struct Head<'a> {
    name: Cow<'a, str>,
    /// Whether it needs no quotes.
    is_plain: bool,
    help: &'a str,
    kind: common_model::MetricType,
}

impl<'a> Head<'a> {
    fn new(name: Cow<'a, str>, help: &'a str, kind: common_model::MetricType) -> Head<'a> {
        let is_plain = is_legacy_metric_name(&name);
        Head { name, is_plain, help, kind }
    }
}

/// A name where no brace surrounds it: classic ones bare, others in quotes.
fn push_name(out: &mut Vec<u8>, name: &str, is_plain: bool) {
    if is_plain {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'"');
        push_escaped(out, name, true);
        out.push(b'"');
    }
}

/// Name with suffix, labels and the special label: everything before the value.
fn push_series(
    out: &mut Vec<u8>,
    (head, suffix): (&Head<'_>, &str),
    sample: &SampleView<'_>,
    extra: Option<(&str, f64)>,
    push_bound: fn(&mut Vec<u8>, f64),
    escaping: Escaping,
) {
    let mut separator = b'{';
    if head.is_plain {
        out.extend_from_slice(head.name.as_bytes());
        out.extend_from_slice(suffix.as_bytes());
    } else {
        out.extend_from_slice(b"{\"");
        push_escaped(out, &head.name, true);
        out.extend_from_slice(suffix.as_bytes());
        out.push(b'"');
        separator = b',';
    }
    for (label, value) in sample.labels() {
        out.push(separator);
        separator = b',';
        // Nearly every label has a classic name, which no scheme changes.
        if is_legacy_label_name(label) {
            out.extend_from_slice(label.as_bytes());
        } else {
            push_label_name(out, &escape_name(label, escaping));
        }
        out.extend_from_slice(b"=\"");
        push_escaped(out, value, true);
        out.push(b'"');
    }
    if let Some((label, bound)) = extra {
        out.push(separator);
        separator = b',';
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"=\"");
        push_bound(out, bound);
        out.push(b'"');
    }
    if separator == b',' {
        out.push(b'}');
    }
}

fn push_label_name(out: &mut Vec<u8>, name: &str) {
    // A colon, too, is only allowed in quotes.
    if is_legacy_label_name(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        out.push(b'"');
        push_escaped(out, name, true);
        out.push(b'"');
    }
}

/// `\` and line breaks are escaped, quotes only where the text stands in quotes.
fn push_escaped(out: &mut Vec<u8>, text: &str, quotes: bool) {
    let mut rest = text.as_bytes();
    let special = |b: &u8| *b == b'\\' || *b == b'\n' || (quotes && *b == b'"');
    while let Some(at) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\n' => b"\\n",
            b'"' => b"\\\"",
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}
