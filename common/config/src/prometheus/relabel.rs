//! One relabeling rule, checked and with its pattern compiled.

use common_re2::Regex;

use super::names::NameScheme;
use crate::yaml::{FromNode, MapOut, Node, Out, Section, Value};
use crate::{Error, Position};

/// The pattern where none is written.
const REGEX_DEFAULT: &str = "(.*)";
const SEPARATOR_DEFAULT: &str = ";";
const REPLACEMENT_DEFAULT: &str = "$1";

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelabelAction {
    /// Writes the replacement to the target label where the pattern matches.
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops what differs from the target label.
    KeepEqual,
    /// Drops what equals the target label.
    DropEqual,
    /// Writes a hash of the source labels, modulo a number.
    HashMod,
    /// Copies labels whose names match to other names.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Writes the source labels in small letters.
    Lowercase,
    /// Writes the source labels in capital letters.
    Uppercase,
}

impl RelabelAction {
    const ALL: [RelabelAction; 11] = [
        RelabelAction::Replace,
        RelabelAction::Keep,
        RelabelAction::Drop,
        RelabelAction::KeepEqual,
        RelabelAction::DropEqual,
        RelabelAction::HashMod,
        RelabelAction::LabelMap,
        RelabelAction::LabelDrop,
        RelabelAction::LabelKeep,
        RelabelAction::Lowercase,
        RelabelAction::Uppercase,
    ];

    /// How it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            RelabelAction::Replace => "replace",
            RelabelAction::Keep => "keep",
            RelabelAction::Drop => "drop",
            RelabelAction::KeepEqual => "keepequal",
            RelabelAction::DropEqual => "dropequal",
            RelabelAction::HashMod => "hashmod",
            RelabelAction::LabelMap => "labelmap",
            RelabelAction::LabelDrop => "labeldrop",
            RelabelAction::LabelKeep => "labelkeep",
            RelabelAction::Lowercase => "lowercase",
            RelabelAction::Uppercase => "uppercase",
        }
    }
}

/// One relabeling rule.
#[derive(Clone, Debug)]
pub struct RelabelConfig {
    /// The labels whose values are joined and matched.
    pub source_labels: Vec<String>,
    /// What stands between the joined values.
    pub separator: String,
    /// The pattern, anchored at both ends.
    pub regex: Regex,
    /// Whether the pattern was written, rather than being the default that matches everything.
    pub is_regex_written: bool,
    /// For `hashmod`; not zero there.
    pub modulus: u64,
    /// The label to write; for `replace` it may hold `$1`.
    pub target_label: String,
    /// What to write; may hold `$1`.
    pub replacement: String,
    /// What the rule does.
    pub action: RelabelAction,
    /// Which label names a rule may produce.
    pub name_scheme: NameScheme,
    /// Where the rule stands.
    pub position: Position,
}

/// Rules are equal when they do the same, wherever they stand.
impl PartialEq for RelabelConfig {
    fn eq(&self, other: &RelabelConfig) -> bool {
        self.source_labels == other.source_labels
            && self.separator == other.separator
            && self.regex.as_str() == other.regex.as_str()
            && self.is_regex_written == other.is_regex_written
            && self.modulus == other.modulus
            && self.target_label == other.target_label
            && self.replacement == other.replacement
            && self.action == other.action
            && self.name_scheme == other.name_scheme
    }
}

impl RelabelConfig {
    /// Reads a list of rules from YAML, as `relabel_configs` holds them.
    pub fn parse_list(
        text: &str,
        file: &str,
        scheme: NameScheme,
    ) -> Result<Vec<RelabelConfig>, Error> {
        let read = || {
            let node = crate::yaml::compose(text)?;
            list(Some(&node), "empty or null relabeling rule", scheme)
        };
        read().map_err(|error| error.in_file(file))
    }

