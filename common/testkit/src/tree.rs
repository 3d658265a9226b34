//! A temporary folder with files in it.

use std::path::{Path, PathBuf};

/// A folder that goes when the value goes.
#[derive(Debug)]
pub struct Tree(tempfile::TempDir);

impl Tree {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Tree {
        Tree(tempfile::tempdir().unwrap_or_else(|e| panic!("temporary folder: {e}")))
    }

    /// The folder with these files: (relative path, content).
    #[must_use]
    pub fn with(files: &[(&str, &str)]) -> Tree {
        let tree = Tree::new();
        for (path, content) in files {
            tree.write(path, content);
        }
        tree
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The full path of something in it.
    #[must_use]
    pub fn join(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// Writes a file, and the folders above it where they are missing.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        }
        std::fs::write(&path, content).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        path
    }
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}
