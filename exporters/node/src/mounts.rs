//! The mount table: `/proc/PID/mountinfo`. `Documentation/filesystems/proc.rst`, section 3.5.

use std::path::Path;

use crate::parse::{ParseError, lines, text, words};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// What is mounted: a device, a server's export, a word.
    pub(crate) device: String,
    /// Number of the device.
    pub(crate) major: String,
    /// Number of the device.
    pub(crate) minor: String,
    /// Where it is mounted.
    pub(crate) point: String,
    /// Type of the file system.
    pub(crate) fstype: String,
    /// Whether the mount or the file system below it is read-only.
    pub(crate) is_read_only: bool,
}

impl Mount {
    /// Removes the path of the host's root from the mount point.
    pub(crate) fn strip_root(&mut self, root: &Path) {
        let Some(root) = root.to_str().map(|root| root.trim_end_matches('/')) else { return };
        if root.is_empty() {
            return;
        }
        if let Some(rest) = self.point.strip_prefix(root) {
            self.point = if rest.is_empty() { "/".to_owned() } else { rest.to_owned() };
        }
    }
}

/// The mounts in the order of the table.
pub(crate) fn parse(table: &[u8]) -> Result<Vec<Mount>, ParseError> {
    lines(table).map(|(number, line)| parse_line(number, line)).collect()
}

fn parse_line(number: usize, line: &[u8]) -> Result<Mount, ParseError> {
    let wrong = |expected| ParseError::new(number, expected, line);
    let mut words = words(line).skip(2);
    let mut next = |expected| words.next().ok_or_else(|| wrong(expected));
    let device_numbers = next("major:minor")?;
    next("the root of the mount")?;
    let point = next("a mount point")?;
    let options = next("mount options")?;
    while next("a dash")? != b"-" {}
    let fstype = next("a file system type")?;
    let device = next("a device")?;
    // Some file systems have an empty list.
    let super_options = words.next().unwrap_or_default();
    let colon = device_numbers.iter().position(|&byte| byte == b':');
    let (major, minor) = device_numbers.split_at(colon.ok_or_else(|| wrong("major:minor"))?);
    let has = |list: &[u8], option: &[u8]| list.split(|&byte| byte == b',').any(|o| o == option);
    Ok(Mount {
        device: text(device).into_owned(),
        major: text(major).into_owned(),
        minor: text(&minor[1..]).into_owned(),
        point: text(point).replace("\\040", " ").replace("\\011", "\t"),
        fstype: text(fstype).into_owned(),
        is_read_only: has(options, b"ro")
            || has(super_options, b"ro")
            || has(super_options, b"emergency_ro"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_end_with_a_dash() {
        fn check(line: &str, expected: Result<[&str; 5], &str>, is_read_only: bool) {
            let found = parse(line.as_bytes()).map_err(|error| error.to_string());
            let expected = expected.map(|[device, major, minor, point, fstype]| {
                vec![Mount {
                    device: device.into(),
                    major: major.into(),
                    minor: minor.into(),
                    point: point.into(),
                    fstype: fstype.into(),
                    is_read_only,
                }]
            });
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        let root = Ok(["/dev/vda", "254", "0", "/", "ext4"]);
        check("27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard", root, false);
        check("27 1 254:0 / / rw shared:1 master:2 - ext4 /dev/vda rw", root, false);
        check("27 1 254:0 / / ro,relatime - ext4 /dev/vda rw", root, true);
        check("27 1 254:0 / / rw - ext4 /dev/vda ro", root, true);
        check("27 1 254:0 / / rw - ext4 /dev/vda rw,emergency_ro", root, true);
        check("27 1 254:0 / / rw,errors=ro - ext4 /dev/vda", root, false);
        let nfs = Ok(["a:/b", "0", "60", "/mnt/my disk\t1\\134", "nfs4"]);
        check("9 1 0:60 / /mnt/my\\040disk\\0111\\134 rw - nfs4 a:/b rw", nfs, false);
        let line = "27 1 254:0 / / rw shared:1";
        check(line, Err(&format!("line 1: expected a dash, found {line:?}")), false);
        check("27 1 254", Err("line 1: expected the root of the mount, found \"27 1 254\""), false);
    }

    #[test]
    fn the_root_of_the_host_is_removed_from_mount_points() {
        fn check(root: &str, point: &str, expected: &str) {
            let line = format!("1 1 1:1 / {point} rw - ext4 /dev/vda rw");
            let mut mount = parse(line.as_bytes()).unwrap().remove(0);
            mount.strip_root(Path::new(root));
            assert_eq!(mount.point, expected);
        }
        check("/", "/home", "/home");
        check("/host", "/host", "/");
        check("/host", "/host/home", "/home");
        check("/host", "/home", "/home");
    }
}
