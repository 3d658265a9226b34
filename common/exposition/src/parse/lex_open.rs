//! Tokens of OpenMetrics, cut exactly where Prometheus cuts them.

use super::scan::{Scan, State, Token};

/// The next token; blanks belong to the tokens they precede.
pub(super) fn next(scan: &mut Scan<'_>) -> Token {
    if scan.at >= scan.len() {
        return Token::Eof;
    }
    scan.start = scan.at;
    let first = scan.peek();
    match scan.state {
        State::Init => line_start(scan, first),
        State::Comment => keyword(scan),
        State::MetaName => {
            let found = if first == b'"' { scan.quoted(false, true) } else { scan.name(true) };
            then(scan, found, State::MetaText, Token::MetricName)
        }
        State::MetaText => meta_text(scan, first),
        State::Labels | State::Exemplar => labels(scan, first),
        State::LabelValue => {
            let found = first == b'"' && scan.quoted(true, false);
            then(scan, found, State::Labels, Token::LabelValue)
        }
        State::Value if first == b'{' => {
            scan.state = State::Labels;
            scan.one(Token::BraceOpen)
        }
        State::Value => {
            let found = blank_and_word(scan, first);
            then(scan, found, State::Timestamp, Token::Value)
        }
        State::ExemplarValue if first == b'"' => {
            let found = scan.quoted(true, true);
            then(scan, found, State::Exemplar, Token::LabelValue)
        }
        State::ExemplarValue => {
            let found = blank_and_word(scan, first);
            then(scan, found, State::ExemplarTimestamp, Token::Value)
        }
        State::Timestamp => timestamp(scan, first),
        State::ExemplarTimestamp => {
            if first == b'\n' {
                scan.state = State::Init;
                return scan.one(Token::Linebreak);
            }
            let found = blank_and_word(scan, first);
            then(scan, found, State::ExemplarTimestamp, Token::Timestamp)
        }
    }
}

fn line_start(scan: &mut Scan<'_>, first: u8) -> Token {
    match first {
        b'{' => {
            scan.state = State::Labels;
            scan.one(Token::BraceOpen)
        }
        b'#' => {
            scan.at += 1;
            if scan.peek() != b' ' {
                return Token::Invalid;
            }
            scan.at += 1;
            scan.state = State::Comment;
            while scan.at < scan.bytes.len() && scan.peek() == 0 {
                scan.at += 1;
            }
            keyword(scan)
        }
        _ => {
            let found = scan.name(true);
            then(scan, found, State::Value, Token::MetricName)
        }
    }
}

/// What follows `# `.
fn keyword(scan: &mut Scan<'_>) -> Token {
    let (word, token): (&[u8], _) = match scan.peek() {
        b'H' => (b"HELP ", Token::Help),
        b'T' => (b"TYPE ", Token::Type),
        b'U' => (b"UNIT ", Token::Unit),
        b'E' => (b"EOF", Token::EofWord),
        _ => return Token::Invalid,
    };
    if !scan.keyword(word) {
        return Token::Invalid;
    }
    if token == Token::EofWord {
        if scan.peek() == b'\n' {
            scan.at += 1;
        }
        scan.state = State::Init;
    } else {
        scan.state = State::MetaName;
    }
    token
}

/// A blank and the rest of the line, line break included.
fn meta_text(scan: &mut Scan<'_>, first: u8) -> Token {
    if first != b' ' {
        return Token::Invalid;
    }
    scan.skip_line();
    if scan.peek() != b'\n' {
        return Token::Invalid;
    }
    scan.at += 1;
    scan.state = State::Init;
    Token::Text
}

fn labels(scan: &mut Scan<'_>, first: u8) -> Token {
    let in_exemplar = scan.state == State::Exemplar;
    match first {
        b'}' => {
            scan.state = if in_exemplar { State::ExemplarValue } else { State::Value };
            scan.one(Token::BraceClose)
        }
        b'=' => {
            scan.state = if in_exemplar { State::ExemplarValue } else { State::LabelValue };
            scan.one(Token::Equal)
        }
        b',' => scan.one(Token::Comma),
        b'"' => {
            let found = scan.quoted(in_exemplar, true);
            then(scan, found, scan.state, Token::QuotedString)
        }
        _ => {
            let found = scan.name(false);
            then(scan, found, scan.state, Token::LabelName)
        }
    }
}

/// A timestamp, the start of an exemplar, or the end of the line. As in the original there is no
/// way back from ` # ` when no brace follows.
fn timestamp(scan: &mut Scan<'_>, first: u8) -> Token {
    if first == b'\n' {
        scan.state = State::Init;
        return scan.one(Token::Linebreak);
    }
    if first == b' ' && scan.byte(scan.at + 1) == b'#' && scan.byte(scan.at + 2) == b' ' {
        scan.at += 3;
        let found = scan.peek() == b'{';
        scan.at += usize::from(found);
        return then(scan, found, State::Exemplar, Token::Comment);
    }
    let found = blank_and_word(scan, first);
    then(scan, found, State::Timestamp, Token::Timestamp)
}

fn blank_and_word(scan: &mut Scan<'_>, first: u8) -> bool {
    if first != b' ' {
        return false;
    }
    scan.at += 1;
    scan.word(|_| false) > 0
}

fn then(scan: &mut Scan<'_>, found: bool, state: State, token: Token) -> Token {
    if found {
        scan.state = state;
        token
    } else {
        Token::Invalid
    }
}
