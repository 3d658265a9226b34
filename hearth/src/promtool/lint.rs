//! What is allowed but should be better: `--lint`.

use std::time::Duration;

use common_config::prometheus::ScrapeConfig;
use common_service::flags::Matches;
use server_rules::GroupSpec;

use crate::commands::complain;

/// An interval at or above this lets series go stale between scrapes.
const LOOKBACK: Duration = Duration::from_secs(5 * 60);

/// Which lints are applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lints {
    duplicate_rules: bool,
    long_intervals: bool,
    pub(super) is_fatal: bool,
}

impl Lints {
    /// Reads `--lint` and `--lint-fatal`.
    pub(super) fn read(matches: &Matches) -> Lints {
        let wanted: Vec<&str> = matches.str("lint").split(',').collect();
        let has = |lint| wanted.contains(&lint) || wanted.contains(&"all");
        Lints {
            duplicate_rules: has("duplicate-rules"),
            long_intervals: has("too-long-scrape-interval"),
            is_fatal: matches.bool("lint-fatal"),
        }
    }

    /// Reports rules that differ in their expression at most. Says whether there are none.
    pub(super) fn rules(self, groups: &[GroupSpec]) -> bool {
        let duplicates =
            if self.duplicate_rules { server_rules::duplicates(groups) } else { Vec::new() };
        if duplicates.is_empty() {
            return true;
        }
        let mut text =
            format!("  FAILED:\nlint error {} duplicate rule(s) found.\n", duplicates.len());
        for duplicate in duplicates {
            text.push_str(&format!("Metric: {}\nLabel(s):\n", duplicate.metric));
            for (name, value) in &duplicate.labels {
                text.push_str(&format!("\t{name}: {value}\n"));
            }
        }
        text.push_str("Might cause inconsistency while recording expressions\n");
        complain(&text);
        false
    }

    /// Reports jobs that are scraped so rarely that their series go stale. Says whether there are
    /// none.
    pub(super) fn intervals(self, jobs: &[ScrapeConfig]) -> bool {
        let mut is_good = true;
        for job in jobs.iter().filter(|job| self.long_intervals && job.scrape_interval >= LOOKBACK)
        {
            is_good = false;
            let interval = common_config::duration::format(job.scrape_interval);
            complain(&format!(
                "  FAILED: lint error too long scrape interval found, data point will be marked as \
                 stale - job: {}, interval: {interval}\n",
                job.job_name
            ));
        }
        is_good
    }
}
