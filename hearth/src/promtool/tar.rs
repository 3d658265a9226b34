//! Archives of a few small files in the format of `tar` (POSIX ustar).

const BLOCK_BYTES: usize = 512;
/// Where the checksum stands; it counts as spaces in itself.
const CHECKSUM: std::ops::Range<usize> = 148..156;
/// Two empty blocks end an archive.
const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// An archive in memory. Its files may be read and written by all, belong to root and are of 1970:
/// nothing in it tells where it was made.
#[derive(Default)]
pub(super) struct Archive {
    bytes: Vec<u8>,
}

impl Archive {
    /// Appends a file; names have at most 100 bytes.
    pub(super) fn add(&mut self, name: &str, content: &[u8]) {
        let mut header = [0; BLOCK_BYTES];
        let mut put = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, &name[..name.len().min(100)]);
        // Owner, group and the two numbers of a device.
        for at in [108, 116, 329, 337] {
            put(at, "0000000");
        }
        put(100, "0000666");
        put(124, &format!("{:011o}", content.len()));
        put(136, "00000000000");
        put(CHECKSUM.start, "        ");
        put(156, "0");
        put(257, "ustar\0");
        put(263, "00");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        let sum = format!("{sum:06o}\0 ");
        header[CHECKSUM].copy_from_slice(sum.as_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK_BYTES), 0);
    }

    /// The whole archive.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&END);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_header_and_its_bytes_in_whole_blocks() {
        let mut archive = Archive::default();
        archive.add("a.txt", b"hello");
        archive.add("empty", b"");
        let bytes = archive.finish();
        assert_eq!(bytes.len(), 5 * BLOCK_BYTES);
        assert_eq!(&bytes[512..520], b"hello\0\0\0");
        assert_eq!(&bytes[..6], b"a.txt\0");
        assert_eq!(&bytes[124..136], b"00000000005\0");
        let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = bytes[CHECKSUM].iter().map(|byte| u32::from(*byte)).sum();
        let stored = u32::from_str_radix(std::str::from_utf8(&bytes[148..154]).unwrap(), 8);
        assert_eq!(stored, Ok(sum - own + 8 * 32));
    }
}
