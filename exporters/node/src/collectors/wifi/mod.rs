//! Wireless interfaces and the stations that they talk to: nl80211.

use std::io;
use std::path::PathBuf;

use common_instrument::{CollectError, Collector, Family, Samples};
use parking_lot::Mutex;

use self::nl80211::Nl80211;
use super::Entry;
use crate::settings::{Flag, flag};

mod nl80211;
mod recorded;

const FIXTURES: Flag =
    flag::text("collector.wifi.fixtures", "test fixtures to use for wifi collector metrics", "");

pub(super) const ENTRY: Entry = Entry {
    name: "wifi",
    about: "Wireless interfaces and stations.",
    on_by_default: false,
    may_block: true,
    flags: &[FIXTURES],
    build: |context| {
        let fixtures = context.settings().text(&FIXTURES);
        Ok(Box::new(Wifi {
            fixtures: (!fixtures.is_empty()).then(|| fixtures.into()),
            nl80211: Mutex::new(Nl80211::new()),
        }))
    },
};

const FREQUENCY: Family = Family::gauge(
    "node_wifi_interface_frequency_hertz",
    "The current frequency a WiFi interface is operating at, in hertz.",
);
const INFO: Family = Family::gauge(
    "node_wifi_station_info",
    "Labeled WiFi interface station information as provided by the operating system.",
);

macro_rules! station {
    ($kind:ident, $name:literal, $help:literal) => {
        Family::$kind(concat!("node_wifi_station_", $name), $help)
    };
}

/// Numbers of a station, in the order of [`Station::values`].
const STATION: [Family; 12] = [
    station!(
        counter,
        "connected_seconds_total",
        "The total number of seconds a station has been connected to an access point."
    ),
    station!(
        gauge,
        "inactive_seconds",
        "The number of seconds since any wireless activity has occurred on a station."
    ),
    station!(
        gauge,
        "receive_bits_per_second",
        "The current WiFi receive bitrate of a station, in bits per second."
    ),
    station!(
        gauge,
        "transmit_bits_per_second",
        "The current WiFi transmit bitrate of a station, in bits per second."
    ),
    station!(
        counter,
        "receive_bytes_total",
        "The total number of bytes received by a WiFi station."
    ),
    station!(
        counter,
        "transmit_bytes_total",
        "The total number of bytes transmitted by a WiFi station."
    ),
    station!(gauge, "signal_dbm", "The current WiFi signal strength, in decibel-milliwatts (dBm)."),
    station!(
        counter,
        "transmit_retries_total",
        "The total number of times a station has had to retry while sending a packet."
    ),
    station!(
        counter,
        "transmit_failed_total",
        "The total number of times a station has failed to send a packet."
    ),
    station!(
        counter,
        "beacon_loss_total",
        "The total number of times a station has detected a beacon loss."
    ),
    station!(
        counter,
        "transmitted_packets_total",
        "The total number of packets transmitted by a station."
    ),
    station!(
        counter,
        "received_packets_total",
        "The total number of packets received by a station."
    ),
];

/// One wireless interface.
#[derive(Clone, Debug, Default, PartialEq)]
struct Interface {
    index: u32,
    name: String,
    address: Vec<u8>,
    frequency_mhz: u64,
}

/// The network that an interface has joined.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bss {
    id: Vec<u8>,
    name: String,
    status: u64,
}

/// A station that an interface talks to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Station {
    address: Vec<u8>,
    values: [f64; STATION.len()],
}

/// Who knows about wireless interfaces. What an interface does not have is
/// [`io::ErrorKind::NotFound`].
trait Source {
    fn interfaces(&mut self) -> io::Result<Vec<Interface>>;
    fn bss(&mut self, interface: &Interface) -> io::Result<Bss>;
    fn stations(&mut self, interface: &Interface) -> io::Result<Vec<Station>>;
}

struct Wifi {
    /// Directory of recorded answers, for tests.
    fixtures: Option<PathBuf>,
    nl80211: Mutex<Nl80211>,
}

/// Bytes in hexadecimal with colons between them.
fn hardware_address(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

/// `enum nl80211_bss_status`.
fn mode(status: u64) -> &'static str {
    match status {
        0 | 1 => "client",
        2 => "ad-hoc",
        _ => "unknown",
    }
}

fn found<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        answer => answer.map(Some),
    }
}

/// Pushes everything of one interface.
fn push(source: &mut dyn Source, interface: &Interface, samples: &mut Samples) -> io::Result<()> {
    let device = ("device", &*interface.name);
    samples.push(&FREQUENCY, &[device], interface.frequency_mhz as f64 * 1e6);
    if let Some(bss) = found(source.bss(interface))? {
        let id = hardware_address(&bss.id);
        let labels = [device, ("bssid", &*id), ("ssid", &*bss.name), ("mode", mode(bss.status))];
        samples.push(&INFO, &labels, 1.0);
    }
    for station in found(source.stations(interface))?.unwrap_or_default() {
        let labels = [device, ("mac_address", &*hardware_address(&station.address))];
        for (family, value) in STATION.iter().zip(station.values) {
            samples.push(family, &labels, value);
        }
    }
    Ok(())
}

fn push_all(source: &mut dyn Source, samples: &mut Samples) -> Result<(), CollectError> {
    let interfaces = source.interfaces().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
            CollectError::Absent(format!("nl80211: {error}"))
        }
        _ => CollectError::failed("nl80211", error),
    })?;
    let mut outcome = Ok(());
    // Some virtual devices have no name. One interface that fails does not hide the others.
    for interface in interfaces.iter().filter(|interface| !interface.name.is_empty()) {
        if let Err(error) = push(source, interface, samples) {
            outcome = Err(CollectError::failed(&interface.name, error));
        }
    }
    outcome
}

impl Collector for Wifi {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        match &self.fixtures {
            Some(directory) => push_all(&mut recorded::Recorded(directory), samples),
            None => push_all(&mut *self.nl80211.lock(), samples),
        }
    }
}
