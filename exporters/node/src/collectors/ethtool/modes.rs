//! Speeds, ports and other abilities of a network device. The bits are those of
//! `enum ethtool_link_mode_bit_indices` of `linux/ethtool.h`.

use common_instrument::{Family, Samples};

use crate::ethtool::LinkSettings;

const SUPPORTED_PORT: Family = Family::gauge(
    "node_network_supported_port_info",
    "Type of ports or PHYs supported by network device",
);
const AUTONEGOTIATE: Family =
    Family::gauge("node_network_autonegotiate", "If this port is using autonegotiate");
const SUPPORTED_SPEED: Family = Family::gauge(
    "node_network_supported_speed_bytes",
    "Combination of speeds and features supported by network device",
);
const ADVERTISED_SPEED: Family = Family::gauge(
    "node_network_advertised_speed_bytes",
    "Combination of speeds and features offered by network device",
);

/// Bit, and the families that say whether it is supported and advertised.
const ABILITIES: [(u32, Family, Family); 3] = [
    (
        6,
        Family::gauge(
            "node_network_autonegotiate_supported",
            "If this port device supports autonegotiate",
        ),
        Family::gauge(
            "node_network_autonegotiate_advertised",
            "If this port device offers autonegotiate",
        ),
    ),
    (
        13,
        Family::gauge("node_network_pause_supported", "If this port device supports pause frames"),
        Family::gauge(
            "node_network_pause_advertised",
            "If this port device offers pause capability",
        ),
    ),
    (
        14,
        Family::gauge(
            "node_network_asymmetricpause_supported",
            "If this port device supports asymmetric pause frames",
        ),
        Family::gauge(
            "node_network_asymmetricpause_advertised",
            "If this port device offers asymmetric pause capability",
        ),
    ),
];

const PORTS: [(u32, &str); 6] =
    [(7, "TP"), (8, "AUI"), (9, "MII"), (10, "FIBRE"), (11, "BNC"), (16, "Backplane")];

/// Half duplex; all others are full duplex: 10baseT, 100baseT, 1000baseT and 100baseFX.
const HALF: [u32; 4] = [0, 2, 4, 90];

/// Bit, speed in Mbit/s and kind of medium.
#[rustfmt::skip]
const SPEEDS: [(u32, u32, &str); 78] = [
    (0, 10, "T"), (1, 10, "T"), (2, 100, "T"), (3, 100, "T"), (4, 1000, "T"), (5, 1000, "T"),
    (12, 10_000, "T"), (17, 1000, "KX"), (18, 10_000, "KX4"), (19, 10_000, "KR"),
    (20, 10_000, "R_FEC"), (21, 20_000, "MLD2"), (22, 20_000, "KR2"), (23, 40_000, "KR4"),
    (24, 40_000, "CR4"), (25, 40_000, "SR4"), (26, 40_000, "LR4"), (27, 56_000, "KR4"),
    (28, 56_000, "CR4"), (29, 56_000, "SR4"), (30, 56_000, "LR4"), (31, 25_000, "CR"),
    (32, 25_000, "KR"), (33, 25_000, "SR"), (34, 50_000, "CR2"), (35, 50_000, "KR2"),
    (36, 100_000, "KR4"), (37, 100_000, "SR4"), (38, 100_000, "CR4"), (39, 100_000, "LR4_ER4"),
    (40, 50_000, "SR2"), (41, 1000, "X"), (42, 10_000, "CR"), (43, 10_000, "SR"),
    (44, 10_000, "LR"), (45, 10_000, "LRM"), (46, 10_000, "ER"), (47, 2500, "T"), (48, 5000, "T"),
    (52, 50_000, "KR"), (53, 50_000, "SR"), (54, 50_000, "CR"), (55, 50_000, "LR_ER_FR"),
    (56, 50_000, "DR"), (57, 100_000, "KR2"), (58, 100_000, "SR2"), (59, 100_000, "CR2"),
    (60, 100_000, "LR2_ER2_FR2"), (61, 100_000, "DR2"), (62, 200_000, "KR4"), (63, 200_000, "SR4"),
    (64, 200_000, "LR4_ER4_FR4"), (65, 200_000, "DR4"), (66, 200_000, "CR4"), (67, 100, "T1"),
    (68, 1000, "T1"), (69, 400_000, "KR8"), (70, 400_000, "SR8"), (71, 400_000, "LR8_ER8_FR8"),
    (72, 400_000, "DR8"), (73, 400_000, "CR8"), (75, 100_000, "KR"), (76, 100_000, "SR"),
    (77, 100_000, "LR_ER_FR"), (78, 100_000, "CR"), (79, 100_000, "DR"), (80, 200_000, "KR2"),
    (81, 200_000, "SR2"), (82, 200_000, "LR2_ER2_FR2"), (83, 200_000, "DR2"), (84, 200_000, "CR2"),
    (85, 400_000, "KR4"), (86, 400_000, "SR4"), (87, 400_000, "LR4_ER4_FR4"), (88, 400_000, "DR4"),
    (89, 400_000, "CR4"), (90, 100, "FX"), (91, 100, "FX"),
];

