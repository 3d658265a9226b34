//! What btrfs says of its devices to `ioctl(2)`, which no safe wrapper offers. `linux/btrfs.h`.
#![expect(unsafe_code, reason = "one system call with one array of integers that it fills")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::ioctl::Direction;

/// A mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// Its UUID.
    pub(crate) id: [u8; 16],
    /// Its devices.
    pub(crate) devices: Vec<Device>,
}

/// A device of a file system. Sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// Where it was found: `/dev/sda`; empty if it is missing.
    pub(crate) path: String,
    /// Its UUID.
    pub(crate) uuid: [u8; 16],
    /// What is allocated of it.
    pub(crate) used: u64,
    /// Its size.
    pub(crate) size: u64,
    /// Errors in the order of [`ERROR_KINDS`], since somebody set them to zero.
    pub(crate) errors: [u64; ERROR_KINDS.len()],
}

/// `enum btrfs_dev_stat_values`.
pub(crate) const ERROR_KINDS: [&str; 5] = ["write", "read", "flush", "corruption", "generation"];

/// Numbers of devices grow with each replacement; a file system with higher ones shows the first.
const DEVICE_NUMBER_MAX: u64 = 4096;

/// `f_type` of btrfs. `linux/magic.h`.
const SUPER_MAGIC: u32 = 0x9123_683e;

/// `BTRFS_IOCTL_MAGIC`.
const GROUP: u8 = 0x94;

/// `struct btrfs_ioctl_fs_info_args`: highest number, count of devices, UUID, and more.
type FsInfo = [u64; 128];
const FS_INFO: u8 = 31;

/// `struct btrfs_ioctl_dev_info_args`: number, UUID, used, size, room, path.
type DevInfo = [u64; 512];
const DEV_INFO: u8 = 30;
const PATH_AT: usize = 384;

/// `struct btrfs_ioctl_get_dev_stats`: number, count of counters, flags, counters, room.
type DevStats = [u64; 129];
const GET_DEV_STATS: u8 = 52;
const COUNTERS_AT: usize = 3;

/// Asks the file system mounted at a directory; blocks if its devices do.
pub(crate) fn ask(mount_point: &Path) -> io::Result<FileSystem> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = File::from(rustix::fs::openat(CWD, mount_point, flags, Mode::empty())?);
    // The field is wider or narrower, with or without a sign, on other machines.
    if rustix::fs::fstatfs(&directory)?.f_type as u32 != SUPER_MAGIC {
        return Err(io::Error::other("not a btrfs file system"));
    }
    let mut info: FsInfo = [0; 128];
    call(&directory, Direction::Read, FS_INFO, &mut info)?;
    let [number_max, count, id @ ..] = &info;
    let mut devices = Vec::new();
    for number in 0..=*number_max.min(&DEVICE_NUMBER_MAX) {
        match device(&directory, number) {
            Ok(device) => devices.push(device),
            // The numbers have gaps.
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => continue,
            Err(error) => return Err(error),
        }
        if devices.len() as u64 == *count {
            break;
        }
    }
    Ok(FileSystem { id: uuid(id), devices })
}

fn device(directory: &File, number: u64) -> io::Result<Device> {
    let mut info: DevInfo = [0; 512];
    info[0] = number;
    call(directory, Direction::ReadWrite, DEV_INFO, &mut info)?;
    let mut stats: DevStats = [0; 129];
    stats[0] = number;
    stats[1] = ERROR_KINDS.len() as u64;
    call(directory, Direction::ReadWrite, GET_DEV_STATS, &mut stats)?;
    Ok(decode(&info, &stats))
}

fn decode(info: &DevInfo, stats: &DevStats) -> Device {
    let [_, id_and_more @ ..] = info;
    let bytes = info[PATH_AT..].iter().flat_map(|word| word.to_ne_bytes());
    let path: Vec<u8> = bytes.take_while(|&byte| byte != 0).collect();
    let mut errors = [0; ERROR_KINDS.len()];
    errors.copy_from_slice(&stats[COUNTERS_AT..][..ERROR_KINDS.len()]);
    Device {
        path: String::from_utf8_lossy(&path).into_owned(),
        uuid: uuid(id_and_more),
        used: info[3],
        size: info[4],
        errors,
    }
}

/// The UUID at the beginning.
fn uuid(words: &[u64]) -> [u8; 16] {
    let mut uuid = [0; 16];
    for (place, byte) in uuid.iter_mut().zip(words.iter().flat_map(|word| word.to_ne_bytes())) {
        *place = byte;
    }
    uuid
}

fn call<const WORDS: usize>(
    directory: &File,
    direction: Direction,
    number: u8,
    arguments: &mut [u64; WORDS],
) -> io::Result<()> {
    let length = size_of_val(arguments);
    let code = rustix::ioctl::opcode::from_components(direction, GROUP, number, length);
    // SAFETY: the descriptor is open and of btrfs, which reads and writes as many bytes as the code
    // says: those of the exclusively borrowed array. Any bits are valid integers.
    let result =
        unsafe { libc::ioctl(directory.as_raw_fd(), code as libc::Ioctl, arguments.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_header() {
        fn check(direction: Direction, number: u8, length: usize, expected: u32) {
            let code = rustix::ioctl::opcode::from_components(direction, GROUP, number, length);
            assert_eq!(u64::from(code as u32), u64::from(expected));
        }
        // As `strace` shows them on x86-64 and arm64.
        if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            check(Direction::Read, FS_INFO, size_of::<FsInfo>(), 0x8400_941f);
            check(Direction::ReadWrite, DEV_INFO, size_of::<DevInfo>(), 0xd000_941e);
            check(Direction::ReadWrite, GET_DEV_STATS, size_of::<DevStats>(), 0xc408_9434);
        }
    }

    #[test]
    fn a_device_is_decoded_from_its_places() {
        let mut info: DevInfo = [0; 512];
        info[..5].copy_from_slice(&[1, u64::from_ne_bytes(*b"01234567"), 0, 40, 100]);
        info[2] = u64::from_ne_bytes(*b"89abcdef");
        info[PATH_AT] = u64::from_ne_bytes(*b"/dev/vdc");
        info[PATH_AT + 1] = u64::from_ne_bytes(*b"1\0\0\0\0\0\0x");
        let mut stats: DevStats = [0; 129];
        stats[..9].copy_from_slice(&[1, 5, 0, 11, 12, 13, 14, 15, 16]);
        let expected = Device {
            path: "/dev/vdc1".to_owned(),
            uuid: *b"0123456789abcdef",
            used: 40,
            size: 100,
            errors: [11, 12, 13, 14, 15],
        };
        assert_eq!(decode(&info, &stats), expected);
    }

    #[test]
    fn only_directories_of_btrfs_are_asked() {
        fn check(path: &str) {
            assert!(ask(Path::new(path)).is_err());
        }
        check("/proc");
        check("/proc/self/stat");
        check("/none");
    }
}