    fn read(node: &Node, scheme: NameScheme) -> Result<RelabelConfig, Error> {
        let mut section = Section::open(node, "relabel.Config")?;
        let has_source_labels = section.take("source_labels").is_some_and(|n| !n.is_null());
        let regex_node = section.take("regex");
        let pattern = match regex_node {
            None => REGEX_DEFAULT.to_owned(),
            Some(Node { value: Value::Null, .. }) => String::new(),
            Some(node) => String::from_node(node)?,
        };
        let regex = Regex::anchored(&pattern)
            .map_err(|error| Error::at(section.position_of("regex"), error.to_string()))?;
        let rule = RelabelConfig {
            source_labels: source_labels(&mut section)?,
            separator: section.or("separator", SEPARATOR_DEFAULT.to_owned())?,
            regex,
            is_regex_written: regex_node.is_some(),
            modulus: section.or_default("modulus")?,
            target_label: section.or_default("target_label")?,
            replacement: section.or("replacement", REPLACEMENT_DEFAULT.to_owned())?,
            action: action(&mut section)?,
            name_scheme: scheme,
            position: section.at(),
        };
        section.finish()?;
        rule.check(has_source_labels).map_err(|message| Error::at(rule.position, message))?;
        Ok(rule)
    }

    fn check(&self, has_source_labels: bool) -> Result<(), String> {
        use RelabelAction::{
            DropEqual, HashMod, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase, Replace,
            Uppercase,
        };
        let (action, target) = (self.action, &self.target_label);
        let name = action.name();
        if action == HashMod && self.modulus == 0 {
            return Err("relabel configuration for hashmod requires non-zero modulus".to_owned());
        }
        let writes_plainly =
            matches!(action, HashMod | Lowercase | Uppercase | KeepEqual | DropEqual);
        if (writes_plainly || action == Replace) && target.is_empty() {
            return Err(format!(
                "relabel configuration for {name} action requires 'target_label' value"
            ));
        }
        let is_target_valid = if action == Replace && target.contains('$') {
            self.is_name_template(target)
        } else {
            !(writes_plainly || action == Replace) || self.name_scheme.is_valid_label_name(target)
        };
        if !is_target_valid {
            return Err(format!("{target:?} is invalid 'target_label' for {name} action"));
        }
        let is_replacement_default = self.replacement == REPLACEMENT_DEFAULT;
        if matches!(action, Lowercase | Uppercase | KeepEqual | DropEqual)
            && !is_replacement_default
        {
            return Err(format!("'replacement' can not be set for {name} action"));
        }
        if action == LabelMap && !self.is_name_template(&self.replacement) {
            let replacement = &self.replacement;
            return Err(format!("{replacement:?} is invalid 'replacement' for {name} action"));
        }
        let is_rest_default =
            self.modulus == 0 && self.separator == SEPARATOR_DEFAULT && is_replacement_default;
        if matches!(action, DropEqual | KeepEqual) && (self.is_regex_written || !is_rest_default) {
            return Err(format!(
                "{name} action requires only 'source_labels' and `target_label`, and no other \
                 fields"
            ));
        }
        let has_labels = has_source_labels || !target.is_empty();
        if matches!(action, LabelDrop | LabelKeep) && (has_labels || !is_rest_default) {
            return Err(format!("{name} action requires only 'regex', and no other fields"));
        }
        Ok(())
    }

    fn render(&self) -> Out {
        let mut out = MapOut::default();
        if !self.source_labels.is_empty() {
            out.put("source_labels", Out::Flow(self.source_labels.clone()));
        }
        out.text("separator", &self.separator);
        if self.is_regex_written {
            let pattern = self.regex.as_str();
            let bare = Out::Bare("null".to_owned());
            out.put("regex", if pattern.is_empty() { bare } else { Out::Text(pattern.to_owned()) });
        }
        out.number("modulus", self.modulus);
        out.text("target_label", &self.target_label);
        out.text("replacement", &self.replacement);
        out.text("action", self.action.name());
        Out::Map(out)
    }

    /// Whether a text with variables can become a label name.
    fn is_name_template(&self, template: &str) -> bool {
        self.name_scheme == NameScheme::Utf8 || is_legacy_name_template(template)
    }
}

