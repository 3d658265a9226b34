//! Which names need no quotes. Prometheus 3 allows any UTF-8 name; these are the classic ones.

/// Whether `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
#[must_use]
pub fn is_legacy_metric_name(name: &str) -> bool {
    is_legacy(name, true)
}

/// Whether `name` matches `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_legacy_label_name(name: &str) -> bool {
    is_legacy(name, false)
}

fn is_legacy(name: &str, colon: bool) -> bool {
    let fits = |b: u8| b.is_ascii_alphabetic() || b == b'_' || (colon && b == b':');
    let bytes = name.as_bytes();
    match bytes.split_first() {
        Some((&first, rest)) => fits(first) && rest.iter().all(|&b| fits(b) || b.is_ascii_digit()),
        None => false,
    }
}
