//! How well a name fits what is typed: a score from 0, not at all, to 1.
//!
//! The scores are those of Prometheus 3.13, so that thresholds mean the same.

/// How names that do not contain the text are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// All characters must occur in order; runs are worth more than single ones.
    Subsequence,
    /// Characters must occur near their places: typing errors are forgiven.
    JaroWinkler,
}

/// The texts that are searched, any of which may match; without any everything does.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    texts: Vec<String>,
    algorithm: Algorithm,
    /// Scores below it do not count.
    threshold: f64,
    is_case_sensitive: bool,
}

impl Terms {
    pub(super) fn new(
        texts: &[&str],
        algorithm: Algorithm,
        threshold: f64,
        is_case_sensitive: bool,
    ) -> Terms {
        let lower = |text: &&str| match is_case_sensitive {
            true => (*text).to_owned(),
            false => text.to_lowercase(),
        };
        let texts = texts.iter().map(lower).collect();
        Terms { texts, algorithm, threshold, is_case_sensitive }
    }

    /// The best score of a candidate, where it matches.
    pub(super) fn score(&self, candidate: &str) -> Option<f64> {
        if self.texts.is_empty() {
            return Some(1.0);
        }
        let lower = (!self.is_case_sensitive).then(|| candidate.to_lowercase());
        let candidate = lower.as_deref().unwrap_or(candidate);
        let scores = self.texts.iter().filter_map(|text| self.score_of(text, candidate));
        scores.max_by(f64::total_cmp)
    }

    fn score_of(&self, text: &str, candidate: &str) -> Option<f64> {
        if candidate.starts_with(text) {
            return Some(1.0);
        }
        let score = match self.algorithm {
            Algorithm::Subsequence => {
                Some(subsequence(text, candidate)).filter(|score| *score > 0.0)?
            }
            Algorithm::JaroWinkler if candidate.contains(text) => return Some(0.9),
            // Without a threshold only what contains the text is wanted.
            Algorithm::JaroWinkler if self.threshold == 0.0 => return None,
            Algorithm::JaroWinkler => jaro_winkler(text, candidate),
        };
        (score >= self.threshold).then_some(score)
    }
}

