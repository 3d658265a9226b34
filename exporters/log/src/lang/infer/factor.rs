//! How Go's parser joins alternatives that begin alike.

use super::tree::{Tree, merged};

/// One tree for some alternatives.
pub(super) fn alternation(branches: Vec<Tree>) -> Tree {
    let mut flat = Vec::with_capacity(branches.len());
    for branch in branches {
        match branch {
            Tree::Alternate(inner) => flat.extend(inner),
            branch => flat.push(branch),
        }
    }
    if flat.len() == 1 {
        return Tree::concat(flat);
    }
    let mut joined = drop_repeated_empties(join_singles(join_regexes(join_literals(
        // Neighbours of one character are joined as they are read.
        join_singles(flat),
    ))));
    if joined.len() == 1 { joined.swap_remove(0) } else { Tree::Alternate(joined) }
}

fn leading_text(tree: &Tree) -> &[char] {
    match tree {
        Tree::Literal(text) => text,
        Tree::Concat(parts) => match parts.first() {
            Some(Tree::Literal(text)) => text,
            _ => &[],
        },
        _ => &[],
    }
}

fn without_leading_text(tree: Tree, length: usize) -> Tree {
    match tree {
        Tree::Literal(text) if text.len() <= length => Tree::Empty,
        Tree::Literal(text) => Tree::Literal(text[length..].to_vec()),
        Tree::Concat(mut parts) => {
            let first = without_leading_text(parts.remove(0), length);
            if first != Tree::Empty {
                parts.insert(0, first);
            }
            Tree::concat(parts)
        }
        other => other,
    }
}

fn join_literals(branches: Vec<Tree>) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::new();
    let mut run: Vec<Tree> = Vec::new();
    let mut prefix: Vec<char> = Vec::new();
    for branch in branches {
        let text = leading_text(&branch).to_vec();
        let same = prefix.iter().zip(&text).take_while(|(a, b)| a == b).count();
        if same > 0 {
            prefix.truncate(same);
        } else {
            flush_literals(&mut out, &mut run, &prefix);
            prefix = text;
        }
        run.push(branch);
    }
    flush_literals(&mut out, &mut run, &prefix);
    out
}

fn flush_literals(out: &mut Vec<Tree>, run: &mut Vec<Tree>, prefix: &[char]) {
    if run.len() < 2 {
        out.append(run);
        return;
    }
    let rest = run.drain(..).map(|tree| without_leading_text(tree, prefix.len())).collect();
    out.push(Tree::Concat(vec![Tree::Literal(prefix.to_vec()), alternation(rest)]));
}

fn leading_regex(tree: &Tree) -> Option<&Tree> {
    let first = match tree {
        Tree::Concat(parts) => parts.first()?,
        tree => tree,
    };
    let fixed = match first {
        Tree::Repeat { sub, min, max } => Some(*min) == *max && sub.is_single(),
        first => first.is_single() || *first == Tree::Other,
    };
    fixed.then_some(first)
}

fn join_regexes(branches: Vec<Tree>) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::new();
    let mut run: Vec<Tree> = Vec::new();
    for branch in branches {
        let same = run.first().is_some_and(|first| {
            leading_regex(first).is_some() && leading_regex(first) == leading_regex(&branch)
        });
        if !same {
            flush_regexes(&mut out, &mut run);
        }
        run.push(branch);
    }
    flush_regexes(&mut out, &mut run);
    out
}

fn flush_regexes(out: &mut Vec<Tree>, run: &mut Vec<Tree>) {
    let prefix = run.first().and_then(leading_regex).cloned();
    let (true, Some(prefix)) = (run.len() > 1, prefix) else {
        out.append(run);
        return;
    };
    let rest = run
        .drain(..)
        .map(|tree| match tree {
            Tree::Concat(parts) => Tree::concat(parts.into_iter().skip(1).collect()),
            _ => Tree::Empty,
        })
        .collect();
    out.push(Tree::Concat(vec![prefix, alternation(rest)]));
}

fn join_singles(branches: Vec<Tree>) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::new();
    for branch in branches {
        match out.last_mut() {
            Some(last) if last.is_single() && branch.is_single() => {
                if *last != branch {
                    let mut ranges = [members(last), members(&branch)].concat();
                    ranges.sort_unstable();
                    *last = Tree::Class(merged(&ranges));
                }
            }
            _ => out.push(branch),
        }
    }
    out
}

fn members(tree: &Tree) -> Vec<(char, char)> {
    match tree {
        Tree::Class(ranges) => ranges.clone(),
        Tree::Literal(text) => text.iter().map(|&c| (c, c)).collect(),
        _ => Vec::new(),
    }
}

fn drop_repeated_empties(branches: Vec<Tree>) -> Vec<Tree> {
    let mut out: Vec<Tree> = Vec::new();
    for branch in branches {
        if branch != Tree::Empty || out.last() != Some(&Tree::Empty) {
            out.push(branch);
        }
    }
    out
}
