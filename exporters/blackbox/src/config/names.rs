//! The order of names in a shown configuration: that of `yaml.v3`, in which `m2` stands before `m10`.

use std::cmp::Ordering;

/// Compares two names.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut is_after_digit = false;
    for at in 0..a.len().min(b.len()) {
        let (x, y) = (a[at], b[at]);
        if x == y {
            is_after_digit = x.is_ascii_digit();
            continue;
        }
        return match (x.is_alphabetic(), y.is_alphabetic()) {
            (true, true) => x.cmp(&y),
            // Behind a number a letter comes first, elsewhere last.
            (true, false) if is_after_digit => Ordering::Less,
            (false, true) if is_after_digit => Ordering::Greater,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let (n, m) = (number(&a, at), number(&b, at));
                n.cmp(&m).then(x.cmp(&y))
            }
        };
    }
    a.len().cmp(&b.len())
}

/// Value and length of the digits from `at` on. A zero within a longer number counts as a digit of
/// it, not as one in front.
fn number(text: &[char], at: usize) -> (u128, usize) {
    let before = text[..at].iter().rev().take_while(|c| c.is_ascii_digit());
    let is_within = before.clone().any(|c| *c != '0');
    let digits = text[at..].iter().take_while(|c| c.is_ascii_digit());
    let start = u128::from(is_within);
    let value = digits.clone().fold(start, |value, c| {
        value.saturating_mul(10).saturating_add(u128::from(*c as u32 - u32::from(b'0')))
    });
    (value, digits.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_as_numbers() {
        let sorted = [
            "", "1", "2", "10", "A", "a", "a_b", "ab", "b1a", "b1_", "h_ver2", "h_ver11", "m1",
            "m10", "z",
        ];
        let mut shuffled = sorted;
        shuffled.reverse();
        shuffled.sort_by(|one, other| compare(one, other));
        assert_eq!(shuffled, sorted);
    }
}
