//! What is printed, on one line or prettily, is read as the same expression and prints as the same.
#![no_main]

use fuzz::Bytes;
use libfuzzer_sys::fuzz_target;
use server_promql::ast::{Expr, VectorSelector};
use server_promql::parser::{Options, parse};

/// Longer texts only take longer.
const QUERY_BYTES_MAX: usize = 1024;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Bytes::new(bytes);
    let text = if bytes.byte() & 1 != 0 {
        String::from_utf8_lossy(bytes.rest()).into_owned()
    } else {
        fuzz::query(&mut bytes)
    };
    if text.len() > QUERY_BYTES_MAX {
        return;
    }
    let Ok(expr) = parse(&text, &Options::everything()) else { return };
    check(&text, &expr, ToString::to_string);
    check(&text, &expr, Expr::pretty);
});

fn check(text: &str, expr: &Expr, print: impl Fn(&Expr) -> String) {
    let printed = print(expr);
    let again = parse(&printed, &Options::everything())
        .unwrap_or_else(|error| panic!("{text:?} printed as {printed:?}: {error}"));
    assert_eq!(without_places(&again), without_places(expr), "{text:?} printed as {printed:?}");
    assert_eq!(print(&again), printed, "{text:?}");
}

/// The tree as text, without where its parts stood and how matchers were ordered: they are printed
/// sorted. A text of the query that looks like a place is
/// left out on both sides.
fn without_places(expr: &Expr) -> String {
    let mut expr = expr.clone();
    sort_matchers(&mut expr);
    let tree = format!("{expr:?}");
    let mut parts = tree.split("Span { ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str(part.split_once('}').map_or(part, |(_, rest)| rest));
    }
    kept
}

fn sort_matchers(expr: &mut Expr) {
    let sort = |selector: &mut VectorSelector| {
        selector.matchers.sort_by_cached_key(|matcher| format!("{matcher:?}"));
    };
    match expr {
        Expr::Vector(selector) => sort(selector),
        Expr::Matrix(matrix) => sort(&mut matrix.vector),
        Expr::Subquery(subquery) => sort_matchers(&mut subquery.expr),
        Expr::Aggregate(aggregate) => {
            sort_matchers(&mut aggregate.expr);
            aggregate.param.iter_mut().for_each(sort_matchers);
        }
        Expr::Binary(binary) => {
            sort_matchers(&mut binary.left);
            sort_matchers(&mut binary.right);
        }
        Expr::Call(call) => call.args.iter_mut().for_each(sort_matchers),
        Expr::Paren(paren) => sort_matchers(&mut paren.expr),
        Expr::Unary(unary) => sort_matchers(&mut unary.expr),
        Expr::Number(_) | Expr::String(_) => {}
    }
}