/// Bytes per second of a megabit per second.
const MEGABIT_BYTES: f64 = 1e6 / 8.0;

fn has(mask: u128, bit: u32) -> bool {
    mask >> bit & 1 == 1
}

/// Pushes what one device can do and offers.
pub(super) fn push(device: &str, settings: &LinkSettings, samples: &mut Samples) {
    let LinkSettings { supported, advertised, autonegotiates } = *settings;
    push_speeds(&SUPPORTED_SPEED, device, supported, samples);
    push_speeds(&ADVERTISED_SPEED, device, advertised, samples);
    for (_, port) in PORTS.iter().filter(|(bit, _)| has(supported, *bit)) {
        samples.push(&SUPPORTED_PORT, &[("device", device), ("type", port)], 1.0);
    }
    let labels = [("device", device)];
    let number = |is: bool| if is { 1.0 } else { 0.0 };
    for (bit, of_supported, of_advertised) in &ABILITIES {
        samples.push(of_supported, &labels, number(has(supported, *bit)));
        samples.push(of_advertised, &labels, number(has(advertised, *bit)));
    }
    samples.push(&AUTONEGOTIATE, &labels, number(autonegotiates));
}

fn push_speeds(family: &Family, device: &str, mask: u128, samples: &mut Samples) {
    for (bit, speed, medium) in SPEEDS.iter().filter(|(bit, ..)| has(mask, *bit)) {
        let duplex = if HALF.contains(bit) { "half" } else { "full" };
        let mode = format!("{speed}base{medium}");
        let labels = [("device", device), ("duplex", duplex), ("mode", &*mode)];
        samples.push(family, &labels, f64::from(*speed) * MEGABIT_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(settings: LinkSettings) -> Vec<String> {
        let mut samples = Samples::default();
        push("eth0", &settings, &mut samples);
        let mut lines = Vec::new();
        for family in samples.families() {
            for sample in family.samples() {
                let labels: Vec<&str> = sample.labels().map(|(_, value)| value).collect();
                let common_instrument::SampleValue::Number(value) = sample.value() else {
                    continue;
                };
                let name = family.name().trim_start_matches("node_network_");
                lines.push(format!("{name} {} {value}", labels.join(" ")));
            }
        }
        lines
    }

    #[test]
    fn each_bit_is_what_the_kernel_calls_it() {
        fn check(supported: u128, advertised: u128, expected: &[&str]) {
            let settings = LinkSettings { supported, advertised, autonegotiates: false };
            let mut found = pushed(settings);
            found.retain(|line| !line.ends_with(" 0"));
            assert_eq!(found, expected);
        }
        check(0, 0, &[]);
        check(
            1 << 5 | 1 << 7 | 1 << 6,
            1 << 4 | 1 << 13,
            &[
                "advertised_speed_bytes eth0 half 1000baseT 125000000",
                "autonegotiate_supported eth0 1",
                "pause_advertised eth0 1",
                "supported_port_info eth0 TP 1",
                "supported_speed_bytes eth0 full 1000baseT 125000000",
            ],
        );
        check(
            1 << 33 | 1 << 14,
            1 << 89 | 1 << 49,
            &[
                "advertised_speed_bytes eth0 full 400000baseCR4 50000000000",
                "asymmetricpause_supported eth0 1",
                "supported_speed_bytes eth0 full 25000baseSR 3125000000",
            ],
        );
    }

    #[test]
    fn what_a_device_cannot_do_is_zero() {
        let found = pushed(LinkSettings { autonegotiates: true, ..LinkSettings::default() });
        assert_eq!(found.len(), 7);
        assert!(found.contains(&"autonegotiate eth0 1".to_owned()), "{found:?}");
    }
}
