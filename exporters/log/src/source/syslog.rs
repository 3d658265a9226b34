//! Syslog messages to lines as `/var/log/syslog` has them, and how messages follow each other in a
//! stream (RFC 6587).

use super::lines::{Fed, Lines};

/// Digits of a message's length.
const LENGTH_DIGITS_MAX: usize = 9;

/// Appends the line of one message: without its priority, and with the head of RFC 5424 as
/// `TIMESTAMP HOST APP[PROCID]: `. What is no syslog message stays as it is; line feeds inside of a
/// message become spaces, so that one record is one line.
pub(crate) fn render(message: &[u8], out: &mut Vec<u8>) {
    let ends = [b'\n', b'\r', 0];
    let end = message.iter().rposition(|byte| !ends.contains(byte)).map_or(0, |last| last + 1);
    let from = out.len();
    let message = without_priority(&message[..end]);
    match Header::parse(message) {
        Some(header) => header.render(out),
        None => out.extend_from_slice(message),
    }
    for byte in &mut out[from..] {
        if *byte == b'\n' {
            *byte = b' ';
        }
    }
    out.push(b'\n');
}

/// `<13>` at the start goes; at most three digits.
fn without_priority(message: &[u8]) -> &[u8] {
    let Some(rest) = message.strip_prefix(b"<") else { return message };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits) {
        Some(b'>') if (1..=3).contains(&digits) => &rest[digits + 1..],
        _ => message,
    }
}

/// The fields of RFC 5424 that a line shows.
struct Header<'a> {
    time: &'a [u8],
    host: &'a [u8],
    app: &'a [u8],
    process: &'a [u8],
    text: &'a [u8],
}

impl Header<'_> {
    /// `1 TIMESTAMP HOST APP PROCID MSGID STRUCTURED-DATA [MSG]`
    fn parse(message: &[u8]) -> Option<Header<'_>> {
        let mut fields = message.splitn(7, |byte| *byte == b' ');
        if fields.next()? != b"1" {
            return None;
        }
        let (time, host, app) = (fields.next()?, fields.next()?, fields.next()?);
        let (process, _id, rest) = (fields.next()?, fields.next()?, fields.next()?);
        let is_time = time == b"-" || time.first()?.is_ascii_digit();
        let after = after_structured_data(rest)?;
        let text = after.strip_prefix(b" ").unwrap_or(after);
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        is_time.then_some(Header { time, host, app, process, text })
    }

    fn render(&self, out: &mut Vec<u8>) {
        for field in [self.time, self.host, self.app] {
            out.extend_from_slice(field);
            out.push(b' ');
        }
        out.pop();
        if self.process != b"-" {
            out.push(b'[');
            out.extend_from_slice(self.process);
            out.push(b']');
        }
        out.extend_from_slice(b": ");
        out.extend_from_slice(self.text);
    }
}

/// What follows `-` or `[id key="value" ...][...]`; quotes and brackets in values are escaped.
fn after_structured_data(rest: &[u8]) -> Option<&[u8]> {
    if let Some(after) = rest.strip_prefix(b"-") {
        return Some(after);
    }
    let mut rest = rest;
    if rest.first() != Some(&b'[') {
        return None;
    }
    while rest.first() == Some(&b'[') {
        let (mut in_quotes, mut is_escaped, mut end) = (false, false, None);
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if in_quotes => is_escaped = true,
                b'"' => in_quotes = !in_quotes,
                b']' if !in_quotes => {
                    end = Some(at + 1);
                    break;
                }
                _ => {}
            }
        }
        rest = &rest[end?..];
    }
    Some(rest)
}

/// Cuts a stream of syslog messages: `LENGTH SPACE MESSAGE`, or a message and a line feed, and
/// senders may mix both.
#[derive(Debug)]
pub(crate) struct Messages {
    state: State,
    lines: Lines,
    line_bytes_max: usize,
}

#[derive(Debug)]
enum State {
    /// Digits of a length, or nothing yet.
    Start(Vec<u8>),
    /// So many bytes are missing.
    Counted { missing: usize, text: Vec<u8>, is_cut: bool },
    /// Up to the next line feed.
    Line,
}

impl Messages {
    pub(crate) fn new(line_bytes_max: usize) -> Messages {
        let lines = Lines::new(line_bytes_max);
        Messages { state: State::Start(Vec::new()), lines, line_bytes_max }
    }

    /// Takes more of the stream and appends the lines that are complete.
    pub(crate) fn feed(&mut self, data: &[u8], out: &mut Vec<u8>) -> Fed {
        let mut fed = Fed::default();
        let mut data = data;
        while !data.is_empty() {
            data = match &mut self.state {
                State::Start(_) => self.start(data),
                State::Counted { .. } => self.counted(data, &mut fed, out),
                State::Line => self.line(data, &mut fed, out),
            };
        }
        fed
    }

    /// The stream has ended: what is held is a message.
    pub(crate) fn flush(&mut self, out: &mut Vec<u8>) -> Fed {
        let mut fed = Fed::default();
        match std::mem::replace(&mut self.state, State::Start(Vec::new())) {
            State::Start(text) | State::Counted { text, .. } if !text.is_empty() => {
                render(&text, out);
                fed.lines += 1;
            }
            State::Line => {
                let more = self.lines.flush(&mut |text| render(text, out));
                fed.lines += more.lines;
            }
            _ => {}
        }
        fed
    }

