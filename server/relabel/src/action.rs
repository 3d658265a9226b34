//! What each action does.

use common_config::{RelabelAction, RelabelConfig};
use md5::{Digest, Md5};

use crate::case;
use crate::work::Work;

/// Applies one rule; false where it drops the whole.
pub(crate) fn apply(rule: &RelabelConfig, work: &mut Work<'_>) -> bool {
    match rule.action {
        RelabelAction::Keep => return rule.regex.is_match(&source(rule, work)),
        RelabelAction::Drop => return !rule.regex.is_match(&source(rule, work)),
        RelabelAction::KeepEqual => return source(rule, work) == work.value(&rule.target_label),
        RelabelAction::DropEqual => return source(rule, work) != work.value(&rule.target_label),
        RelabelAction::Replace => replace(rule, work),
        RelabelAction::Lowercase => {
            let text = case::lower(&source(rule, work));
            work.set(&rule.target_label, &text);
        }
        RelabelAction::Uppercase => {
            let text = case::upper(&source(rule, work));
            work.set(&rule.target_label, &text);
        }
        RelabelAction::HashMod => {
            let number = hash(&source(rule, work)).checked_rem(rule.modulus).unwrap_or(0);
            work.set(&rule.target_label, &number.to_string());
        }
        RelabelAction::LabelMap => label_map(rule, work),
        RelabelAction::LabelDrop => work.retain_names(|name| !rule.regex.is_match(name)),
        RelabelAction::LabelKeep => work.retain_names(|name| rule.regex.is_match(name)),
    }
    true
}

/// The joined values of the source labels.
fn source<'w>(rule: &RelabelConfig, work: &'w Work<'_>) -> std::borrow::Cow<'w, str> {
    work.joined(&rule.source_labels, &rule.separator)
}

fn replace(rule: &RelabelConfig, work: &mut Work<'_>) {
    let (target, replacement) = {
        let source = source(rule, work);
        let is_plain = !rule.target_label.contains('$') && !rule.replacement.contains('$');
        if is_plain {
            if rule.is_regex_written && !rule.regex.is_match(&source) {
                return;
            }
            drop(source);
            work.set(&rule.target_label, &rule.replacement);
            return;
        }
        let Some(captures) = rule.regex.captures(&source) else {
            return;
        };
        let (mut target, mut replacement) = (String::new(), String::new());
        rule.regex.expand(&rule.target_label, &captures, &mut target);
        if !rule.name_scheme.is_valid_label_name(&target) {
            return;
        }
        rule.regex.expand(&rule.replacement, &captures, &mut replacement);
        (target, replacement)
    };
    work.set(&target, &replacement);
}

fn label_map(rule: &RelabelConfig, work: &mut Work<'_>) {
    let copies: Vec<(String, String)> = work.collect(|(name, value)| {
        let captures = rule.regex.captures(name)?;
        let mut target = String::new();
        rule.regex.expand(&rule.replacement, &captures, &mut target);
        Some((target, value.to_owned()))
    });
    for (name, value) in copies {
        work.set(&name, &value);
    }
}

/// The last eight bytes of the MD5 sum, as Prometheus has always hashed.
fn hash(text: &str) -> u64 {
    let sum: [u8; 16] = Md5::digest(text.as_bytes()).into();
    let [.., a, b, c, d, e, f, g, h] = sum;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
