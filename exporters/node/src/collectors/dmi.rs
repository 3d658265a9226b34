//! Make and model of the machine: `/sys/class/dmi/id`, read once.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::text;
use crate::source::{Attributes, names_in};

pub(super) const ENTRY: Entry = Entry {
    name: "dmi",
    about: "Make and model of the machine of /sys/class/dmi/id.",
    on_by_default: true,
    may_block: false,
    flags: &[],
    build: |context| {
        let directory = context.roots().sys("class/dmi/id");
        if names_in(&directory).is_err() {
            return Ok(Box::new(Dmi { labels: None }));
        }
        let mut attributes = Attributes::new();
        let mut read = |&(file, label): &(&str, &'static str)| {
            let value = attributes.read(&directory.join(file)).ok()?;
            Some((label, text(value).into_owned()))
        };
        Ok(Box::new(Dmi { labels: Some(FILES.iter().filter_map(&mut read).collect()) }))
    },
};

const INFO: Family = Family::gauge(
    "node_dmi_info",
    "A metric with a constant '1' value labeled by bios_date, bios_release, bios_vendor, \
     bios_version, board_asset_tag, board_name, board_serial, board_vendor, board_version, \
     chassis_asset_tag, chassis_serial, chassis_vendor, chassis_version, product_family, \
     product_name, product_serial, product_sku, product_uuid, product_version, system_vendor if \
     provided by DMI.",
);

/// Files and labels. Serial numbers can be read by root only.
const FILES: [(&str, &str); 20] = [
    ("bios_date", "bios_date"),
    ("bios_release", "bios_release"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_family", "product_family"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("sys_vendor", "system_vendor"),
];

struct Dmi {
    /// `None` on platforms without DMI.
    labels: Option<Vec<(&'static str, String)>>,
}

impl Collector for Dmi {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let Some(labels) = &self.labels else {
            return Err(CollectError::Absent("class/dmi/id".to_owned()));
        };
        let labels: Vec<_> = labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
        samples.push(&INFO, &labels, 1.0);
        Ok(())
    }
}
