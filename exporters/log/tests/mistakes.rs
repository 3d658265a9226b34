//! What programs are refused for, in mtail's words and at mtail's places.

use crate::support::run;

fn check(program: &str, expected: &str) {
    assert_eq!(run(program, &[]).unwrap_err(), expected, "{program}");
}

#[test]
fn grammar() {
    check(
        "counter a\n/x/ {\n  a++ # c\n  a++\n}\n",
        "p:4:3: syntax error: unexpected ID, expecting LCURLY",
    );
    check("/x/ {\n", "p:2:1: syntax error: unexpected end of file, expecting '}' to end block");
    check(
        "/x/\n",
        "p:2:4: syntax error: statement with no effect, missing an assignment, `+' concatenation, or \
         `{}' block?",
    );
    check(
        "/x\n",
        "p:1:2: Unterminated regular expression: \"/x\"\n\
         p:1:2: syntax error: unexpected end of file, expecting '/' to end regex",
    );
    check(
        "counter _a\n",
        "p:1:9: Unexpected input: '_'\np:1:9: syntax error: unexpected INVALID, expecting STRING or ID",
    );
    check("hidden a\n", "p:1:8: syntax error: unexpected ID");
    check("len(\n", "p:2:5: syntax error: unexpected NL, expecting BUILTIN or DIV");
    check(
        "counter a\n(a 5\n",
        "p:2:4: syntax error: unexpected INTLITERAL, expecting AND or OR or RPAREN",
    );
}

#[test]
fn names_and_types() {
    check("counter a\n", "p:1:9: Declaration of variable `a' here is never used.");
    check(
        "/x/ {\n  b++\n}\n",
        "p:2:3: Identifier `b' not declared.\n\tTry adding `counter b' to the top of the program.",
    );
    check(
        "counter a by l\n/b/ {\n  a[$1]++\n}\n",
        "p:3:5-6: Capture group `$1' was not defined by a regular expression visible to this scope.\n\t\
         Check that there are at least 1 pairs of parentheses.",
    );
    check(
        "counter a by x, y\n/(b)/ {\n  a[$1]++\n}\n",
        "p:3:3-6: Not enough keys for indexed expression: expecting 2, received 1",
    );
    check(
        "counter a\n/x(/ {\n  a++\n}\n",
        "p:2:1-4: error parsing regexp: missing closing ): `x(`",
    );
    check(
        "histogram h buckets 2, 1\n/(\\d+)/ {\n  h = $1\n}\n",
        "p:1:11: Internal compiler error, aborting compilation: buckets boundaries must be sorted\n\
         p:3:3: Internal compiler error, aborting compilation: No metric bound to identifier \"h\"",
    );
    check("gauge g\n/(\\d+)/ {\n  g = $1 / 0\n}\n", "p:3:7-12: Can't divide by zero.");
}
