//! Memory that only the start needed, given back to the kernel, and one heap for all threads.
//!
//! The kernel maps a file's pages in groups and keeps them mapped for good, so that a daemon that
//! does little carries the parsers, checks and tables of its start as resident memory for the rest
//! of its life. Mappings of code and constants are clean copies of files: dropping them loses
//! nothing, and what is needed again is mapped again at its first use.
#![expect(
    unsafe_code,
    reason = "madvise takes addresses, of unwritten pages of files only; mallopt has no other form"
)]

use std::ops::Range;

/// Code is mapped in pieces of this size, because the kernel maps whatever lies within 64 KiB around
/// a page that is needed, as long as it is one mapping.
const PIECE_BYTES: usize = 8 << 10;

/// Most pieces of one mapping: the kernel keeps a record for each, and allows 65,530 of them.
const PIECES_MAX: usize = 4096;

/// One heap for all threads instead of one each: a small daemon's threads hardly ever allocate at the
/// same time, and what one of them frees serves the next. To be called before any thread is started;
/// where another allocator serves the program, nothing happens.
pub fn use_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: sets one number of the allocator; no other thread runs.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Longest `smaps` that is looked at; a program with as many mappings is not ours.
const SMAPS_BYTES_MAX: usize = 4 << 20;

/// Unmaps the clean pages of program files and the free end of the heap; to be called once, when
/// everything has been started. Returns how many bytes of files were given back. Where the kernel does not tell or refuses, nothing
/// happens.
pub fn release_start_up_pages() -> usize {
    #[cfg(target_env = "gnu")]
    // SAFETY: touches what the allocator itself holds as free.
    let _ = unsafe { libc::malloc_trim(0) };
    let Ok(smaps) = std::fs::read("/proc/self/smaps") else { return 0 };
    if smaps.len() > SMAPS_BYTES_MAX {
        return 0;
    }
    let mut released = 0;
    for (range, resident) in clean_file_pages(&String::from_utf8_lossy(&smaps)) {
        let (start, length) = (range.start as *mut libc::c_void, range.end - range.start);
        // SAFETY: the range is a private read-only mapping of a file, none of whose pages has ever
        // been written. Dropped pages are read from that file again, so that every address in it
        // keeps its content.
        if unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) } == 0 {
            released += resident;
        }
        split(&range);
    }
    released
}

/// Makes pieces of a mapping by giving every second one an advice that changes nothing else: pages
/// of files are not part of a core dump anyway.
fn split(range: &Range<usize>) {
    let pieces = range.clone().step_by(PIECE_BYTES).skip(1).step_by(2);
    for start in pieces.take(PIECES_MAX) {
        let length = PIECE_BYTES.min(range.end - start);
        // SAFETY: the advice touches no page.
        let _ = unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTDUMP) };
    }
}

/// The mappings of files that can neither be written nor hold pages of this process's own
/// (relocated tables do), with their resident bytes. proc(5), `smaps`.
fn clean_file_pages(smaps: &str) -> Vec<(Range<usize>, usize)> {
    let mut found = Vec::new();
    let mut mapping: Option<(Range<usize>, usize)> = None;
    for line in smaps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(first), second) = (words.next(), words.next()) else { continue };
        let Some(key) = first.strip_suffix(':') else {
            // A header: the one before is complete.
            found.extend(mapping.take());
            let is_file = words.nth(3).is_some_and(|path| path.starts_with('/'));
            let is_read_only = matches!(second, Some("r-xp" | "r--p"));
            mapping = if is_file && is_read_only { range(first).map(|r| (r, 0)) } else { None };
            continue;
        };
        let bytes = second.and_then(|kib| kib.parse::<usize>().ok()).map(|kib| kib << 10);
        match (key, bytes) {
            ("Rss", Some(bytes)) => mapping = mapping.map(|(range, _)| (range, bytes)),
            // "Dirty" says nothing: a file that was written lately is so in the page cache, too.
            ("Anonymous" | "Swap" | "Locked", Some(1..)) => mapping = None,
            _ => {}
        }
    }
    found.extend(mapping);
    found.retain(|(_, resident)| *resident > 0);
    found
}

/// `start-end` in hexadecimal.
fn range(text: &str) -> Option<Range<usize>> {
    let (start, end) = text.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let range = address(start)?..address(end)?;
    (!range.is_empty()).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_read_only_pages_of_files_are_chosen() {
        fn check(header: &str, counts: &str, expected: &[(Range<usize>, usize)]) {
            let smaps = format!("{header}\nSize: 99 kB\n{counts}VmFlags: rd mr\n");
            assert_eq!(clean_file_pages(&smaps), expected, "{smaps}");
        }
        const CODE: &str = "1000-3000 r-xp 00000000 fe:00 58 /usr/bin/hearth";
        const CLEAN: &str = "Rss: 8 kB\nPrivate_Dirty: 8 kB\nAnonymous: 0 kB\n";
        check(CODE, CLEAN, &[(0x1000..0x3000, 8192)]);
        check("1000-3000 r--p 00000000 fe:00 58 /usr/bin/hearth", CLEAN, &[(0x1000..0x3000, 8192)]);
        check("1000-3000 rw-p 00000000 fe:00 58 /usr/bin/hearth", CLEAN, &[]);
        check("1000-3000 r--s 00000000 fe:00 58 /usr/share/x", CLEAN, &[]);
        check("1000-3000 r-xp 00000000 00:00 0 [vdso]", CLEAN, &[]);
        check("1000-3000 r--p 00000000 00:00 0", CLEAN, &[]);
        check(CODE, "Rss: 8 kB\nAnonymous: 0 kB\nSwap: 4 kB\n", &[]);
        check(CODE, "Rss: 8 kB\nPrivate_Dirty: 0 kB\nAnonymous: 4 kB\n", &[]);
        check(CODE, "Rss: 0 kB\n", &[]);
        check("nonsense", CLEAN, &[]);
    }

    #[test]
    fn this_program_goes_on_without_the_pages_of_its_start() {
        assert!(release_start_up_pages() > 0);
        assert_eq!("still here".len(), 10);
    }
}
