//! Sizes such as `15MB`: every unit is a power of 1024, with or without the `i`.

/// The units by their first letter, each 1024 times the one before.
const PREFIXES: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// There is nothing.
    #[error("empty byte size")]
    Empty,
    /// A number without a unit, or a unit that does not exist.
    #[error("units: unknown unit {unit} in {text}")]
    Unit {
        /// What stands where the unit should.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// Something that is neither a number nor a unit.
    #[error("units: invalid {0}")]
    Malformed(String),
    /// More than 2^63 - 1 bytes.
    #[error("units: {0} is too large")]
    TooLarge(String),
}

/// Reads `15MB`, `1GiB`, `1.5KB`, `100B`, also several in a row (`1GB512MB`); `0` needs no unit.
pub fn parse(text: &str) -> Result<u64, ByteSizeError> {
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err(ByteSizeError::Empty);
    }
    let (mut rest, mut total) = (text, 0_f64);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 =
            rest[..end].parse().map_err(|_| ByteSizeError::Malformed(text.to_owned()))?;
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += number * factor(&rest[..end], text)?;
        rest = &rest[end..];
    }
    if total >= i64::MAX as f64 {
        return Err(ByteSizeError::TooLarge(text.to_owned()));
    }
    Ok(total as u64)
}

fn factor(unit: &str, text: &str) -> Result<f64, ByteSizeError> {
    let unknown = || ByteSizeError::Unit { unit: unit.to_owned(), text: text.to_owned() };
    let prefix = unit.strip_suffix("iB").filter(|prefix| !prefix.is_empty());
    let prefix = prefix.or_else(|| unit.strip_suffix('B')).ok_or_else(unknown)?;
    let power = PREFIXES.iter().position(|known| *known == prefix).ok_or_else(unknown)?;
    Ok(1024_f64.powi(power as i32))
}

/// Writes a size with the largest units that divide it, as Prometheus shows it: `15MiB`, `0B`.
#[must_use]
pub fn format(bytes: u64) -> String {
    let mut text = String::new();
    let mut rest = bytes;
    for (power, prefix) in PREFIXES.iter().enumerate().rev() {
        let size = 1_u64 << (10 * power);
        if rest >= size {
            let i = if power == 0 { "" } else { "i" };
            text.push_str(&format!("{}{prefix}{i}B", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0B".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024_in_both_spellings() {
        let check = |text: &str, bytes: u64, printed: &str| {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert_eq!(format(bytes), printed, "{text}");
        };
        check("0", 0, "0B");
        check("100B", 100, "100B");
        check("15MB", 15 << 20, "15MiB");
        check("1GiB", 1 << 30, "1GiB");
        check("1.5KB", 1536, "1KiB512B");
        check("1GB512MB", (1 << 30) + (512 << 20), "1GiB512MiB");
    }

    #[test]
    fn a_size_needs_a_number_and_a_unit() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(parse(text).unwrap_err().to_string(), wanted, "{text}");
        };
        check("", "empty byte size");
        check("100", "units: unknown unit  in 100");
        check("10XB", "units: unknown unit XB in 10XB");
        check("iB", "units: invalid iB");
        check("1..5KB", "units: invalid 1..5KB");
        check("-1KB", "units: invalid -1KB");
        check("9EB", "units: 9EB is too large");
    }
}
