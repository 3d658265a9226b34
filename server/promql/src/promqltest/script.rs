//! Text to commands.

use super::time_ms;

/// A command with its place.
#[derive(Clone, Debug)]
pub(super) struct Command<'t> {
    /// Line of the command, from 1.
    pub(super) line: usize,
    /// The command as written.
    pub(super) text: &'t str,
    pub(super) kind: Result<Kind<'t>, String>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind<'t> {
    Clear,
    Load { step_ms: i64, with_nhcb: bool, lines: Vec<&'t str> },
    Eval(Eval<'t>),
}

#[derive(Clone, Debug)]
pub(super) struct Eval<'t> {
    pub(super) when: When,
    pub(super) expr: &'t str,
    pub(super) ordered: bool,
    pub(super) expects: Vec<Expect>,
    /// Expected series lines and scalars.
    pub(super) lines: Vec<&'t str>,
    /// `expect range vector`
    pub(super) range_vector: Option<When>,
    /// `expect string`
    pub(super) string: Option<&'t str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    Instant(i64),
    Range { start: i64, end: i64, step_ms: i64 },
}

/// What kind of message is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Fail,
    Warn,
    Info,
    NoWarn,
    NoInfo,
}

#[derive(Clone, Debug)]
pub(super) struct Expect {
    pub(super) topic: Topic,
    pub(super) text: Text,
}

#[derive(Clone, Debug)]
pub(super) enum Text {
    Any,
    Exactly(String),
    Matching(common_re2::Regex),
}

/// Cuts a script into commands. What cannot be read is a command with an error.
pub(super) fn parse(text: &str) -> Vec<Command<'_>> {
    let clean = |line: &'_ str| -> bool { line.starts_with('#') };
    let lines: Vec<&str> =
        text.lines().map(str::trim).map(|line| if clean(line) { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let text = lines[at];
        if text.is_empty() {
            at += 1;
            continue;
        }
        let line = at + 1;
        let word = text.split_whitespace().next().unwrap_or_default().to_lowercase();
        if word == "clear" {
            commands.push(Command { line, text, kind: Ok(Kind::Clear) });
            at += 1;
            continue;
        }
        let end = lines[at..].iter().position(|l| l.is_empty()).map_or(lines.len(), |n| at + n);
        let body = &lines[at + 1..end];
        let kind = match word.as_str() {
            "load" | "load_with_nhcb" => load(text, word == "load_with_nhcb", body),
            w if w.starts_with("eval") => eval(text, body).map(Kind::Eval),
            _ => Err(format!("invalid command \"{text}\"")),
        };
        commands.push(Command { line, text, kind });
        at = end;
    }
    commands
}

fn load<'t>(text: &str, with_nhcb: bool, lines: &[&'t str]) -> Result<Kind<'t>, String> {
    let step = text.split_whitespace().nth(1).ok_or("load needs a step")?;
    Ok(Kind::Load { step_ms: time_ms(step)?, with_nhcb, lines: lines.to_vec() })
}

fn eval<'t>(text: &'t str, body: &[&'t str]) -> Result<Eval<'t>, String> {
    let (command, rest) = word(text);
    let (mode, rest) = word(rest);
    let (when, expr) = match mode.to_lowercase().as_str() {
        "instant" => {
            let (time, rest) = keyword(rest, "at")?;
            (When::Instant(time), rest)
        }
        "range" => range(rest)?,
        _ => return Err("expected \"instant\" or \"range\"".to_owned()),
    };
    let mut eval = Eval {
        when,
        expr,
        ordered: false,
        expects: Vec::new(),
        lines: Vec::new(),
        range_vector: None,
        string: None,
    };
    let topic = match command.to_lowercase().as_str() {
        "eval_fail" => Some(Topic::Fail),
        "eval_warn" => Some(Topic::Warn),
        "eval_info" => Some(Topic::Info),
        _ => None,
    };
    eval.expects.extend(topic.map(|topic| Expect { topic, text: Text::Any }));
    eval.ordered = command.eq_ignore_ascii_case("eval_ordered");
    for line in body {
        expectation(&mut eval, line)?;
    }
    Ok(eval)
}

/// The first word of a text, and the rest.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// A keyword followed by a time.
fn keyword<'t>(text: &'t str, name: &str) -> Result<(i64, &'t str), String> {
    let (found, rest) = word(text);
    if found != name {
        return Err(format!("expected \"{name}\", got \"{found}\""));
    }
    let (time, rest) = word(rest);
    Ok((time_ms(time)?, rest))
}

fn range(text: &str) -> Result<(When, &str), String> {
    let (start, rest) = keyword(text, "from")?;
    let (end, rest) = keyword(rest, "to")?;
    let (step_ms, rest) = keyword(rest, "step")?;
    Ok((When::Range { start, end, step_ms }, rest))
}

fn expectation<'t>(eval: &mut Eval<'t>, line: &'t str) -> Result<(), String> {
    if let Some(text) = line.strip_prefix("expected_fail_message") {
        eval.expects.push(Expect { topic: Topic::Fail, text: Text::Exactly(text.trim().into()) });
        return Ok(());
    }
    if let Some(text) = line.strip_prefix("expected_fail_regexp") {
        eval.expects.push(Expect { topic: Topic::Fail, text: matching(text.trim())? });
        return Ok(());
    }
    let Some(rest) = line.strip_prefix("expect ") else {
        eval.lines.push(line);
        return Ok(());
    };
    let (what, rest) = word(rest);
    let topic = match what {
        "ordered" => {
            eval.ordered = true;
            return Ok(());
        }
        "string" => {
            eval.string = Some(rest);
            return Ok(());
        }
        "range" => {
            let rest = rest.strip_prefix("vector").ok_or("expected \"range vector\"")?;
            eval.range_vector = Some(range(rest)?.0);
            return Ok(());
        }
        "fail" => Topic::Fail,
        "warn" => Topic::Warn,
        "info" => Topic::Info,
        "no_warn" => Topic::NoWarn,
        "no_info" => Topic::NoInfo,
        other => return Err(format!("unknown expectation \"{other}\"")),
    };
    let text = if let Some(text) = rest.strip_prefix("msg:") {
        Text::Exactly(text.trim().to_owned())
    } else if let Some(pattern) = rest.strip_prefix("regex:") {
        matching(pattern.trim())?
    } else {
        Text::Any
    };
    eval.expects.push(Expect { topic, text });
    Ok(())
}

fn matching(pattern: &str) -> Result<Text, String> {
    common_re2::Regex::new(pattern).map(Text::Matching).map_err(|error| error.to_string())
}
