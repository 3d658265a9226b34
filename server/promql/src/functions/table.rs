//! Every function of the language: the table the parser checks calls against, sorted by name.

use super::Signature;
use crate::ast::ValueType;

const SCALAR: ValueType = ValueType::Scalar;
const TEXT: ValueType = ValueType::String;
const VECTOR: ValueType = ValueType::Vector;
const MATRIX: ValueType = ValueType::Matrix;

/// All functions, sorted by name (Prometheus 3.14).
pub static FUNCTIONS: &[Signature] = &[
    stable("abs", &[VECTOR], VECTOR),
    stable("absent", &[VECTOR], VECTOR),
    stable("absent_over_time", &[MATRIX], VECTOR),
    stable("acos", &[VECTOR], VECTOR),
    stable("acosh", &[VECTOR], VECTOR),
    stable("asin", &[VECTOR], VECTOR),
    stable("asinh", &[VECTOR], VECTOR),
    stable("atan", &[VECTOR], VECTOR),
    stable("atanh", &[VECTOR], VECTOR),
    stable("avg_over_time", &[MATRIX], VECTOR),
    stable("ceil", &[VECTOR], VECTOR),
    stable("changes", &[MATRIX], VECTOR),
    stable("clamp", &[VECTOR, SCALAR, SCALAR], VECTOR),
    stable("clamp_max", &[VECTOR, SCALAR], VECTOR),
    stable("clamp_min", &[VECTOR, SCALAR], VECTOR),
    stable("cos", &[VECTOR], VECTOR),
    stable("cosh", &[VECTOR], VECTOR),
    stable("count_over_time", &[MATRIX], VECTOR),
    stable("day_of_month", &[VECTOR], VECTOR).variadic(1),
    stable("day_of_week", &[VECTOR], VECTOR).variadic(1),
    stable("day_of_year", &[VECTOR], VECTOR).variadic(1),
    stable("days_in_month", &[VECTOR], VECTOR).variadic(1),
    stable("deg", &[VECTOR], VECTOR),
    stable("delta", &[MATRIX], VECTOR),
    stable("deriv", &[MATRIX], VECTOR),
    experimental("double_exponential_smoothing", &[MATRIX, SCALAR, SCALAR], VECTOR),
    experimental("end", &[], SCALAR),
    stable("exp", &[VECTOR], VECTOR),
    stable("first_over_time", &[MATRIX], VECTOR),
    stable("floor", &[VECTOR], VECTOR),
    stable("histogram_avg", &[VECTOR], VECTOR),
    stable("histogram_count", &[VECTOR], VECTOR),
    stable("histogram_fraction", &[SCALAR, SCALAR, VECTOR], VECTOR),
    stable("histogram_quantile", &[SCALAR, VECTOR], VECTOR),
    experimental("histogram_quantiles", &[VECTOR, TEXT, SCALAR, SCALAR], VECTOR).variadic(9),
    stable("histogram_stddev", &[VECTOR], VECTOR),
    stable("histogram_stdvar", &[VECTOR], VECTOR),
    stable("histogram_sum", &[VECTOR], VECTOR),
    stable("hour", &[VECTOR], VECTOR).variadic(1),
    stable("idelta", &[MATRIX], VECTOR),
    stable("increase", &[MATRIX], VECTOR),
    experimental("info", &[VECTOR, VECTOR], VECTOR).variadic(1),
    stable("irate", &[MATRIX], VECTOR),
    stable("label_join", &[VECTOR, TEXT, TEXT, TEXT], VECTOR).variadic(-1),
    stable("label_replace", &[VECTOR, TEXT, TEXT, TEXT, TEXT], VECTOR),
    stable("last_over_time", &[MATRIX], VECTOR),
    stable("ln", &[VECTOR], VECTOR),
    stable("log10", &[VECTOR], VECTOR),
    stable("log2", &[VECTOR], VECTOR),
    experimental("mad_over_time", &[MATRIX], VECTOR),
    experimental("max_of", &[SCALAR, SCALAR], SCALAR),
    stable("max_over_time", &[MATRIX], VECTOR),
    experimental("min_of", &[SCALAR, SCALAR], SCALAR),
    stable("min_over_time", &[MATRIX], VECTOR),
    stable("minute", &[VECTOR], VECTOR).variadic(1),
    stable("month", &[VECTOR], VECTOR).variadic(1),
    stable("pi", &[], SCALAR),
    stable("predict_linear", &[MATRIX, SCALAR], VECTOR),
    stable("present_over_time", &[MATRIX], VECTOR),
    stable("quantile_over_time", &[SCALAR, MATRIX], VECTOR),
    stable("rad", &[VECTOR], VECTOR),
    experimental("range", &[], SCALAR),
    stable("rate", &[MATRIX], VECTOR),
    stable("resets", &[MATRIX], VECTOR),
    stable("round", &[VECTOR, SCALAR], VECTOR).variadic(1),
    stable("scalar", &[VECTOR], SCALAR),
    stable("sgn", &[VECTOR], VECTOR),
    stable("sin", &[VECTOR], VECTOR),
    stable("sinh", &[VECTOR], VECTOR),
    stable("sort", &[VECTOR], VECTOR),
    experimental("sort_by_label", &[VECTOR, TEXT], VECTOR).variadic(-1),
    experimental("sort_by_label_desc", &[VECTOR, TEXT], VECTOR).variadic(-1),
    stable("sort_desc", &[VECTOR], VECTOR),
    stable("sqrt", &[VECTOR], VECTOR),
    experimental("start", &[], SCALAR),
    experimental("start_timestamp", &[VECTOR], VECTOR),
    stable("stddev_over_time", &[MATRIX], VECTOR),
    stable("stdvar_over_time", &[MATRIX], VECTOR),
    experimental("step", &[], SCALAR),
    stable("sum_over_time", &[MATRIX], VECTOR),
    stable("tan", &[VECTOR], VECTOR),
    stable("tanh", &[VECTOR], VECTOR),
    stable("time", &[], SCALAR),
    stable("timestamp", &[VECTOR], VECTOR),
    experimental("ts_of_first_over_time", &[MATRIX], VECTOR),
    experimental("ts_of_last_over_time", &[MATRIX], VECTOR),
    experimental("ts_of_max_over_time", &[MATRIX], VECTOR),
    experimental("ts_of_min_over_time", &[MATRIX], VECTOR),
    stable("vector", &[SCALAR], VECTOR),
    stable("year", &[VECTOR], VECTOR).variadic(1),
];

/// The function of that name, in exactly these letters.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.binary_search_by(|function| function.name.cmp(name)).ok().map(|at| &FUNCTIONS[at])
}

const fn stable(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Signature {
    Signature { name, args, variadic: 0, returns, experimental: false }
}

const fn experimental(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
) -> Signature {
    Signature { name, args, variadic: 0, returns, experimental: true }
}

impl Signature {
    const fn variadic(mut self, count: i8) -> Signature {
        self.variadic = count;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        assert_eq!(FUNCTIONS.len(), 90);
        assert_eq!(FUNCTIONS.iter().filter(|f| f.experimental).count(), 17);
    }

    #[test]
    fn functions_are_found_by_their_exact_name() {
        for (name, found) in
            [("rate", true), ("year", true), ("abs", true), ("Rate", false), ("", false)]
        {
            assert_eq!(lookup(name).map(|f| f.name), found.then_some(name), "{name}");
        }
    }
}
