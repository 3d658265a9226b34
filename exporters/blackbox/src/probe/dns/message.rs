//! DNS messages: a question to bytes, bytes to records in the text form of zone files. RFC 1035.

use std::fmt::Write as _;

use crate::config::{class_name, type_name};

/// Bytes of a header.
const HEADER_BYTES: usize = 12;

/// Bytes of a label and of a name.
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 255;

/// Pointers that are followed within one name: more only go in circles.
const POINTERS_MAX: usize = 64;

/// The flags that are looked at.
const IS_ANSWER: u16 = 0x8000;
const IS_TRUNCATED: u16 = 0x0200;
const WANTS_RECURSION: u16 = 0x0100;

/// The type that has a serial.
pub(super) const SOA: u16 = 6;

/// What is asked.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Question<'a> {
    pub(in crate::probe) id: u16,
    pub(in crate::probe) name: &'a str,
    pub(in crate::probe) kind: u16,
    pub(in crate::probe) class: u16,
    pub(in crate::probe) wants_recursion: bool,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::probe) struct Answer {
    pub(in crate::probe) rcode: u16,
    /// Whether there was more than fitted.
    pub(in crate::probe) is_truncated: bool,
    /// Answers, authorities and additional records.
    pub(in crate::probe) sections: [Vec<Record>; 3],
}

/// A record as text, `name TTL class type data` with tabs between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::probe) struct Record {
    pub(in crate::probe) text: String,
    /// Of an SOA record.
    pub(in crate::probe) serial: Option<u32>,
}

impl Question<'_> {
    /// The message; an error where the name cannot be one.
    pub(in crate::probe) fn encode(&self) -> Result<Vec<u8>, String> {
        let flags = if self.wants_recursion { WANTS_RECURSION } else { 0 };
        let mut bytes = Vec::with_capacity(64);
        for word in [self.id, flags, 1, 0, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        let name = self.name.strip_suffix('.').unwrap_or(self.name);
        for label in name.split('.').filter(|_| !name.is_empty()) {
            let length = u8::try_from(label.len()).ok().filter(|_| label.len() <= LABEL_BYTES_MAX);
            let Some(length) = length.filter(|length| *length > 0) else {
                return Err(format!("dns: bad name {:?}", self.name));
            };
            bytes.push(length);
            bytes.extend(label.bytes());
        }
        bytes.push(0);
        if bytes.len() - HEADER_BYTES > NAME_BYTES_MAX {
            return Err(format!("dns: name {:?} is too long", self.name));
        }
        bytes.extend(self.kind.to_be_bytes());
        bytes.extend(self.class.to_be_bytes());
        Ok(bytes)
    }
}

/// Reads an answer; nothing where it answers another question.
pub(in crate::probe) fn decode(bytes: &[u8], id: u16) -> Result<Option<Answer>, String> {
    let mut reader = Reader { bytes, at: 0 };
    let mut read = || -> Option<Option<Answer>> {
        let (known, flags) = (reader.word()?, reader.word()?);
        if known != id || flags & IS_ANSWER == 0 {
            return Some(None);
        }
        let counts = [reader.word()?, reader.word()?, reader.word()?, reader.word()?];
        for _ in 0..counts[0] {
            reader.name()?;
            reader.take(4)?;
        }
        let mut answer = Answer {
            rcode: flags & 0x0f,
            is_truncated: flags & IS_TRUNCATED != 0,
            ..Answer::default()
        };
        for (section, count) in answer.sections.iter_mut().zip(&counts[1..]) {
            for _ in 0..*count {
                section.push(reader.record()?);
            }
        }
        Some(Some(answer))
    };
    read().ok_or_else(|| "dns: overflow unpacking message".to_owned())
}

