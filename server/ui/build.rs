//! Packs `dist/` into the program: every file compressed once, named in one static table.
//!
//! The built page is committed, so that cargo needs neither Node nor a network.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env("CARGO_MANIFEST_DIR")?).join("dist");
    let out = PathBuf::from(env("OUT_DIR")?);
    println!("cargo::rerun-if-changed=dist");

    let mut names = Vec::new();
    walk(&root, "", &mut names)?;
    names.sort();
    let mut table = format!("static ASSETS: [Asset; {}] = [\n", names.len());
    for (number, name) in names.iter().enumerate() {
        let raw = fs::read(root.join(name))?;
        let packed = out.join(format!("{number}.gz"));
        fs::write(&packed, gzip(&raw)?)?;
        let (etag, packed) = (fnv1a(&raw), packed.display().to_string());
        let _ = writeln!(
            table,
            "    Asset {{ name: {name:?}, etag: \"\\\"{etag:016x}\\\"\", gzip: include_bytes!({packed:?}) }},"
        );
    }
    table.push_str("];\n");
    fs::write(out.join("assets.rs"), table)
}

fn env(name: &str) -> io::Result<String> {
    std::env::var(name).map_err(|e| io::Error::other(format!("{name}: {e}")))
}

/// Collects the files below `dir` as paths with slashes, relative to `root`.
fn walk(root: &Path, dir: &str, names: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(dir))? {
        let entry = entry?;
        let name = entry.file_name();
        let name =
            name.to_str().ok_or_else(|| io::Error::other(format!("{name:?} is not UTF-8")))?;
        let path = if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
        if entry.file_type()?.is_dir() {
            walk(root, &path, names)?;
        } else {
            names.push(path);
        }
    }
    Ok(())
}

fn gzip(raw: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(raw)?;
    encoder.finish()
}

/// FNV-1a: tells two builds of a file apart; nobody gains by a collision of his own page.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
