//! Patterns of paths: Go's `filepath.Match`, and `**` for any number of directories.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// Directories that the expansion of one pattern looks into.
const DIRECTORIES_MAX: usize = 20_000;

/// Directories below each other that `**` stands for.
const DEPTH_MAX: usize = 32;

/// A pattern, cut into its names.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(PathBuf),
    Wild(Vec<u8>),
    AnyDepth,
}

/// What a pattern stands for now.
#[derive(Debug, Default)]
pub(crate) struct Expansion {
    /// Everything that matches and is not a directory.
    pub(crate) paths: BTreeSet<PathBuf>,
    /// Directories in which something that matches may appear.
    pub(crate) directories: BTreeSet<PathBuf>,
    /// More than the bounds was there.
    pub(crate) is_cut: bool,
}

impl Pattern {
    pub(crate) fn new(pattern: &Path) -> Pattern {
        let mut parts: Vec<Part> = Vec::new();
        for component in pattern.components() {
            let name = component.as_os_str().as_bytes();
            let is_wild = name.iter().any(|byte| b"*?[\\".contains(byte));
            match (component, is_wild, parts.last_mut()) {
                (Component::Normal(_), true, last) if name == b"**" => {
                    if !matches!(last, Some(Part::AnyDepth)) {
                        parts.push(Part::AnyDepth);
                    }
                }
                (Component::Normal(_), true, _) => parts.push(Part::Wild(name.to_vec())),
                (_, _, Some(Part::Literal(path))) => path.push(component),
                _ => parts.push(Part::Literal(PathBuf::from(component.as_os_str()))),
            }
        }
        if matches!(parts.last(), Some(Part::AnyDepth)) {
            parts.push(Part::Wild(b"*".to_vec()));
        }
        Pattern { parts }
    }

    /// Adds what matches now to what other patterns gave, at most `paths_max` paths.
    pub(crate) fn expand(&self, paths_max: usize, into: &mut Expansion) {
        let mut looked_into = 0;
        self.walk(Path::new(""), &self.parts, 0, &mut looked_into, paths_max, into);
    }

    fn walk(
        &self,
        base: &Path,
        parts: &[Part],
        depth: usize,
        looked_into: &mut usize,
        paths_max: usize,
        into: &mut Expansion,
    ) {
        let Some((first, rest)) = parts.split_first() else {
            take(base, paths_max, into);
            return;
        };
        if let Part::Literal(name) = first {
            let path = base.join(name);
            if rest.is_empty() {
                let parent = path.parent().filter(|parent| may_be_directory(parent));
                into.directories.extend(parent.map(Path::to_owned));
            }
            self.walk(&path, rest, 0, looked_into, paths_max, into);
            return;
        }
        if let Part::AnyDepth = first {
            self.walk(base, rest, 0, looked_into, paths_max, into);
        }
        *looked_into += 1;
        if *looked_into > DIRECTORIES_MAX || depth > DEPTH_MAX {
            into.is_cut = true;
            return;
        }
        if may_be_directory(base) {
            into.directories.insert(base.to_owned());
        }
        let Ok(entries) = std::fs::read_dir(base) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            match first {
                // A link to a directory is not entered: it may lead back.
                Part::AnyDepth if entry.file_type().is_ok_and(|kind| kind.is_dir()) => {
                    self.walk(&entry.path(), parts, depth + 1, looked_into, paths_max, into);
                }
                Part::Wild(pattern) if matches(pattern, name.as_bytes()) => {
                    self.walk(&entry.path(), rest, 0, looked_into, paths_max, into);
                }
                _ => {}
            }
        }
    }

    /// Whether a path matches, without a look at the disk.
    pub(crate) fn covers(&self, path: &Path) -> bool {
        fn covers(parts: &[Part], names: &[&[u8]]) -> bool {
            let Some((first, rest)) = parts.split_first() else { return names.is_empty() };
            match first {
                Part::Literal(path) => {
                    let wanted = names_of(path);
                    names.starts_with(&wanted) && covers(rest, &names[wanted.len()..])
                }
                Part::Wild(pattern) => {
                    names.first().is_some_and(|name| matches(pattern, name))
                        && covers(rest, &names[1..])
                }
                Part::AnyDepth => {
                    covers(rest, names) || (!names.is_empty() && covers(parts, &names[1..]))
                }
            }
        }
        fn names_of(path: &Path) -> Vec<&[u8]> {
            path.components().map(|part| part.as_os_str().as_bytes()).collect()
        }
        covers(&self.parts, &names_of(path))
    }
}

/// It is one, or nothing yet.
fn may_be_directory(path: &Path) -> bool {
    std::fs::metadata(path)
        .map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |found| found.is_dir())
}

fn take(path: &Path, paths_max: usize, into: &mut Expansion) {
    let is_directory = match std::fs::metadata(path) {
        Ok(found) => found.is_dir(),
        Err(_) => return,
    };
    if is_directory {
        return;
    }
    if into.paths.len() >= paths_max && !into.paths.contains(path) {
        into.is_cut = true;
        return;
    }
    into.paths.insert(path.to_owned());
}

/// Go's `filepath.Match` of one name; a pattern that is wrong matches nothing.
pub(crate) fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on when what follows the last star does not fit: one character further on.
    let mut retry: Option<(usize, usize)> = None;
    let (mut at, mut pos) = (0, 0);
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            retry = Some((at, pos));
            continue;
        }
        if at == pattern.len() && pos == name.len() {
            return true;
        }
        match step(&pattern[at..], &name[pos..]) {
            Some((taken, eaten)) => {
                at += taken;
                pos += eaten;
            }
            None => {
                let Some((after_star, from)) = retry else { return false };
                if from >= name.len() {
                    return false;
                }
                let next = from + rune(&name[from..]).1;
                retry = Some((after_star, next));
                (at, pos) = (after_star, next);
            }
        }
    }
}

