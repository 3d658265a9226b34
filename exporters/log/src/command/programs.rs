//! Programs from files.

use std::io;
use std::path::{Path, PathBuf};

use crate::compile::{CompileOptions, compile};
use crate::lang::parser::PROGRAM_BYTES_MAX;
use crate::vm::Object;

/// The end of a program's file name.
const EXTENSION: &str = "mtail";

/// A program that was read, compiled or not.
pub(super) struct Source {
    /// Base name of the file.
    pub(super) name: String,
    pub(super) text: Vec<u8>,
}

/// Reads the programs of a folder, or one file; names in their order.
pub(super) fn read_all(path: &Path) -> io::Result<Vec<Source>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    if std::fs::metadata(path)?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if !entry.path().is_dir() {
                paths.push(entry.path());
            }
        }
        paths.sort();
    } else {
        paths.push(path.to_owned());
    }
    paths.retain(|path| is_program(path));
    paths.iter().map(|path| read(path)).collect()
}

fn is_program(path: &Path) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && path.extension().is_some_and(|extension| extension == EXTENSION)
}

fn read(path: &Path) -> io::Result<Source> {
    use std::io::Read as _;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut text = Vec::new();
    // One byte more than permitted, so that the compiler can say that there are too many.
    let limit = PROGRAM_BYTES_MAX as u64 + 1;
    std::fs::File::open(path)?.take(limit).read_to_end(&mut text)?;
    Ok(Source { name, text })
}

/// Compiles a program; the error is a text for stderr.
pub(super) fn build(
    source: &Source,
    options: CompileOptions,
    dump_code: bool,
) -> Result<Object, String> {
    let name = &source.name;
    let mut show = |title: &str, text: &str| tracing::info!("{name} {title}:\n{text}");
    let object = compile(&source.text, options, &mut show)
        .map_err(|complaints| format!("compile failed for {name}:\n{}", complaints.text(name)))?;
    if dump_code {
        show("program", &object.listing(name));
    }
    Ok(object)
}
