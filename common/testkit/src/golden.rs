//! Comparison with a committed file, which `UPDATE_GOLDEN=1` rewrites.

use std::fmt::Write as _;
use std::path::Path;

/// Lines shown around the first difference.
const CONTEXT_LINES: usize = 3;
/// Lines shown from the first difference on.
const SHOWN_LINES: usize = 12;

/// Compares `actual` with the file at `path`, relative to the package's folder (where cargo runs
/// tests). Panics at the first line that differs; with `UPDATE_GOLDEN=1` writes the file instead.
#[track_caller]
pub fn golden(path: impl AsRef<Path>, actual: &str) {
    let path = path.as_ref();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        }
        std::fs::write(path, actual).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        return;
    }
    let expected = std::fs::read_to_string(path)
        .unwrap_or_else(|e| panic!("{}: {e} (UPDATE_GOLDEN=1 writes it)", path.display()));
    if let Some(difference) = difference(&expected, actual) {
        panic!("differs from {} (UPDATE_GOLDEN=1 rewrites it)\n{difference}", path.display());
    }
}

/// The first place where the two differ, with context; `None` where they are equal.
fn difference(expected: &str, actual: &str) -> Option<String> {
    if expected == actual {
        return None;
    }
    let (left, right): (Vec<&str>, Vec<&str>) =
        (expected.split('\n').collect(), actual.split('\n').collect());
    let same = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(CONTEXT_LINES);
    let mut text = format!("first difference in line {}:\n", same + 1);
    for line in &left[from..same] {
        let _ = writeln!(text, "  {line}");
    }
    for line in left.iter().skip(same).take(SHOWN_LINES) {
        let _ = writeln!(text, "- {line}");
    }
    for line in right.iter().skip(same).take(SHOWN_LINES) {
        let _ = writeln!(text, "+ {line}");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn names_the_first_line_that_differs() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let text = difference("a\nb\nc", "a\nx\nc").unwrap();
        assert!(text.starts_with("first difference in line 2:\n  a\n- b\n"), "{text}");
        assert!(text.contains("\n+ x\n"), "{text}");
        let missing_end = difference("a\n", "a").unwrap();
        assert!(missing_end.starts_with("first difference in line 2"), "{missing_end}");
    }
}