/// Matches one element of the pattern that is no star: how much of both was used.
fn step(pattern: &[u8], name: &[u8]) -> Option<(usize, usize)> {
    if name.is_empty() {
        return None;
    }
    let (character, width) = rune(name);
    match pattern.first()? {
        b'?' => Some((1, width)),
        b'[' => class(pattern, character).map(|taken| (taken, width)),
        b'\\' => (*pattern.get(1)? == name[0]).then_some((2, 1)),
        byte => (*byte == name[0]).then_some((1, 1)),
    }
}

/// The length of the class at the start of the pattern, if the character is in it.
fn class(pattern: &[u8], character: char) -> Option<usize> {
    let mut at = 1;
    let is_negated = pattern.get(at) == Some(&b'^');
    at += usize::from(is_negated);
    let (mut is_in, mut is_empty) = (false, true);
    loop {
        if *pattern.get(at)? == b']' && !is_empty {
            return (is_in != is_negated).then_some(at + 1);
        }
        is_empty = false;
        let low = bound(pattern, &mut at)?;
        let mut high = low;
        if pattern.get(at) == Some(&b'-') {
            at += 1;
            high = bound(pattern, &mut at)?;
        }
        is_in |= (low..=high).contains(&character);
    }
}

fn bound(pattern: &[u8], at: &mut usize) -> Option<char> {
    let first = *pattern.get(*at)?;
    if first == b'-' || first == b']' {
        return None;
    }
    *at += usize::from(first == b'\\');
    let rest = pattern.get(*at..).filter(|rest| !rest.is_empty())?;
    let (character, width) = rune(rest);
    *at += width;
    Some(character)
}

/// The first character and its bytes; an invalid byte is one character.
fn rune(bytes: &[u8]) -> (char, usize) {
    let valid = OsStr::from_bytes(&bytes[..bytes.len().min(4)]).as_bytes().utf8_chunks().next();
    match valid.and_then(|chunk| chunk.valid().chars().next()) {
        Some(character) => (character, character.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Expansion, Pattern, matches};
    use std::path::Path;

    #[test]
    fn names_match_as_in_go() {
        let check = |pattern: &str, name: &str, wanted: bool| {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), wanted, "{pattern} {name}");
        };
        check("abc", "abc", true);
        check("*", "", true);
        check("*c", "abc", true);
        check("a*", "ab", true);
        check("a*b*c", "axxbyybzc", true);
        check("a*b?c*x", "abxbbxdbxebxczzx", true);
        check("a*b?c*x", "abxbbxdbxebxczzy", false);
        check("ab[c]", "abc", true);
        check("ab[b-d]", "abc", true);
        check("ab[e-g]", "abc", false);
        check("ab[^c]", "abc", false);
        check("ab[^b-d]", "abe", true);
        check("a\\*b", "a*b", true);
        check("a\\*b", "ab", false);
        check("a?b", "aéb", true);
        check("a[^a]b", "aéb", true);
        check("[]a]", "]", false);
        check("[-]", "-", false);
        check("[x-]", "x", false);
        check("[", "a", false);
        check("[a-é]x", "éx", true);
        check("*.log", ".log", true);
        check("a*a*a*a*a*a*a*a*b", &"a".repeat(200), false);
    }

    #[test]
    fn two_stars_stand_for_any_directories() {
        let check = |pattern: &str, path: &str, wanted: bool| {
            let covers = Pattern::new(Path::new(pattern)).covers(Path::new(path));
            assert_eq!(covers, wanted, "{pattern} {path}");
        };
        check("/var/log/**/*.log", "/var/log/a.log", true);
        check("/var/log/**/*.log", "/var/log/x/y/a.log", true);
        check("/var/log/**/*.log", "/var/lib/a.log", false);
        check("/var/log/**", "/var/log/a/b", true);
        check("/var/*/x.log", "/var/a/b/x.log", false);
        check("/a/**/b/**/c", "/a/b/c", true);
        check("/a/**/b/**/c", "/a/x/b/y/z/c", true);
    }

    #[test]
    fn a_pattern_gives_files_and_the_directories_to_watch() {
        let root = tempfile::tempdir().unwrap();
        for path in ["a.log", "b.txt", "d/a.log", "d/e/f.log", "d/e/.h.log"] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(root.path(), root.path().join("d/loop")).unwrap();
        let check = |pattern: &str, paths: &[&str], directories: &[&str]| {
            let mut got = Expansion::default();
            Pattern::new(&root.path().join(pattern)).expand(100, &mut got);
            let under = |path: &&str| root.path().join(path);
            assert_eq!(Vec::from_iter(got.paths), Vec::from_iter(paths.iter().map(under)));
            let got: Vec<_> = got.directories.into_iter().collect();
            let wanted = directories
                .iter()
                .map(|path| if path.is_empty() { root.path().to_owned() } else { under(path) });
            assert_eq!(got, wanted.collect::<Vec<_>>(), "{pattern}");
        };
        check("*.log", &["a.log"], &[""]);
        check("**/*.log", &["a.log", "d/a.log", "d/e/.h.log", "d/e/f.log"], &["", "d", "d/e"]);
        check("d/*/f.log", &["d/e/f.log"], &["d", "d/e", "d/loop"]);
        check("b.txt", &["b.txt"], &[""]);
        check("none", &[], &[""]);
        check("nowhere/*.log", &[], &["nowhere"]);
        let mut got = Expansion::default();
        Pattern::new(&root.path().join("**/*.log")).expand(2, &mut got);
        assert!(got.is_cut && got.paths.len() == 2);
    }
}
