//! The types of a pattern's groups, by what they can match.
//!
//! mtail looks at the tree that Go's parser makes, in which alternatives with a common beginning are
//! joined and single characters become classes; `tree` builds the same one.

mod factor;
mod tree;

use super::types::{self, TypeId};
use tree::Tree;

const SIGNS: &str = "+-";
const INTEGER: &str = "+-0123456789";
const DECIMAL: &str = "+-0123456789.eE";

/// The type of each group, the whole match first; the pattern is one that Go accepts. Groups of what
/// is repeated no times are none to mtail: those at the end are left out, others have no type.
pub(super) fn group_types(pattern: &str) -> Vec<TypeId> {
    let mut groups = vec![types::NONE];
    tree::parse(pattern).for_each_group(&mut |number, group| {
        if groups.len() <= number {
            groups.resize(number + 1, types::NONE);
        }
        groups[number] = group_type(group);
    });
    groups
}

fn group_type(group: &Tree) -> TypeId {
    let Tree::Alternate(branches) = group else { return simple_type(group) };
    let mut common = types::UNDEF;
    for branch in branches {
        common = upper_bound(common, simple_type(branch));
    }
    common
}

/// As the types' own; only these come here.
fn upper_bound(a: TypeId, b: TypeId) -> TypeId {
    let has = |ty| a == ty || b == ty;
    match () {
        () if a == types::UNDEF || a == b => b,
        () if has(types::STRING) => types::STRING,
        () => types::FLOAT,
    }
}

fn simple_type(group: &Tree) -> TypeId {
    if group.matches_only(SIGNS) {
        return types::STRING;
    }
    if group.matches_only(INTEGER) {
        let is_class = matches!(group, Tree::Class(_) | Tree::Alternate(_));
        return if is_class || !group.has_digit() { types::STRING } else { types::INT };
    }
    if group.matches_only(DECIMAL) {
        return if group.dots() > 1 { types::STRING } else { types::FLOAT };
    }
    types::STRING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_the_types_that_mtail_infers() {
        fn check(expected: TypeId, patterns: &str) {
            for pattern in patterns.split(' ') {
                let types = group_types(&format!("x({pattern})y"));
                assert_eq!(types, [types::NONE, expected], "{pattern}");
            }
        }
        let integers = r"\d+ \d* \d? -?\d+ \d{3} [-\d]+ 200|404 \d\d 12 [5] [12]\d\d 201|202 [^\D]+ [^\x{0}-\/:-\x{10ffff}]{2}";
        check(types::INT, integers);
        let floats = r"\d+\.\d+ \d+\.?\d* [0-9.]+ \d+|\d+\.\d+ \d+e\d+ \.\d+ e E+ (?:\d+\.)+\d";
        check(types::FLOAT, floats);
        let strings = r"\d \d+|- \d+| - \d+\.\d+\.\d+ 0x[0-9a-f]+ \S+ .+ \d+% a|b 1|2 1|2|33 \d{0} [^\D\d]+ [^a]+ [^\S]+ \D+";
        check(types::STRING, strings);
    }

    #[test]
    fn groups_inside_of_groups_have_their_own_types() {
        let expected = [types::NONE, types::FLOAT, types::FLOAT, types::STRING];
        assert_eq!(group_types(r"(\d+(\.\d+)?) (?P<name>\w+)"), expected);
    }

    #[test]
    fn groups_of_what_is_not_there_are_not_there() {
        assert_eq!(group_types("a(b){0}"), [types::NONE]);
        assert_eq!(group_types("a(b){0}(c)"), [types::NONE, types::NONE, types::STRING]);
        assert_eq!(group_types("(a(b){0})"), [types::NONE, types::STRING]);
    }
}
