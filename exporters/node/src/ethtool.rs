//! Settings, driver and statistics of network devices: the requests of `ioctl(SIOCETHTOOL)`, which
//! no safe wrapper offers. `linux/ethtool.h`.
#![expect(unsafe_code, reason = "one system call with a structure and a buffer that it fills")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::netlink::{u32_at, u64_at};

const GET_SETTINGS: u32 = 0x01;
const GET_DRIVER: u32 = 0x03;
const GET_STRINGS: u32 = 0x1b;
const GET_STATISTICS: u32 = 0x1d;
const GET_LINK_SETTINGS: u32 = 0x4c;

/// The most statistics that a device may have; real ones have up to some thousands.
const STATISTICS_MAX: usize = 16_384;

/// Twice what is asked for: the kernel writes as much as the device has then, and devices get new
/// queues while they run.
const BUFFER_BYTES: usize = 2 * (12 + STATISTICS_MAX * STRING_BYTES);
const STRING_BYTES: usize = 32;

/// What a device supports and advertises, as bits of `enum ethtool_link_mode_bit_indices`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LinkSettings {
    /// What it could do.
    pub(crate) supported: u128,
    /// What it offers to its peer.
    pub(crate) advertised: u128,
    /// Whether it negotiates.
    pub(crate) autonegotiates: bool,
}

/// `struct ethtool_drvinfo`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Driver {
    /// Name of the driver.
    pub(crate) name: String,
    /// Version of the driver, or of the kernel.
    pub(crate) version: String,
    /// Version of the firmware.
    pub(crate) firmware: String,
    /// Where the device is plugged in.
    pub(crate) bus: String,
    /// Version of the expansion ROM.
    pub(crate) expansion_rom: String,
    statistics: usize,
}

/// A socket through which devices are asked.
pub(crate) struct Ethtool {
    socket: OwnedFd,
    /// Fresh pages of it cost nothing until the kernel fills them.
    buffer: Vec<u8>,
}

impl Ethtool {
    /// Opens the socket.
    pub(crate) fn open() -> io::Result<Ethtool> {
        let (family, kind) = (AddressFamily::INET, SocketType::DGRAM);
        let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        Ok(Ethtool { socket, buffer: vec![0; BUFFER_BYTES] })
    }

    /// Supported and advertised link modes.
    pub(crate) fn link_settings(&mut self, device: &str) -> io::Result<LinkSettings> {
        // The kernel first answers how many words its masks have, as a negative number.
        let words = match self.request(device, &[GET_LINK_SETTINGS]) {
            Ok(answer) => answer.get(15).map_or(0, |words| words.cast_signed()),
            Err(_) => 0,
        };
        if words >= 0 {
            // Kernels before 4.6 know the old request only.
            return Ok(settings(self.request(device, &[GET_SETTINGS])?));
        }
        let words = words.unsigned_abs();
        let shape = u32::from_ne_bytes([0, 0, 0, words]);
        let answer = self.request(device, &[GET_LINK_SETTINGS, 0, 0, shape])?;
        Ok(link_settings(answer, usize::from(words)))
    }

    /// The driver and its versions.
    pub(crate) fn driver(&mut self, device: &str) -> io::Result<Driver> {
        Ok(driver(self.request(device, &[GET_DRIVER])?))
    }

