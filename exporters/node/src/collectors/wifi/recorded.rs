//! Recorded answers for tests, as the original keeps them.

use std::io;
use std::path::Path;

use super::{Bss, Interface, Source, Station};
use crate::go_json::{Record, read_list, read_one};

/// The directory of the files.
pub(super) struct Recorded<'a>(pub(super) &'a Path);

/// Durations stand there in nanoseconds.
const SECOND: f64 = 1e9;

impl Source for Recorded<'_> {
    fn interfaces(&mut self) -> io::Result<Vec<Interface>> {
        let records = read_list(&self.0.join("interfaces.json"))?;
        let interface = |record: &Record| Interface {
            name: record.text("Name").to_owned(),
            frequency_mhz: record.unsigned("Frequency"),
            ..Interface::default()
        };
        Ok(records.iter().map(interface).collect())
    }

    fn bss(&mut self, interface: &Interface) -> io::Result<Bss> {
        let record = read_one(&self.0.join(&interface.name).join("bss.json"))?;
        Ok(Bss {
            id: record.bytes("BSSID"),
            name: record.text("SSID").to_owned(),
            status: record.unsigned("Status"),
        })
    }

    fn stations(&mut self, interface: &Interface) -> io::Result<Vec<Station>> {
        let records = read_list(&self.0.join(&interface.name).join("stationinfo.json"))?;
        let station = |record: &Record| Station {
            address: record.bytes("HardwareAddr"),
            values: [
                record.number("Connected") / SECOND,
                record.number("Inactive") / SECOND,
                record.number("ReceiveBitrate"),
                record.number("TransmitBitrate"),
                record.number("ReceivedBytes"),
                record.number("TransmittedBytes"),
                record.number("Signal"),
                record.number("TransmitRetries"),
                record.number("TransmitFailed"),
                record.number("BeaconLoss"),
                record.number("TransmittedPackets"),
                record.number("ReceivedPackets"),
            ],
        };
        Ok(records.iter().map(station).collect())
    }
}
