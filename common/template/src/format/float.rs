//! Floats by the verbs `%e %f %g`.

use super::Spec;

/// Appends a float; false when the verb does not fit.
pub(crate) fn format(out: &mut String, value: f64, verb: char, spec: &Spec) -> bool {
    let magnitude = value.abs();
    let digits = match verb {
        'v' | 'g' => general(magnitude, spec.precision, spec.sharp),
        'G' => general(magnitude, spec.precision, spec.sharp).to_uppercase(),
        'e' => exponent(magnitude, spec.precision.unwrap_or(6)),
        'E' => exponent(magnitude, spec.precision.unwrap_or(6)).to_uppercase(),
        'f' | 'F' => format!("{magnitude:.*}", spec.precision.unwrap_or(6)),
        _ => return false,
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

fn general(magnitude: f64, precision: Option<usize>, sharp: bool) -> String {
    let Some(precision) = precision else {
        return common_model::format_float(magnitude);
    };
    let precision = precision.max(1);
    let text = exponent(magnitude, precision - 1);
    let power = text.split_once('e').and_then(|(_, power)| power.parse::<i64>().ok());
    let Some(power) = power else { return text };
    // As many digits as asked for, or as there are, whichever is less.
    if power < -4 || power >= precision as i64 {
        let Some((mantissa, power)) = text.split_once('e') else { return text };
        let mantissa = if sharp { mantissa } else { without_zeros(mantissa) };
        return format!("{mantissa}e{power}");
    }
    let decimals = usize::try_from(precision as i64 - 1 - power).unwrap_or(0);
    let text = format!("{magnitude:.decimals$}");
    if sharp { text } else { without_zeros(&text).to_owned() }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}
