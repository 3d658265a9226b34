//! Templates that would like to take the process down.

use crate::alertmanager::functions;
use common_template::{Error, Set, Value};

fn run(text: &str) -> Result<String, Error> {
    Set::default().execute_text("t", text, &Value::Nil, &functions())
}

#[test]
fn nesting_costs_an_error_and_never_the_stack() {
    let depth = 100_000;
    for (open, close) in [
        ("{{if 1}}", "{{end}}"),
        ("{{range list 1}}", "{{end}}"),
        ("{{with 1}}", "{{end}}"),
        ("{{if 0}}{{else if 1}}", "{{end}}"),
        ("{{if 0}}{{else}}", "{{end}}"),
        ("{{block \"x\" 1}}", "{{end}}"),
    ] {
        let text = format!("{}{}", open.repeat(depth), close.repeat(depth));
        assert!(matches!(run(&text), Err(Error::Parse(_))), "{open}");
    }
    let chain = format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(depth));
    assert!(matches!(run(&chain), Err(Error::Parse(_))));
    let parens = format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
    assert!(matches!(run(&parens), Err(Error::Parse(_))));
    assert!(run(&format!("{{{{ {} }}}}", "(".repeat(depth))).is_err());
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(150), ")".repeat(150));
    assert_eq!(run(&nested).unwrap(), "1");
}

#[test]
fn execution_has_limits() {
    for text in [
        r#"{{define "a"}}{{template "a"}}{{end}}{{template "a"}}"#,
        r#"{{define "a"}}{{with 1}}{{with 1}}{{with 1}}{{if 1}}{{if 1}}{{if 1}}{{template "a"}}{{end}}{{end}}{{end}}{{end}}{{end}}{{end}}{{end}}{{template "a"}}"#,
        "{{range 1000000000}}{{end}}",
        "{{range 100000}}{{range 100000}}x{{end}}{{end}}",
        "{{$x := \"abc\"}}{{range 100}}{{$x = print $x $x}}{{end}}",
        "{{$x := \"abc\"}}{{range 100}}{{$x = reReplaceAll \".\" $x $x}}{{end}}",
        "{{$x := list 1}}{{range 100000}}{{$x = list $x}}{{end}}",
        "{{$x := list 1}}{{range 1000000}}{{$x = append $x $x}}{{end}}",
        "{{$x := list 1}}{{range 49}}{{$x = list $x $x}}{{end}}{{$x}}",
        "{{$x := list 1}}{{range 49}}{{$x = list $x $x}}{{end}}{{toJson $x}}",
        "{{range 100}}{{printf \"%1000000d\" 1}}{{end}}",
    ] {
        let error = run(text).unwrap_err();
        assert!(matches!(error, Error::Limit(_) | Error::Exec(_)), "{text}: {error}");
    }
}

/// Numbers that look random and are the same everywhere (xorshift).
fn next_number(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 33) as usize
}

#[test]
fn no_text_brings_the_parser_or_the_executor_down() {
    let pieces = [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "\n",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "\"a\"",
        "template",
        "block",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        ".",
        ".A",
        "1",
        "-1",
        "1.5",
        "'a'",
        "`",
        "\"",
        "/*",
        "*/",
        "printf",
        "\"%d %s %5.2f\"",
        "list",
        "index",
        "slice",
        "nil",
        "true",
        "break",
        "continue",
        ",",
        "é",
        "\\",
        "len",
        "dict",
        "join",
        "now",
        ".Format",
    ];
    for seed in 1..20_000_u64 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut text = String::new();
        for _ in 0..next_number(&mut state) % 24 {
            text.push_str(pieces[next_number(&mut state) % pieces.len()]);
        }
        // Either way is fine, as long as it comes back.
        let _ = run(&text);
        let _ = run(&format!("{{{{ {text} }}}}"));
    }
}
