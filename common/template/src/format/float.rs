//! Floats by the verbs `%e %f %g`.

use super::Spec;

/// Appends a float; false when the verb does not fit.
pub(crate) fn format(out: &mut String, value: f64, verb: char, spec: &Spec) -> bool {
    let magnitude = value.abs();
    let digits = match verb {
        'v' | 'g' => general(magnitude, spec.precision),
        'G' => general(magnitude, spec.precision).to_uppercase(),
        'e' => exponent(magnitude, spec.precision.unwrap_or(6)),
        'E' => exponent(magnitude, spec.precision.unwrap_or(6)).to_uppercase(),
        'f' | 'F' => format!("{magnitude:.*}", spec.precision.unwrap_or(6)),
        _ => return false,
    };
    let digits = match verb {
        _ if !spec.sharp => digits,
        'v' | 'g' | 'G' => alternate(&digits, spec.precision.unwrap_or(6)),
        _ => alternate(&digits, 0),
    };
    if value.is_nan() || value.is_infinite() {
        let (sign, text) = if value.is_nan() {
            (if spec.plus { "+" } else { "" }, "NaN")
        } else if value < 0.0 {
            ("-", "Inf")
        } else {
            ("+", "Inf")
        };
        spec.pad_number(out, sign, text, false);
        return true;
    }
    spec.pad_number(out, spec.sign(value.is_sign_negative()), &digits, true);
    true
}

/// `%.Ng`: N significant digits without trailing zeros.
pub(crate) fn format_general(value: f64, digits: usize) -> String {
    let mut out = String::new();
    let spec = Spec { precision: Some(digits), ..Spec::default() };
    format(&mut out, value, 'g', &spec);
    out
}

/// `d.dde±xx`
fn exponent(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn general(magnitude: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        return common_model::format_float(magnitude);
    };
    let precision = precision.max(1);
    let text = exponent(magnitude, precision - 1);
    let Some((mantissa, power)) = text.split_once('e') else { return text };
    let Ok(power_value) = power.parse::<i64>() else { return text };
    if power_value < -4 || power_value >= precision as i64 {
        return format!("{}e{power}", without_zeros(mantissa));
    }
    let decimals = usize::try_from(precision as i64 - 1 - power_value).unwrap_or(0);
    without_zeros(&format!("{magnitude:.decimals$}")).to_owned()
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The `#` form: always with a point, and with at least so many significant digits.
fn alternate(text: &str, digits_min: usize) -> String {
    let end = text.find(['e', 'E']).unwrap_or(text.len());
    let (mantissa, power) = text.split_at(end);
    let mut mantissa = mantissa.to_owned();
    if !mantissa.contains('.') {
        mantissa.push('.');
    }
    let significant = mantissa.trim_start_matches(['0', '.']);
    let digits = significant.bytes().filter(u8::is_ascii_digit).count();
    mantissa.extend(std::iter::repeat_n('0', digits_min.saturating_sub(digits.max(1))));
    mantissa.push_str(power);
    mantissa
}
