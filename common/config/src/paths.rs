//! File names in a configuration are relative to the configuration's own folder.

use std::path::{Component, Path, PathBuf};

/// Puts `dir` in front of a file name that is relative and not empty.
pub(crate) fn join(dir: &str, file: &mut String) {
    if file.is_empty() || Path::new(file.as_str()).is_absolute() {
        return;
    }
    *file = clean(&Path::new(dir).join(file.as_str()));
}

/// The folder a file is in, `.` for a bare name.
pub(crate) fn folder_of(file: &str) -> &str {
    match Path::new(file).parent().and_then(Path::to_str) {
        Some("") | None => ".",
        Some(dir) => dir,
    }
}

/// The shortest name of the same file, as Go's `filepath.Clean` gives it.
fn clean(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(parts.components().next_back(), Some(Component::Normal(_))) =>
            {
                parts.pop();
            }
            Component::ParentDir if parts.has_root() => {}
            other => parts.push(other),
        }
    }
    if parts.as_os_str().is_empty() {
        return ".".to_owned();
    }
    parts.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_names_are_joined_and_cleaned() {
        let check = |dir: &str, file: &str, wanted: &str| {
            let mut name = file.to_owned();
            join(dir, &mut name);
            assert_eq!(name, wanted, "{dir} {file}");
        };
        check("/etc/prometheus", "rules/*.yml", "/etc/prometheus/rules/*.yml");
        check("/etc/prometheus", "../x.yml", "/etc/x.yml");
        check("/etc", "/abs.yml", "/abs.yml");
        check(".", "a.yml", "a.yml");
        check(".", "../a.yml", "../a.yml");
        check("/", "../../a", "/a");
        check("/etc", "", "");
        assert_eq!((folder_of("a.yml"), folder_of("/x/a.yml")), (".", "/x"));
    }
}
