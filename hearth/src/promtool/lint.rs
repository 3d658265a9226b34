//! Which checks of style `--lint` asks for.

use common_service::flags::Matches;

use crate::commands::print;

/// The checks that are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lint {
    /// `duplicate-rules`
    pub(super) duplicates: bool,
    /// `too-long-scrape-interval`
    pub(super) intervals: bool,
    /// `--lint-fatal`
    pub(super) fatal: bool,
}

impl Lint {
    /// What the flags say; what they name and nobody knows is told on stdout, as promtool does.
    pub(super) fn of(matches: &Matches, of_config: bool) -> Lint {
        let (mut lint, unknown) = Lint::parse(matches.str("lint"), of_config);
        for option in unknown {
            print(&format!("WARNING: unknown lint option: {option:?}\n"));
        }
        lint.fatal = matches.bool("lint-fatal");
        lint
    }

    fn parse(list: &str, of_config: bool) -> (Lint, Vec<&str>) {
        let mut lint = Lint::default();
        let mut unknown = Vec::new();
        for option in list.split(',') {
            match option {
                "all" => lint = Lint { duplicates: true, intervals: of_config, fatal: false },
                "duplicate-rules" => lint.duplicates = true,
                "too-long-scrape-interval" if of_config => lint.intervals = true,
                "none" => {}
                other => unknown.push(other),
            }
        }
        (lint, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_checks_and_what_is_none_is_told() {
        let (lint, unknown) = Lint::parse("all", true);
        assert!(lint.duplicates && lint.intervals && unknown.is_empty());
        let (lint, unknown) = Lint::parse("none,too-long-scrape-interval,x", false);
        assert_eq!(lint, Lint::default());
        assert_eq!(unknown, ["too-long-scrape-interval", "x"]);
    }
}