    /// Name and value of each statistic, in the order of the driver.
    pub(crate) fn statistics(&mut self, device: &str) -> io::Result<Vec<(String, u64)>> {
        const OF_STATISTICS: u32 = 1;
        let count = self.driver(device)?.statistics;
        if count > STATISTICS_MAX {
            let problem = format!("{count} statistics, more than {STATISTICS_MAX}");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        let wanted = count as u32;
        let answer = self.request(device, &[GET_STRINGS, OF_STATISTICS, wanted])?;
        let names = strings(answer, count);
        let answer = self.request(device, &[GET_STATISTICS, wanted])?;
        Ok(values(answer, names))
    }

    /// Asks with the words of `question` and gives the buffer that the kernel filled.
    fn request(&mut self, device: &str, question: &[u32]) -> io::Result<&[u8]> {
        const EMPTY_BYTES: usize = 512;
        // What the fixed structures do not fill is zero.
        self.buffer[..EMPTY_BYTES].fill(0);
        for (to, word) in self.buffer.as_chunks_mut::<4>().0.iter_mut().zip(question) {
            *to = word.to_ne_bytes();
        }
        // SAFETY: all bits zero are a valid `ifreq`: it consists of integers and pointers.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        let name = device.as_bytes();
        // The last byte stays zero.
        if name.len() >= request.ifr_name.len() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (to, byte) in request.ifr_name.iter_mut().zip(name) {
            *to = byte.cast_signed() as libc::c_char;
        }
        request.ifr_ifru.ifru_data = self.buffer.as_mut_ptr().cast();
        // SAFETY: the structure is live and its pointer is to a buffer that is exclusively borrowed
        // and twice as long as the longest answer that is asked for; the kernel keeps neither.
        let outcome =
            unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
        if outcome < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(&self.buffer)
    }
}

/// `struct ethtool_cmd`, whose masks have 32 bits.
fn settings(answer: &[u8]) -> LinkSettings {
    LinkSettings {
        supported: u32_at(answer, 4).unwrap_or(0).into(),
        advertised: u32_at(answer, 8).unwrap_or(0).into(),
        autonegotiates: answer.get(18).is_some_and(|&auto| auto != 0),
    }
}

/// `struct ethtool_link_settings`, behind which three masks stand.
fn link_settings(answer: &[u8], words: usize) -> LinkSettings {
    const FIXED_BYTES: usize = 48;
    let mask = |number: usize| {
        let word = |i: usize| u32_at(answer, FIXED_BYTES + 4 * (number * words + i)).unwrap_or(0);
        (0..words.min(4)).fold(0u128, |mask, i| mask | u128::from(word(i)) << (32 * i))
    };
    LinkSettings {
        supported: mask(0),
        advertised: mask(1),
        autonegotiates: answer.get(11).is_some_and(|&auto| auto != 0),
    }
}

fn driver(answer: &[u8]) -> Driver {
    let text = |at| answer.get(at..at + STRING_BYTES).map(text).unwrap_or_default();
    Driver {
        name: text(4),
        version: text(36),
        firmware: text(68),
        bus: text(100),
        expansion_rom: text(132),
        statistics: u32_at(answer, 180).unwrap_or(0) as usize,
    }
}

/// `struct ethtool_gstrings`.
fn strings(answer: &[u8], count: usize) -> Vec<String> {
    let all = answer.get(12..).unwrap_or_default();
    all.as_chunks::<STRING_BYTES>().0.iter().take(count).map(|name| text(name)).collect()
}

/// `struct ethtool_stats`; statistics without a name are left out.
fn values(answer: &[u8], names: Vec<String>) -> Vec<(String, u64)> {
    let pairs = names.into_iter().enumerate().filter(|(_, name)| !name.is_empty());
    pairs.filter_map(|(i, name)| Some((name, u64_at(answer, 8 + 8 * i)?))).collect()
}

/// The bytes before the first zero.
fn text(bytes: &[u8]) -> String {
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    crate::parse::text(&bytes[..length]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read_from_the_old_and_the_new_structure() {
        let words = |all: &[u32]| -> Vec<u8> { all.iter().flat_map(|w| w.to_ne_bytes()).collect() };
        let mut old = words(&[1, 0x6f, 0x2f, 0, 0]);
        old[18] = 1;
        let expected = LinkSettings { supported: 0x6f, advertised: 0x2f, autonegotiates: true };
        assert_eq!(settings(&old), expected);
        let mut new = words(&[0x4c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x6f, 1 << 15, 0x2f, 2]);
        new[11] = 1;
        let (supported, advertised) = (0x6f | 1 << 47, 0x2f | 1 << 33);
        let expected = LinkSettings { supported, advertised, autonegotiates: true };
        assert_eq!(link_settings(&new, 2), expected);
        assert_eq!(link_settings(&[], 2), LinkSettings::default());
    }

    #[test]
    fn names_and_values_come_in_two_answers() {
        let name = |name: &str| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(STRING_BYTES, 0);
            bytes
        };
        let long = "a".repeat(STRING_BYTES);
        let answer = [vec![0; 12], name("rx_packets"), name(""), name(&long)].concat();
        let names = strings(&answer, 3);
        assert_eq!(names, ["rx_packets", "", &long]);
        let answer = [1u64, 7, 8, 9].map(u64::to_ne_bytes).concat();
        assert_eq!(values(&answer, names), [("rx_packets".to_owned(), 7), (long, 9)]);
    }

    #[test]
    fn a_device_that_does_not_exist_is_an_error() {
        let mut ethtool = Ethtool::open().unwrap();
        assert!(ethtool.driver("no-such-device-at-all").is_err());
        assert!(ethtool.link_settings("no-such-device").is_err());
    }
}
