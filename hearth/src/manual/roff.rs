//! The few words of man(7) that the pages need.

/// Text as it is to be read: nothing in it is a request, and dashes are those of command lines.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        escaped.insert_str(0, "\\&");
    }
    escaped
}

/// The first line of a page.
pub(super) fn title(name: &str, version: &str) -> String {
    // Long flags leave lines that cannot be stretched to the margin.
    let name = name.to_uppercase();
    format!(".TH {name} 1 \"\" \"Hearth {}\" \"Hearth\"\n.ad l\n", escape(version))
}

pub(super) fn section(name: &str) -> String {
    format!(".SH \"{}\"\n", name.to_uppercase())
}

pub(super) fn subsection(name: &str) -> String {
    format!(".SS \"{}\"\n", escape(name))
}

/// Paragraphs, those of the text being kept.
pub(super) fn paragraphs(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!(".PP\n{}\n", escape(line))).collect()
}

/// A term in bold, and what it means.
pub(super) fn item(term: &str, text: &str) -> String {
    format!(".TP\n\\fB{}\\fR\n{}\n", escape(term), escape(text))
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_is_never_a_request() {
        assert_eq!(escape(".so x"), "\\&.so x");
        assert_eq!(escape("'--a\\b'"), "\\&'\\-\\-a\\eb'");
    }
}
