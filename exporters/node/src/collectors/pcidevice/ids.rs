//! Names of PCI devices: the file `pci.ids` of the PCI ID project.

use crate::parse::{hex, lines, text, words};

/// The numbers of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ids {
    /// Class, subclass and programming interface, eight bits each.
    pub(super) class: u32,
    pub(super) vendor: u32,
    pub(super) device: u32,
    pub(super) subsystem_vendor: u32,
    pub(super) subsystem_device: u32,
}

/// The names of a device; its numbers where there is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) vendor: String,
    pub(super) device: String,
    pub(super) subsystem_vendor: String,
    pub(super) subsystem_device: String,
    pub(super) class: String,
}

impl Names {
    /// The numbers in place of the names.
    pub(super) fn numbers(ids: Ids) -> Names {
        Names {
            vendor: format!("{:04x}", ids.vendor),
            device: format!("{:04x}", ids.device),
            subsystem_vendor: format!("{:04x}", ids.subsystem_vendor),
            subsystem_device: format!("{:04x}", ids.subsystem_device),
            class: format!("Unknown class ({:06x})", ids.class),
        }
    }
}

/// Which section of the file a line belongs to.
#[derive(Clone, Copy)]
enum Section {
    Nothing,
    /// A vendor with its number, and the last device of it.
    Vendor(u32, Option<u32>),
    /// A class with its number, and the last subclass of it.
    Class(u32, Option<u32>),
}

/// Number and name, between which there are two blanks.
fn entry(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.windows(2).position(|two| two == b"  ")?;
    Some((line[..at].trim_ascii(), line[at..].trim_ascii()))
}

fn number(word: &[u8]) -> Option<u32> {
    hex(word)?.try_into().ok()
}

/// Fills in the names of the devices that are wanted, in one walk through the file.
pub(super) fn resolve(file: &[u8], wanted: &mut [(Ids, Names)]) {
    let mut section = Section::Nothing;
    for (_, line) in lines(file) {
        if line.starts_with(b"#") {
            continue;
        }
        let depth = line.iter().take_while(|&&byte| byte == b'\t').count();
        // Lines that are not understood belong to nothing and change nothing.
        let Some((id, name)) = entry(&line[depth..]) else { continue };
        match depth {
            0 => section = first_level(id, name, wanted),
            1 => section = second_level(section, id, name, wanted),
            2 => third_level(section, id, name, wanted),
            _ => {}
        }
    }
}

/// Gives a name to all devices that it is meant for.
fn name_all(
    wanted: &mut [(Ids, Names)],
    name: &[u8],
    is_meant: impl Fn(&Ids) -> bool,
    field: impl Fn(&mut Names) -> &mut String,
) {
    for (_, names) in wanted.iter_mut().filter(|(ids, _)| is_meant(ids)) {
        *field(names) = text(name).into_owned();
    }
}

/// A vendor (`8086  Intel Corporation`) or a class (`C 02  Network controller`).
fn first_level(id: &[u8], name: &[u8], wanted: &mut [(Ids, Names)]) -> Section {
    if let Some(class) = id.strip_prefix(b"C ") {
        let Some(class) = number(class) else { return Section::Nothing };
        name_all(wanted, name, |ids| ids.class >> 16 == class, |names| &mut names.class);
        return Section::Class(class, None);
    }
    let Some(vendor) = number(id) else { return Section::Nothing };
    name_all(wanted, name, |ids| ids.vendor == vendor, |names| &mut names.vendor);
    let of_subsystem = |ids: &Ids| ids.subsystem_vendor == vendor;
    name_all(wanted, name, of_subsystem, |names| &mut names.subsystem_vendor);
    Section::Vendor(vendor, None)
}

/// A device of a vendor, or a subclass.
fn second_level(section: Section, id: &[u8], name: &[u8], wanted: &mut [(Ids, Names)]) -> Section {
    match (section, number(id)) {
        (Section::Vendor(vendor, _), Some(device)) => {
            let is_meant = |ids: &Ids| (ids.vendor, ids.device) == (vendor, device);
            name_all(wanted, name, is_meant, |names| &mut names.device);
            Section::Vendor(vendor, Some(device))
        }
        (Section::Class(class, _), Some(subclass)) => {
            let full = class << 8 | subclass;
            name_all(wanted, name, |ids| ids.class >> 8 == full, |names| &mut names.class);
            Section::Class(class, Some(subclass))
        }
        _ => section,
    }
}

/// A subsystem of a device (`1af4 1100  QEMU`), or a programming interface of a subclass.
fn third_level(section: Section, id: &[u8], name: &[u8], wanted: &mut [(Ids, Names)]) {
    match section {
        Section::Vendor(vendor, Some(device)) => {
            let mut words = words(id).map(number);
            let (Some(Some(of)), Some(Some(which))) = (words.next(), words.next()) else { return };
            let is_meant = |ids: &Ids| {
                (ids.vendor, ids.device) == (vendor, device)
                    && (ids.subsystem_vendor, ids.subsystem_device) == (of, which)
            };
            name_all(wanted, name, is_meant, |names| &mut names.subsystem_device);
        }
        Section::Class(class, Some(subclass)) => {
            let Some(interface) = number(id) else { return };
            let full = class << 16 | subclass << 8 | interface;
            name_all(wanted, name, |ids| ids.class == full, |names| &mut names.class);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Vendors\n\
        1af4  Red Hat, Inc.\n\
        \t1041  Virtio network\n\
        \t\t1af4 1100  QEMU\n\
        broken\n\
        8086  Intel  Corporation\n\
        \t1041  Not this one\n\
        \t\t1af4 1100  Nor this\n\
        C 02  Network controller\n\
        \t00  Ethernet controller\n\
        \t\t01  Fast one\n";

    #[test]
    fn names_are_found_and_numbers_stand_for_those_that_are_not() {
        fn check(ids: [u32; 5], expected: [&str; 5]) {
            let [class, vendor, device, subsystem_vendor, subsystem_device] = ids;
            let ids = Ids { class, vendor, device, subsystem_vendor, subsystem_device };
            let mut wanted = [(Ids::default(), Names::numbers(ids)), (ids, Names::numbers(ids))];
            resolve(FILE.as_bytes(), &mut wanted);
            let [(_, unknown), (_, names)] = wanted;
            assert_eq!(unknown, Names::numbers(ids));
            let found = [
                names.class,
                names.vendor,
                names.device,
                names.subsystem_vendor,
                names.subsystem_device,
            ];
            assert_eq!(found, expected);
        }
        check(
            [0x020001, 0x1af4, 0x1041, 0x1af4, 0x1100],
            ["Fast one", "Red Hat, Inc.", "Virtio network", "Red Hat, Inc.", "QEMU"],
        );
        check(
            [0x020002, 0x8086, 0x1041, 0x1af4, 0x1101],
            ["Ethernet controller", "Intel  Corporation", "Not this one", "Red Hat, Inc.", "1101"],
        );
        check(
            [0x028000, 0x8086, 0x1042, 0x10de, 0],
            ["Network controller", "Intel  Corporation", "1042", "10de", "0000"],
        );
        check(
            [0xff0000, 0xc0a9, 0x1041, 0, 0],
            ["Unknown class (ff0000)", "c0a9", "1041", "0000", "0000"],
        );
    }
}