    fn start<'a>(&mut self, data: &'a [u8]) -> &'a [u8] {
        let State::Start(digits) = &mut self.state else { return data };
        let (first, rest) = data.split_at(1);
        let byte = first[0];
        let is_digit = byte.is_ascii_digit() && !(digits.is_empty() && byte == b'0');
        if is_digit && digits.len() < LENGTH_DIGITS_MAX {
            digits.push(byte);
            return rest;
        }
        if byte == b' ' && !digits.is_empty() {
            let missing = digits.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
            self.state = State::Counted { missing, text: Vec::new(), is_cut: false };
            return rest;
        }
        // Line feeds between messages belong to none.
        if digits.is_empty() && (byte == b'\n' || byte == 0) {
            return rest;
        }
        let begun = std::mem::take(digits);
        self.state = State::Line;
        // Digits alone are no line, so that nothing can come out here.
        self.lines.feed(&begun, &mut |_| {});
        data
    }

    fn counted<'a>(&mut self, data: &'a [u8], fed: &mut Fed, out: &mut Vec<u8>) -> &'a [u8] {
        let State::Counted { missing, text, is_cut } = &mut self.state else { return data };
        let (mine, rest) = data.split_at(data.len().min(*missing));
        let room = self.line_bytes_max.saturating_sub(text.len());
        *is_cut |= mine.len() > room;
        text.extend_from_slice(&mine[..mine.len().min(room)]);
        *missing -= mine.len();
        if *missing == 0 {
            render(text, out);
            fed.lines += 1;
            fed.cut += u64::from(*is_cut);
            self.state = State::Start(Vec::new());
        }
        rest
    }

    fn line<'a>(&mut self, data: &'a [u8], fed: &mut Fed, out: &mut Vec<u8>) -> &'a [u8] {
        let end = memchr::memchr(b'\n', data).map_or(data.len(), |end| end + 1);
        let (mine, rest) = data.split_at(end);
        let more = self.lines.feed(mine, &mut |text| render(text, out));
        fed.lines += more.lines;
        fed.cut += more.cut;
        if mine.ends_with(b"\n") {
            self.state = State::Start(Vec::new());
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::{Messages, render};

    #[test]
    fn messages_become_lines_of_a_log_file() {
        let check = |message: &str, wanted: &str| {
            let mut out = Vec::new();
            render(message.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), format!("{wanted}\n"), "{message:?}");
        };
        check("<34>Oct 11 22:14:15 mymachine su: failed\n", "Oct 11 22:14:15 mymachine su: failed");
        check("<13>x: y\0", "x: y");
        check("no priority", "no priority");
        check("<>x", "<>x");
        check("<1234>x", "<1234>x");
        check("", "");
        check("<13>two\nlines\r\n", "two lines");
        check(
            "<165>1 2003-10-11T22:14:15.003Z host evntslog 77 ID47 - \u{feff}An event",
            "2003-10-11T22:14:15.003Z host evntslog[77]: An event",
        );
        check(
            r#"<165>1 2003-10-11T22:14:15Z h app - ID47 [a@1 k="v\"] " l="w"][b] text [x]"#,
            "2003-10-11T22:14:15Z h app: text [x]",
        );
        check("<165>1 - - - - - -", "- - -: ");
        check(
            "<165>1 2003-10-11T22:14:15Z h app - ID47 [open text",
            "1 2003-10-11T22:14:15Z h app - ID47 [open text",
        );
        check("<165>1 file is missing", "1 file is missing");
    }

    fn check(stream: &str, wanted: &str, lines: u64, cut: u64) {
        for piece in [1, 3, 1000] {
            let mut messages = Messages::new(20);
            let mut out = Vec::new();
            let (mut got_lines, mut got_cut) = (0, 0);
            for piece in stream.as_bytes().chunks(piece) {
                let fed = messages.feed(piece, &mut out);
                got_lines += fed.lines;
                got_cut += fed.cut;
            }
            got_lines += messages.flush(&mut out).lines;
            assert_eq!(String::from_utf8_lossy(&out), wanted, "{stream:?} by {piece}");
            assert_eq!((got_lines, got_cut), (lines, cut), "{stream:?} by {piece}");
        }
    }

    #[test]
    fn messages_are_counted_or_end_with_a_line_feed() {
        check("<1>a\n<1>b\n", "a\nb\n", 2, 0);
        check("5 <1>ab5 <1>cd", "ab\ncd\n", 2, 0);
        check("5 <1>ab\n<1>x\n6 <1>c\nd\n", "ab\nx\nc d\n", 3, 0);
        check("12:30 up\nx", "12:30 up\nx\n", 2, 0);
        check("9999999999 x\n", "9999999999 x\n", 1, 0);
        check("007 x\n", "007 x\n", 1, 0);
        check("30 <1>aaaaaaaaaabbbbbbbbbbccccccc3 end", "aaaaaaaaaabbbbbbb\nend\n", 2, 1);
        check("<1>aaaaaaaaaabbbbbbbbbbccccccc\nx\n", "aaaaaaaaaabbbbbbb\nx\n", 2, 1);
        check("10 <1>half", "half\n", 1, 0);
        check("12", "12\n", 1, 0);
    }
}
