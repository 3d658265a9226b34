//! The data of records in the text form of zone files. RFC 1035 section 5, and those of each type.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::message::{Reader, SOA, quoted};
use crate::config::type_name;
use crate::probe::tls::hex;

/// Seconds of a day, for the times of signatures.
const DAY_SECONDS: u64 = 86_400;

/// The names of the parameters of SVCB and HTTPS. RFC 9460 section 14.3.2.
const PARAMETERS: [&str; 7] =
    ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];

impl<'a> Reader<'a> {
    /// The data of the types that are known by their fields; nothing for others.
    pub(super) fn data(&mut self, kind: u16, serial: &mut Option<u32>) -> Option<String> {
        Some(match kind {
            // A
            1 => Ipv4Addr::from(self.long()?).to_string(),
            // NS, CNAME, PTR, DNAME
            2 | 5 | 12 | 39 => self.name()?,
            SOA => {
                let (master, mailbox) = (self.name()?, self.name()?);
                let number = self.long()?;
                *serial = Some(number);
                let (refresh, retry, expire, minimum) =
                    (self.long()?, self.long()?, self.long()?, self.long()?);
                format!("{master} {mailbox} {number} {refresh} {retry} {expire} {minimum}")
            }
            // HINFO
            13 => format!("{} {}", self.string()?, self.string()?),
            // MX, AFSDB
            15 | 18 => format!("{} {}", self.word()?, self.name()?),
            // TXT, SPF
            16 | 99 => {
                let mut texts = Vec::new();
                while !self.is_done() {
                    texts.push(self.string()?);
                }
                texts.join(" ")
            }
            // RP
            17 => format!("{} {}", self.name()?, self.name()?),
            // AAAA
            28 => Ipv6Addr::from(<[u8; 16]>::try_from(self.take(16)?).ok()?).to_string(),
            // SRV
            33 => {
                let (priority, weight, port) = (self.word()?, self.word()?, self.word()?);
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            // NAPTR
            35 => {
                let (order, preference) = (self.word()?, self.word()?);
                let (flags, service, pattern) = (self.string()?, self.string()?, self.string()?);
                format!("{order} {preference} {flags} {service} {pattern} {}", self.name()?)
            }
            43..=48 | 52 | 53 | 59..=61 => self.security(kind)?,
            // SVCB, HTTPS
            64 | 65 => self.service()?,
            // URI
            256 => {
                let (priority, weight) = (self.word()?, self.word()?);
                format!("{priority} {weight} {}", quoted(self.rest()?))
            }
            // CAA
            257 => {
                let flag = self.byte()?;
                let length = usize::from(self.byte()?);
                let tag = String::from_utf8_lossy(self.take(length)?).into_owned();
                format!("{flag} {tag} {}", quoted(self.rest()?))
            }
            _ => return None,
        })
    }

    /// Records of DNSSEC and of keys.
    fn security(&mut self, kind: u16) -> Option<String> {
        Some(match kind {
            // DS, CDS
            43 | 59 => {
                let (tag, algorithm, digest) = (self.word()?, self.byte()?, self.byte()?);
                let shown = hex(self.rest()?).to_ascii_uppercase();
                format!("{tag} {algorithm} {digest} {shown}")
            }
            // SSHFP
            44 => {
                let (algorithm, digest) = (self.byte()?, self.byte()?);
                format!("{algorithm} {digest} {}", hex(self.rest()?).to_ascii_uppercase())
            }
            // RRSIG
            46 => {
                let (covered, algorithm, labels) = (self.word()?, self.byte()?, self.byte()?);
                let (ttl, end, begin, tag) =
                    (self.long()?, self.long()?, self.long()?, self.word()?);
                let (covered, signer) = (type_text(covered), self.name()?);
                let (end, begin, key) = (moment(end), moment(begin), self.base64()?);
                format!("{covered} {algorithm} {labels} {ttl} {end} {begin} {tag} {signer} {key}")
            }
            // NSEC
            47 => {
                let mut text = self.name()?;
                for kind in self.bitmap()? {
                    text.push(' ');
                    text.push_str(&type_text(kind));
                }
                text
            }
            // DNSKEY, CDNSKEY
            48 | 60 => {
                let (flags, protocol, algorithm) = (self.word()?, self.byte()?, self.byte()?);
                format!("{flags} {protocol} {algorithm} {}", self.base64()?)
            }
            // TLSA, SMIMEA
            52 | 53 => {
                let (usage, selector, digest) = (self.byte()?, self.byte()?, self.byte()?);
                format!("{usage} {selector} {digest} {}", hex(self.rest()?))
            }
            // OPENPGPKEY
            61 => self.base64()?,
            _ => return None,
        })
    }

    /// SVCB and HTTPS. RFC 9460 section 2.1.
    fn service(&mut self) -> Option<String> {
        let priority = self.word()?;
        let mut text = format!("{priority} {}", self.name()?);
        while !self.is_done() {
            let (key, length) = (self.word()?, self.word()?);
            let value = self.take(usize::from(length))?;
            let name = PARAMETERS.get(usize::from(key));
            let name = name.map_or_else(|| format!("key{key}"), |name| (*name).to_owned());
            text.push_str(&format!(" {name}={}", parameter(key, value)?));
        }
        Some(text)
    }

    /// A text with its length before it, in quotes.
    fn string(&mut self) -> Option<String> {
        let length = usize::from(self.byte()?);
        self.take(length).map(quoted)
    }

    fn base64(&mut self) -> Option<String> {
        self.rest().map(|bytes| BASE64_STANDARD.encode(bytes))
    }

    /// The types of a bitmap. RFC 4034 section 4.1.2.
    fn bitmap(&mut self) -> Option<Vec<u16>> {
        let mut kinds = Vec::new();
        while !self.is_done() {
            let (window, length) = (u16::from(self.byte()?), usize::from(self.byte()?));
            for (at, byte) in self.take(length)?.iter().enumerate() {
                let first = window * 256 + u16::try_from(at * 8).ok()?;
                kinds.extend((0..8).filter(|bit| byte & (0x80 >> bit) != 0).map(|bit| first + bit));
            }
        }
        Some(kinds)
    }
}

/// The value of a parameter of a service, in quotes.
fn parameter(key: u16, value: &[u8]) -> Option<String> {
    let words = |value: &[u8]| -> Vec<u16> {
        value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    };
    let list = match key {
        0 => {
            let name = |key: u16| PARAMETERS.get(usize::from(key)).map(|name| (*name).to_owned());
            let names =
                words(value).into_iter().map(|key| name(key).unwrap_or(format!("key{key}")));
            names.collect::<Vec<_>>()
        }
        1 => {
            let (mut names, mut rest) = (Vec::new(), value);
            while let Some((&length, after)) = rest.split_first() {
                let (name, after) = after.split_at_checked(usize::from(length))?;
                names.push(String::from_utf8_lossy(name).into_owned());
                rest = after;
            }
            names
        }
        3 => words(value).iter().map(u16::to_string).collect(),
        4 => {
            let four = value.chunks_exact(4).filter_map(|ip| <[u8; 4]>::try_from(ip).ok());
            four.map(|ip| Ipv4Addr::from(ip).to_string()).collect()
        }
        5 => vec![BASE64_STANDARD.encode(value)],
        6 => {
            let six = value.chunks_exact(16).filter_map(|ip| <[u8; 16]>::try_from(ip).ok());
            six.map(|ip| Ipv6Addr::from(ip).to_string()).collect()
        }
        _ => return Some(quoted(value)),
    };
    Some(format!("\"{}\"", list.join(",")))
}

fn type_text(kind: u16) -> String {
    type_name(kind).map_or_else(|| format!("TYPE{kind}"), str::to_owned)
}

/// A time of a signature: `20261121172106`.
fn moment(seconds: u32) -> String {
    let seconds = u64::from(seconds);
    let (days, left) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    let date = jiff::civil::date(1970, 1, 1);
    let span = jiff::Span::new().try_days(i64::try_from(days).unwrap_or_default());
    let date = span.ok().and_then(|span| date.checked_add(span).ok()).unwrap_or(date);
    let (hours, minutes) = (left / 3600, left / 60 % 60);
    let (year, month, day) = (date.year(), date.month(), date.day());
    format!("{year:04}{month:02}{day:02}{hours:02}{minutes:02}{:02}", left % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_told_as_zone_files_have_it() {
        let check = |kind: u16, bytes: &[u8], expected: &str| {
            let mut reader = Reader { bytes, at: 0 };
            assert_eq!(reader.data(kind, &mut None).as_deref(), Some(expected), "{kind}");
        };
        check(13, b"\x03ARM\x05Linux", "\"ARM\" \"Linux\"");
        check(35, b"\0\x01\0\x02\x01u\x03e2u\x02!!\0", "1 2 \"u\" \"e2u\" \"!!\" .");
        check(43, b"\x30\x39\x08\x02\xab\xcd", "12345 8 2 ABCD");
        check(44, b"\x04\x02\xab", "4 2 AB");
        check(52, b"\x03\x01\x01\xab", "3 1 1 ab");
        check(48, b"\x01\x01\x03\x08key", "257 3 8 a2V5");
        let signature =
            b"\0\x01\x08\x02\0\0\x0e\x10\x69\x20\xa0\x00\x69\x00\x00\x00\0\x07\x01a\0sig";
        check(46, signature, "A 8 2 3600 20251121172312 20251027232800 7 a. c2ln");
        check(47, b"\x01b\0\0\x01\x40\x01\x01\x40", "b. A CAA");
        check(256, b"\0\x0a\0\x01http://x/", "10 1 \"http://x/\"");
        let service =
            b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x01\xbb\0\x04\0\x04\x0a\0\0\x01";
        check(65, service, "1 . alpn=\"h2,h3\" port=\"443\" ipv4hint=\"10.0.0.1\"");
    }
}
