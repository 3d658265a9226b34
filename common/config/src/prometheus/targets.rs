//! Groups of targets with common labels: `static_configs` and the files of `file_sd_configs`.

use std::collections::BTreeMap;

use common_model::Labels;
use serde::Deserialize;

use crate::yaml::{self, FromNode, MapOut, Node, Out, Section};
use crate::{Error, Position};

/// Targets that share labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetGroup {
    /// Addresses, usually `host:port`.
    pub targets: Vec<String>,
    /// Labels of all of them.
    pub labels: Labels,
    /// What tells this group from the others of the same provider: `0` for the first of a
    /// `static_configs`, `file:0` for the first of a file.
    pub source: String,
}

impl FromNode for TargetGroup {
    fn from_node(node: &Node) -> Result<TargetGroup, Error> {
        let mut section = Section::open(node, "struct")?;
        let group = TargetGroup {
            targets: section.or_default("targets")?,
            labels: label_set(section.take("labels"))?,
            source: String::new(),
        };
        section.finish()?;
        Ok(group)
    }
}

impl TargetGroup {
    pub(super) fn render(&self) -> Out {
        let mut out = MapOut::default();
        out.put("targets", Out::List(self.targets.iter().cloned().map(Out::Text).collect()));
        out.map("labels", labels_out(&self.labels));
        Out::Map(out)
    }
}

/// Reads labels; empty values are left out, as everywhere.
pub(super) fn label_set(node: Option<&Node>) -> Result<Labels, Error> {
    let Some(node) = node else {
        return Ok(Labels::empty());
    };
    let map: BTreeMap<String, String> = FromNode::from_node(node)?;
    if map.contains_key("") {
        return Err(Error::at(node.at, "\"\" is not a valid label name"));
    }
    Ok(Labels::from_pairs(map))
}

/// Labels as a mapping.
pub(super) fn labels_out(labels: &Labels) -> MapOut {
    MapOut(labels.iter().map(|(n, v)| (n.to_owned(), Out::Text(v.to_owned()))).collect())
}

/// The label that names the file of a target.
const FILE_PATH: &str = "__meta_filepath";

/// Reads a file of `file_sd_configs`, JSON if its name ends in `.json`, else YAML. Every target
/// learns the file's name in `__meta_filepath`.
pub fn parse_target_file(text: &str, file: &str) -> Result<Vec<TargetGroup>, Error> {
    let is_json =
        std::path::Path::new(file).extension().is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let groups = if is_json { parse_json(text) } else { parse_yaml(text) };
    let mut groups = groups.map_err(|error| error.in_file(file))?;
    for (i, group) in groups.iter_mut().enumerate() {
        group.source = format!("{file}:{i}");
        let mut labels = group.labels.to_builder();
        labels.set(FILE_PATH, file);
        group.labels = labels.build();
    }
    Ok(groups)
}

fn parse_yaml(text: &str) -> Result<Vec<TargetGroup>, Error> {
    let node = yaml::compose(text)?;
    yaml::list_of(Some(&node), "nil target group item found", TargetGroup::from_node)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default)]
    targets: Option<Vec<String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
}

fn parse_json(text: &str) -> Result<Vec<TargetGroup>, Error> {
    let groups: Option<Vec<Option<RawGroup>>> = serde_json::from_str(text).map_err(|error| {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let at = Position { line: small(error.line()), column: small(error.column()) };
        Error::at(at, error.to_string())
    })?;
    let one = |(i, group): (usize, Option<RawGroup>)| {
        let group = group
            .ok_or_else(|| Error::whole(format!("nil target group item found (index {i})")))?;
        let labels = group.labels.unwrap_or_default();
        if labels.contains_key("") {
            return Err(Error::whole(format!("\"\" is not a valid label name (index {i})")));
        }
        Ok(TargetGroup {
            targets: group.targets.unwrap_or_default(),
            labels: Labels::from_pairs(labels),
            source: String::new(),
        })
    };
    groups.unwrap_or_default().into_iter().enumerate().map(one).collect()
}