/// The best over all places where the match can begin; zero where there is none. A run of `n`
/// characters is worth `n²`, each character between runs and before the first costs `1 / length`,
/// each one behind the last half of it; the whole is divided by what an equal text would have.
fn subsequence(pattern: &str, text: &str) -> f64 {
    if pattern.len() > text.len() {
        return 0.0;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let Some(last_start) = text.len().checked_sub(pattern.len()) else { return 0.0 };
    let mut best = 0.0_f64;
    for start in (0..=last_start).filter(|start| text.get(*start) == pattern.first()) {
        match score_from(&pattern, &text, start) {
            Some(score) => best = best.max(score),
            // What cannot be completed from here cannot be from further on.
            None => break,
        }
    }
    best / (pattern.len() * pattern.len()) as f64
}

/// The score of the greedy match that begins at `start`.
fn score_from(pattern: &[char], text: &[char], start: usize) -> Option<f64> {
    let per_character = 1.0 / text.len() as f64;
    let mut score = 0.0;
    let (mut wanted, mut at, mut run_end) = (0, start, 0);
    while wanted < pattern.len() {
        let from = at + text[at..].iter().position(|c| *c == pattern[wanted])?;
        let run = text[from..].iter().zip(&pattern[wanted..]).take_while(|(a, b)| a == b).count();
        score -= (from - run_end) as f64 * per_character;
        score += (run * run) as f64;
        wanted += run;
        at = from + run;
        run_end = at;
    }
    Some(score - (text.len() - run_end) as f64 * per_character * 0.5)
}

/// The similarity of Jaro and Winkler, with up to four characters of a common beginning.
fn jaro_winkler(a: &str, b: &str) -> f64 {
    const PREFIX_MAX: usize = 4;
    const PREFIX_WEIGHT: f64 = 0.1;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let distance = (long.len() / 2).saturating_sub(1);
    let mut in_short = Vec::new();
    let mut is_taken = vec![false; long.len()];
    for (i, c) in short.iter().enumerate() {
        let window = i.saturating_sub(distance)..(i + distance + 1).min(long.len());
        let near = window.into_iter().find(|j| !is_taken[*j] && long[*j] == *c);
        if let Some(j) = near {
            is_taken[j] = true;
            in_short.push(*c);
        }
    }
    if in_short.is_empty() {
        return 0.0;
    }
    let in_long = long.iter().zip(&is_taken).filter(|(_, taken)| **taken).map(|(c, _)| c);
    let moved = in_short.iter().zip(in_long).filter(|(a, b)| a != b).count() as f64;
    let matches = in_short.len() as f64;
    let shares = matches / short.len() as f64 + matches / long.len() as f64;
    let jaro = (shares + (matches - moved * 0.5) / matches) / 3.0;
    let pairs = short.iter().zip(&long).take(PREFIX_MAX);
    let prefix = pairs.take_while(|(a, b)| a == b).count() as f64;
    jaro + prefix * PREFIX_WEIGHT * (1.0 - jaro)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, candidate: &str, algorithm: Algorithm, percent: u8, wanted: Option<f64>) {
        let terms = Terms::new(&[text], algorithm, f64::from(percent) / 100.0, true);
        match (terms.score(candidate), wanted) {
            (Some(score), Some(wanted)) if (score - wanted).abs() < 1e-9 => {}
            (None, None) => {}
            (score, _) => panic!("{text} in {candidate}: {score:?}, not {wanted:?}"),
        }
    }

    #[test]
    fn characters_in_order_score_by_their_runs() {
        use Algorithm::Subsequence;
        check("", "up", Subsequence, 100, Some(1.0));
        check("up", "up", Subsequence, 100, Some(1.0));
        check("node", "node_cpu", Subsequence, 100, Some(1.0));
        check("pu", "up", Subsequence, 0, None);
        check("longer", "up", Subsequence, 0, None);
        // 9 for the run, 5 before it; nothing behind.
        check("cpu", "node_cpu", Subsequence, 0, Some((9.0 - 5.0 / 8.0) / 9.0));
        // Two runs of one, 6 between them, nothing behind.
        check("nu", "node_cpu", Subsequence, 0, Some((2.0 - 6.0 / 8.0) / 4.0));
        check("nu", "node_cpu", Subsequence, 50, None);
        // The second `a` begins the better match: 1 before it, 1 behind at half the price.
        check("ab", "aabc", Subsequence, 0, Some((4.0 - 0.25 - 0.125) / 4.0));
        check("é", "caché", Subsequence, 0, Some(1.0 - 4.0 / 5.0));
    }

    #[test]
    fn likeness_forgives_typing_errors() {
        use Algorithm::JaroWinkler;
        check("no", "node", JaroWinkler, 0, Some(1.0));
        check("od", "node", JaroWinkler, 0, Some(0.9));
        check("martha", "marhta", JaroWinkler, 0, None);
        check("martha", "marhta", JaroWinkler, 90, Some(0.961_111_111_111));
        check("martha", "marhta", JaroWinkler, 97, None);
        check("dixon", "dicksonx", JaroWinkler, 1, Some(0.813_333_333_333));
        check("abc", "xyz", JaroWinkler, 1, None);
    }

    #[test]
    fn any_term_may_match_and_case_may_count() {
        let terms = Terms::new(&["UP", "cpu"], Algorithm::Subsequence, 0.0, false);
        assert_eq!(terms.score("Up_time"), Some(1.0));
        assert!(terms.score("node_CPU").is_some());
        assert_eq!(terms.score("memory"), None);
        let terms = Terms::new(&["UP"], Algorithm::Subsequence, 0.0, true);
        assert_eq!(terms.score("up"), None);
    }
}
