//! Lines of `/proc/net/rpc/nfs` and `nfsd`, and the procedures of NFS that both count.

use common_instrument::{Family, Samples};

use crate::parse::{ParseError, lines, unsigned, words};

/// Procedures of NFS 2 in the order of their numbers. RFC 1094.
#[rustfmt::skip]
pub(crate) const VERSION_2: [&str; 18] = [
    "Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write", "Create",
    "Remove", "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
];

/// Procedures of NFS 3 in the order of their numbers. RFC 1813.
#[rustfmt::skip]
pub(crate) const VERSION_3: [&str; 22] = [
    "Null", "GetAttr", "SetAttr", "Lookup", "Access", "ReadLink", "Read", "Write", "Create", "MkDir",
    "SymLink", "MkNod", "Remove", "RmDir", "Rename", "Link", "ReadDir", "ReadDirPlus", "FsStat",
    "FsInfo", "PathConf", "Commit",
];

/// The first numbers of the line that begins with `key`, at least `needed` of them. Those that an
/// older kernel lacks are 0, and all if the line is not there, as in the original.
pub(crate) fn numbers<const N: usize>(
    text: &[u8],
    key: &str,
    needed: usize,
) -> Result<[u64; N], ParseError> {
    let mut values = [0; N];
    let mut lines = lines(text);
    let Some((number, line)) = lines.find(|(_, l)| words(l).next() == Some(key.as_bytes())) else {
        return Ok(values);
    };
    let mut count = 0;
    for (value, word) in values.iter_mut().zip(words(line).skip(1)) {
        *value = unsigned(word).ok_or_else(|| ParseError::new(number, "a number", word))?;
        count += 1;
    }
    if count < needed {
        return Err(ParseError::new(number, "more numbers", line));
    }
    Ok(values)
}

/// How often each procedure of one version was called; those without a name are not exported.
pub(crate) fn push_calls(
    samples: &mut Samples,
    family: &Family,
    version: &str,
    names: &[&str],
    counts: &[u64],
) {
    for (name, count) in names.iter().zip(counts).filter(|(name, _)| !name.is_empty()) {
        samples.push(family, &[("proto", version), ("method", name)], *count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_be_longer_and_may_be_missing_but_not_too_short() {
        fn check(text: &str, expected: Result<[u64; 3], &str>) {
            let found = numbers(text.as_bytes(), "rpc", 2).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        }
        check("net 7 7 7\nrpc 1 2 3\n", Ok([1, 2, 3]));
        check("rpc 1 2 3 4 0.000\n", Ok([1, 2, 3]));
        check("rpc 1 2\n", Ok([1, 2, 0]));
        check("rpcs 1 2 3\n", Ok([0; 3]));
        check("", Ok([0; 3]));
        check("\nrpc 1\n", Err("line 2: expected more numbers, found \"rpc 1\""));
        check("rpc 1 x\n", Err("line 1: expected a number, found \"x\""));
    }
}
