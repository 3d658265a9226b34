//! Tokens of the text formats 0.0.4 and 1.0.0, cut exactly where Prometheus cuts them.

use super::scan::{Scan, State, Token};

/// The next token that is not blank.
pub(super) fn next(scan: &mut Scan<'_>) -> Token {
    loop {
        let token = lex(scan);
        if token != Token::Whitespace {
            return token;
        }
    }
}

fn lex(scan: &mut Scan<'_>) -> Token {
    if scan.at >= scan.len() {
        return Token::Eof;
    }
    scan.start = scan.at;
    let first = scan.peek();
    if matches!(first, b' ' | b'\t') && scan.state != State::MetaText {
        blanks(scan);
        return Token::Whitespace;
    }
    match scan.state {
        State::Init => line_start(scan, first),
        State::Comment => keyword(scan),
        State::MetaName => {
            let found = if first == b'"' { scan.quoted(false, true) } else { scan.name(true) };
            then(scan, found, State::MetaText, Token::MetricName)
        }
        State::MetaText => {
            blanks(scan);
            // Nothing but blanks is no text yet.
            if scan.at > scan.start && matches!(scan.peek(), b'\n') {
                return Token::Whitespace;
            }
            scan.skip_line();
            scan.state = State::Init;
            Token::Text
        }
        State::Labels => labels(scan, first),
        State::LabelValue => {
            let found = first == b'"' && scan.quoted(false, false);
            then(scan, found, State::Labels, Token::LabelValue)
        }
        State::Value if first == b'{' => {
            scan.state = State::Labels;
            scan.one(Token::BraceOpen)
        }
        State::Value => {
            let found = scan.word(|b| matches!(b, b'{' | b'\t')) > 0;
            then(scan, found, State::Timestamp, Token::Value)
        }
        _ => timestamp(scan, first),
    }
}

fn line_start(scan: &mut Scan<'_>, first: u8) -> Token {
    match first {
        0 => Token::Eof,
        b'\n' => scan.one(Token::Linebreak),
        b'{' => {
            scan.state = State::Labels;
            scan.one(Token::BraceOpen)
        }
        b'#' => {
            scan.at += 1;
            if !matches!(scan.peek(), b' ' | b'\t') {
                return comment(scan);
            }
            blanks(scan);
            scan.state = State::Comment;
            skip_nul(scan);
            keyword(scan)
        }
        _ => {
            let found = scan.name(true);
            then(scan, found, State::Value, Token::MetricName)
        }
    }
}

/// What follows `# `: `HELP`, `TYPE`, or any other comment.
fn keyword(scan: &mut Scan<'_>) -> Token {
    let (word, token): (&[u8], _) = match scan.peek() {
        b'H' => (b"HELP", Token::Help),
        b'T' => (b"TYPE", Token::Type),
        _ => return comment(scan),
    };
    if !scan.keyword(word) || !matches!(scan.peek(), b' ' | b'\t') {
        return comment(scan);
    }
    blanks(scan);
    scan.state = State::MetaName;
    token
}

/// The rest of a comment. NUL ends the input unless it follows a `# `.
fn comment(scan: &mut Scan<'_>) -> Token {
    let from = scan.at;
    scan.skip_line();
    if scan.state != State::Comment && scan.slice(from, scan.at).contains(&0) {
        return Token::Eof;
    }
    scan.state = State::Init;
    Token::Comment
}

fn labels(scan: &mut Scan<'_>, first: u8) -> Token {
    match first {
        b'}' => {
            scan.state = State::Value;
            scan.one(Token::BraceClose)
        }
        b'=' => {
            scan.state = State::LabelValue;
            scan.one(Token::Equal)
        }
        b',' => scan.one(Token::Comma),
        b'"' => {
            let found = scan.quoted(false, true);
            then(scan, found, State::Labels, Token::QuotedString)
        }
        _ => {
            let found = scan.name(false);
            then(scan, found, State::Labels, Token::LabelName)
        }
    }
}

fn timestamp(scan: &mut Scan<'_>, first: u8) -> Token {
    if first == b'\n' {
        scan.state = State::Init;
        return scan.one(Token::Linebreak);
    }
    let digits = scan.bytes.get(scan.at..).unwrap_or_default();
    let length = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
    scan.at += length;
    if length == 0 { Token::Invalid } else { Token::Timestamp }
}

fn then(scan: &mut Scan<'_>, found: bool, state: State, token: Token) -> Token {
    if found {
        scan.state = state;
        token
    } else {
        Token::Invalid
    }
}

fn blanks(scan: &mut Scan<'_>) {
    while matches!(scan.peek(), b' ' | b'\t') {
        scan.at += 1;
    }
}

fn skip_nul(scan: &mut Scan<'_>) {
    while scan.at < scan.bytes.len() && scan.peek() == 0 {
        scan.at += 1;
    }
}