/// A message, and how far it was read.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> Option<&'a [u8]> {
        self.take(self.bytes.len().checked_sub(self.at)?)
    }

    pub(super) fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn word(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    pub(super) fn long(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// A name with its dot at the end, pointers followed.
    pub(super) fn name(&mut self) -> Option<String> {
        let (mut text, mut pointers, mut back) = (String::new(), 0, None);
        loop {
            let length = self.byte()?;
            if length == 0 {
                break;
            }
            if length & 0xc0 == 0xc0 {
                let low = self.byte()?;
                back.get_or_insert(self.at);
                pointers += 1;
                if pointers > POINTERS_MAX {
                    return None;
                }
                self.at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                continue;
            }
            if usize::from(length) > LABEL_BYTES_MAX || text.len() > 4 * NAME_BYTES_MAX {
                return None;
            }
            for byte in self.take(usize::from(length))? {
                push_name_byte(&mut text, *byte);
            }
            text.push('.');
        }
        self.at = back.unwrap_or(self.at);
        if text.is_empty() {
            text.push('.');
        }
        Some(text)
    }

    fn record(&mut self) -> Option<Record> {
        let name = self.name()?;
        let (kind, class, ttl, length) = (self.word()?, self.word()?, self.long()?, self.word()?);
        let end = self.at.checked_add(usize::from(length))?;
        // Names in the data may point back, so that all of the message must stay in reach.
        let mut data = Reader { bytes: self.bytes.get(..end)?, at: self.at };
        self.at = end;
        let mut serial = None;
        let shown = data.data(kind, &mut serial).filter(|_| data.at == end);
        let shown = match shown {
            Some(shown) => shown,
            None => {
                let raw = self.bytes.get(end - usize::from(length)..end)?;
                raw.iter().fold(format!("\\# {length} "), |mut text, byte| {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "{byte:02x}");
                    text
                })
            }
        };
        let class = class_name(class).map_or_else(|| format!("CLASS{class}"), str::to_owned);
        let kind = type_name(kind).map_or_else(|| format!("TYPE{kind}"), str::to_owned);
        let text = format!("{name}\t{ttl}\t{class}\t{kind}\t{shown}");
        Some(Record { text, serial })
    }
}

/// A byte of a label; signs that mean something in a zone file are escaped.
fn push_name_byte(text: &mut String, byte: u8) {
    match byte {
        b'.' | b' ' | b'\'' | b'@' | b';' | b'(' | b')' | b'"' | b'\\' => {
            text.push('\\');
            text.push(char::from(byte));
        }
        b'!'..=b'~' => text.push(char::from(byte)),
        _ => {
            // Writing into a String cannot fail.
            let _ = write!(text, "\\{byte:03}");
        }
    }
}

/// A text of a record.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(byte));
            }
            b' '..=b'~' => text.push(char::from(byte)),
            _ => {
                // Writing into a String cannot fail.
                let _ = write!(text, "\\{byte:03}");
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Vec<u8> {
        let question = Question { id: 7, name: "a.test", kind: 1, class: 1, wants_recursion: true };
        question.encode().unwrap()
    }

    /// An answer to [`question`] with one record of this type and data.
    fn answer(kind: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = question();
        bytes[2] |= 0x84;
        bytes[7] = 1;
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 14, 16]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn records_are_told_as_zone_files_have_them() {
        let check = |kind: u16, data: &[u8], expected: &str| {
            let answer = decode(&answer(kind, data), 7).unwrap().unwrap();
            assert_eq!(answer.sections[0][0].text, format!("a.test.\t3600\tIN\t{expected}"));
        };
        check(1, &[127, 0, 0, 1], "A\t127.0.0.1");
        check(28, &[0; 16], "AAAA\t::");
        check(15, b"\x00\x0a\x01m\xc0\x0c", "MX\t10 m.a.test.");
        check(16, b"\x05a\"b\\c\x01\x07", "TXT\t\"a\\\"b\\\\c\" \"\\007\"");
        check(33, b"\x00\x01\x00\x02\x01\xbb\x00", "SRV\t1 2 443 .");
        check(257, b"\x00\x05issueca.test", "CAA\t0 issue \"ca.test\"");
        check(1, &[127, 0, 0], "A\t\\# 3 7f0000");
        check(4321, b"\xff", "TYPE4321\t\\# 1 ff");
    }

    #[test]
    fn other_ids_are_passed_over_and_torn_messages_refused() {
        let whole = answer(1, &[127, 0, 0, 1]);
        assert_eq!(decode(&whole, 8), Ok(None));
        assert_eq!(decode(&question(), 7), Ok(None), "a question is no answer");
        for length in 0..whole.len() {
            assert!(!matches!(decode(&whole[..length], 7), Ok(Some(_))), "{length}");
        }
        let mut circle = answer(2, b"\xc0\x24");
        let at = circle.len() - 2;
        circle[at + 1] = at as u8;
        // The data cannot be read; the record stays, as bytes.
        assert!(decode(&circle, 7).unwrap().unwrap().sections[0][0].text.contains("\\# 2"));
    }

    #[test]
    fn names_that_are_none_are_not_asked_for() {
        let encode = |name: &str| {
            Question { id: 1, name, kind: 1, class: 1, wants_recursion: false }.encode()
        };
        assert!(encode("a..b").is_err());
        assert!(encode(&"x".repeat(64)).is_err());
        assert!(encode(&"x.".repeat(200)).is_err());
        assert_eq!(encode(".").unwrap().len(), HEADER_BYTES + 5);
        assert_eq!(encode("A.b.").unwrap()[HEADER_BYTES..][..5], *b"\x01A\x01b\x00");
    }
}
