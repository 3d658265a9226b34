//! The tree of routes: which alerts go to which receiver, in which groups, and when.

use std::collections::HashSet;
use std::time::Duration;

use common_model::{MatchOp, Matcher};

use super::{matchers, not_run};
use crate::yaml::{self, Node, Section};
use crate::{Error, Position};

const GROUP_WAIT_DEFAULT: Duration = Duration::from_secs(30);
const GROUP_INTERVAL_DEFAULT: Duration = Duration::from_secs(5 * 60);
const REPEAT_INTERVAL_DEFAULT: Duration = Duration::from_secs(4 * 3600);

/// Deepest nesting of routes, the root being one.
pub const ROUTE_DEPTH_MAX: usize = 32;

/// How `group_by` names all labels.
pub const GROUP_BY_ALL: &str = "...";

/// What makes two alerts of a route one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// Equal values of these labels.
    Labels(Vec<String>),
    /// `...`: equal values of all labels.
    All,
}

impl Default for GroupBy {
    fn default() -> GroupBy {
        GroupBy::Labels(Vec::new())
    }
}

/// One node of the tree; what it does not say itself is its parent's.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// `receiver`: the name of one.
    pub receiver: String,
    /// `group_by`.
    pub group_by: GroupBy,
    /// `group_wait`, 30s by default.
    pub group_wait: Duration,
    /// `group_interval`, 5m by default.
    pub group_interval: Duration,
    /// `repeat_interval`, 4h by default.
    pub repeat_interval: Duration,
    /// `matchers`, `match` and `match_re`, sorted; an alert must satisfy all.
    pub matchers: Vec<Matcher>,
    /// `continue`: whether an alert that took this route is also offered to the next.
    pub goes_on: bool,
    /// `routes`.
    pub routes: Vec<Route>,
    /// Where it stands.
    pub position: Position,
}

impl Route {
    /// A root with defaults.
    pub(super) fn root(receiver: &str) -> Route {
        Route {
            receiver: receiver.to_owned(),
            group_by: GroupBy::default(),
            group_wait: GROUP_WAIT_DEFAULT,
            group_interval: GROUP_INTERVAL_DEFAULT,
            repeat_interval: REPEAT_INTERVAL_DEFAULT,
            matchers: Vec::new(),
            goes_on: false,
            routes: Vec::new(),
            position: Position::default(),
        }
    }

    /// Reads the root and everything below.
    pub(super) fn read(node: &Node) -> Result<Route, Error> {
        let mut section = Section::open(node, "config.plain")?;
        let complain = |message: &str| Err(Error::at(node.at, message));
        if section.filled("receiver")?.is_none() {
            return complain("root route must specify a default receiver");
        }
        let route = Route::read_below(node, &Route::root(""), 1)?;
        if !route.matchers.is_empty() {
            return complain("root route must not have any matchers");
        }
        if route.goes_on {
            return complain("cannot have continue in root route");
        }
        Ok(route)
    }

    fn read_below(node: &Node, parent: &Route, depth: usize) -> Result<Route, Error> {
        if depth > ROUTE_DEPTH_MAX {
            let message = format!("routes are nested deeper than {ROUTE_DEPTH_MAX}");
            return Err(Error::at(node.at, message));
        }
        let mut section = Section::open(node, "config.plain")?;
        let route = Route {
            receiver: section.filled("receiver")?.unwrap_or_else(|| parent.receiver.clone()),
            group_by: group_by(&mut section)?.unwrap_or_else(|| parent.group_by.clone()),
            group_wait: section.or("group_wait", parent.group_wait)?,
            group_interval: interval(&mut section, "group_interval", parent.group_interval)?,
            repeat_interval: interval(&mut section, "repeat_interval", parent.repeat_interval)?,
            matchers: route_matchers(&mut section)?,
            goes_on: section.or_default("continue")?,
            routes: Vec::new(),
            position: node.at,
        };
        refuse_time_intervals(&mut section, depth == 1)?;
        let routes = yaml::list_of(section.take("routes"), "missing route", |node| {
            Route::read_below(node, &route, depth + 1)
        })?;
        section.finish()?;
        Ok(Route { routes, ..route })
    }

    pub(super) fn check_receivers(&self, names: &HashSet<&str>) -> Result<(), Error> {
        if !names.contains(self.receiver.as_str()) {
            let message = format!("undefined receiver {:?} used in route", self.receiver);
            return Err(Error::at(self.position, message));
        }
        self.routes.iter().try_for_each(|route| route.check_receivers(names))
    }
}

/// What the route says of groups; an empty list overrides its parent's.
fn group_by(section: &mut Section<'_>) -> Result<Option<GroupBy>, Error> {
    let labels: Vec<String> = section.or_default("group_by")?;
    let mut seen = HashSet::new();
    for label in &labels {
        if label.is_empty() {
            let message = format!("invalid label name {label:?} in group_by list");
            return Err(section.complain("group_by", message));
        }
        if !seen.insert(label.as_str()) {
            let message = format!("duplicated label {label:?} in group_by");
            return Err(section.complain("group_by", message));
        }
    }
    if !seen.contains(GROUP_BY_ALL) {
        let is_said = section.take("group_by").is_some_and(|node| !node.is_null());
        return Ok(is_said.then_some(GroupBy::Labels(labels)));
    }
    if labels.len() > 1 {
        let message = "cannot have wildcard group_by (`...`) and other labels at the same time";
        return Err(section.complain("group_by", message));
    }
    Ok(Some(GroupBy::All))
}

fn interval(section: &mut Section<'_>, key: &str, parent: Duration) -> Result<Duration, Error> {
    match section.get::<Duration>(key)? {
        Some(span) if span.is_zero() => Err(section.complain(key, format!("{key} cannot be zero"))),
        span => Ok(span.unwrap_or(parent)),
    }
}

fn refuse_time_intervals(section: &mut Section<'_>, is_root: bool) -> Result<(), Error> {
    for (key, kind) in [("mute_time_intervals", "mute"), ("active_time_intervals", "active")] {
        let names: Vec<String> = section.or_default(key)?;
        let message = match names.first() {
            None => continue,
            Some(_) if is_root => format!("root route must not have any {kind} time intervals"),
            // There are none, see `SECTIONS_NOT_RUN`.
            Some(name) => format!("undefined time interval {name:?} used in route"),
        };
        return Err(section.complain(key, message));
    }
    match section.take("labels") {
        Some(node) if !node.is_null() => Err(Error::at(node.at, not_run("labels of a route"))),
        _ => Ok(()),
    }
}

fn route_matchers(section: &mut Section<'_>) -> Result<Vec<Matcher>, Error> {
    let mut all = matchers::take_map(section, "match", MatchOp::Equal)?;
    all.extend(matchers::take_map(section, "match_re", MatchOp::Regex)?);
    all.extend(matchers::take_list(section, "matchers")?);
    all.sort_by(|a, b| (&a.name, &a.value, a.op).cmp(&(&b.name, &b.value, b.op)));
    Ok(all)
}