/// Letters, digits, `_`, `$name` and `${name}`, not beginning with a digit.
fn is_legacy_name_template(template: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if template.is_empty() || template.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first == '$' {
            let braced = rest.strip_prefix('{');
            let name = braced.unwrap_or(rest);
            let end = name.find(|c| !is_word(c)).unwrap_or(name.len());
            let closed = match braced {
                Some(_) => name[end..].strip_prefix('}'),
                None => Some(&name[end..]),
            };
            let (1.., Some(after)) = (end, closed) else {
                return false;
            };
            rest = after;
        } else if !is_word(first) {
            return false;
        }
    }
    true
}

fn source_labels(section: &mut Section<'_>) -> Result<Vec<String>, Error> {
    let labels: Vec<String> = section.or_default("source_labels")?;
    if labels.iter().any(String::is_empty) {
        return Err(section.complain("source_labels", "\"\" is not a valid label name"));
    }
    Ok(labels)
}

fn action(section: &mut Section<'_>) -> Result<RelabelAction, Error> {
    let Some(text) = section.get::<String>("action")? else {
        return Ok(RelabelAction::Replace);
    };
    if text.is_empty() {
        return Err(section.complain("action", "relabel action cannot be empty"));
    }
    let lower = text.to_lowercase();
    RelabelAction::ALL
        .into_iter()
        .find(|action| action.name() == lower)
        .ok_or_else(|| section.complain("action", format!("unknown relabel action {text:?}")))
}

/// Reads a list of rules none of which may be null; `empty` is the complaint then.
pub(super) fn list(
    node: Option<&Node>,
    empty: &str,
    scheme: NameScheme,
) -> Result<Vec<RelabelConfig>, Error> {
    crate::yaml::list_of(node, empty, |element| RelabelConfig::read(element, scheme))
}

/// Rules as a loaded configuration shows them.
pub(super) fn render(rules: &[RelabelConfig]) -> Vec<Out> {
    rules.iter().map(RelabelConfig::render).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, wanted: &str) {
        let complaint = match RelabelConfig::parse_list(yaml, "", NameScheme::Legacy) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(complaint, wanted, "{yaml}");
    }

    #[test]
    fn a_rule_is_checked_with_upstreams_words() {
        check("- {target_label: a}", "");
        check("- {target_label: 'a${1}b$2', source_labels: [x]}", "");
        check(
            "- {}",
            "1:3: relabel configuration for replace action requires 'target_label' value",
        );
        check(
            "- {target_label: 'a-b'}",
            "1:3: \"a-b\" is invalid 'target_label' for replace action",
        );
        check("- {target_label: '$'}", "1:3: \"$\" is invalid 'target_label' for replace action");
        check(
            "- {target_label: '1$1'}",
            "1:3: \"1$1\" is invalid 'target_label' for replace action",
        );
        check("- {action: boom}", "1:12: unknown relabel action \"boom\"");
        check("- {action: }", "1:10: relabel action cannot be empty");
        check("- {action: LabelDrop, regex: a}", "");
        check(
            "- {action: labeldrop, source_labels: []}",
            "1:3: labeldrop action requires only 'regex', and no other fields",
        );
        check(
            "- {action: keepequal, target_label: a, regex: (.*)}",
            "1:3: keepequal action requires only 'source_labels' and `target_label`, and no other fields",
        );
        check(
            "- {action: uppercase, target_label: a, replacement: b}",
            "1:3: 'replacement' can not be set for uppercase action",
        );
        check(
            "- {action: labelmap, replacement: ''}",
            "1:3: \"\" is invalid 'replacement' for labelmap action",
        );
        check(
            "- {action: hashmod, target_label: a}",
            "1:3: relabel configuration for hashmod requires non-zero modulus",
        );
        check("-", "1:2: empty or null relabeling rule");
        check("- {target_labl: a}", "1:4: field target_labl not found in type relabel.Config");
    }

    #[test]
    fn any_name_will_do_where_utf8_is_allowed() {
        let rules =
            RelabelConfig::parse_list("- {target_label: a-b}", "", NameScheme::Utf8).unwrap();
        assert_eq!(rules[0].target_label, "a-b");
        assert_eq!(rules[0].replacement, "$1");
    }
}
