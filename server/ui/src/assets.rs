//! The files of the page: a static table that `build.rs` generates from `dist/`.

use std::io::{self, Read};

use flate2::read::GzDecoder;

/// Longest file that is unpacked for a client without gzip; bounds what one request can cost.
const UNPACKED_BYTES_MAX: u64 = 8 << 20;

/// One file of the built page.
pub(crate) struct Asset {
    /// Path below `dist/`, with slashes.
    pub(crate) name: &'static str,
    /// Entity tag with its quotes, of the unpacked bytes.
    pub(crate) etag: &'static str,
    /// The file, compressed.
    pub(crate) gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The file of this name; names are compared whole, so no path can leave the table.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    let at = ASSETS.binary_search_by(|asset| asset.name.cmp(name)).ok()?;
    ASSETS.get(at)
}

impl Asset {
    /// The file as it lay in `dist/`.
    pub(crate) fn unpacked(&self) -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        GzDecoder::new(self.gzip).take(UNPACKED_BYTES_MAX).read_to_end(&mut raw)?;
        Ok(raw)
    }

    /// Media type by the ending of the name.
    pub(crate) fn content_type(&self) -> &'static str {
        let ending = self.name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "svg" => "image/svg+xml",
            "md" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_unpacks_and_has_a_known_type() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.name));
        for asset in &ASSETS {
            let raw = asset.unpacked().unwrap();
            assert!(!raw.is_empty() && (raw.len() as u64) < UNPACKED_BYTES_MAX, "{}", asset.name);
            assert_ne!(asset.content_type(), "application/octet-stream", "{}", asset.name);
        }
    }

    #[test]
    fn only_whole_names_are_found() {
        assert!(find("index.html").is_some());
        for name in ["", "/index.html", "index", "../Cargo.toml", "assets/../index.html", "assets"]
        {
            assert!(find(name).is_none(), "{name}");
        }
    }
}
