//! Paragraphs broken into lines as evenly as possible.
//!
//! The help of Go programs is broken by minimal raggedness, not line by line; the same rule here
//! gives the same lines: the squares of the room left in all lines but the last are summed up,
//! together with a penalty for lines that do not end at a punctuation mark.

/// What a line costs that does not end at a punctuation mark.
const NO_PUNCTUATION: u64 = 64;

/// The lines of one paragraph, none wider than `width` where words allow.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut ends = vec![0usize];
    for word in &words {
        ends.push(ends[ends.len() - 1] + word.chars().count() + 1);
    }
    // best[j]: cost and first word of the last line of the best way to set the first j words.
    let mut best: Vec<((u64, u64), usize)> = vec![((0, 0), 0)];
    for to in 1..=words.len() {
        let costs = (0..to).rev().map(|from| {
            let len = ends[to] - 1 - ends[from];
            let (over, cost) = cost(words[to - 1], len, width, to == words.len());
            let before = best[from].0;
            ((before.0 + over, before.1 + cost), from)
        });
        best.push(costs.min_by_key(|&(cost, _)| cost).unwrap_or_default());
    }
    let (mut lines, mut to) = (Vec::new(), words.len());
    while to > 0 {
        let from = best[to].1;
        lines.push(words[from..to].join(" "));
        to = from;
    }
    lines.reverse();
    lines
}

/// What it costs to end a line of `len` characters after `word`: what sticks out counts first.
fn cost(word: &str, len: usize, width: usize, is_last: bool) -> (u64, u64) {
    if is_last && len <= width {
        return (0, 0);
    }
    let penalty =
        if word.ends_with(['.', ',', ')', '!', '?', ';', ':']) { 0 } else { NO_PUNCTUATION };
    let room = (width.abs_diff(len) as u64).pow(2);
    if len > width { (room, penalty) } else { (0, room + penalty) }
}
