//! The two messages of a health check, and the five bytes before each of them.

use super::status::{INTERNAL, RESOURCE_EXHAUSTED};

/// What a server can say of a service.
pub(super) const STATUSES: [(u64, &str); 4] =
    [(0, "UNKNOWN"), (1, "SERVING"), (2, "NOT_SERVING"), (3, "SERVICE_UNKNOWN")];

/// The one that is good.
pub(super) const SERVING: u64 = 1;

/// Bytes of an answer; the limit of gRPC's own clients.
pub(super) const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A flag for compression and the length.
const PREFIX_BYTES: usize = 5;

/// Field 1 as text or as number.
const SERVICE: u8 = 0x0a;
const STATUS_FIELD: u64 = 1;

/// The name of a status; one that is not known is called by its number.
pub(super) fn status_name(status: u64) -> String {
    let known = STATUSES.iter().find(|(number, _)| *number == status);
    // Enumerations have 32 bits.
    known.map_or_else(|| (status as i32).to_string(), |(_, name)| (*name).to_owned())
}

/// The question after a service; nothing where its name is too long for an order.
pub(super) fn question(service: &str) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(SERVICE);
        let mut length = service.len();
        while length >= 0x80 {
            message.push(length as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.extend(service.bytes());
    }
    let length = u32::try_from(message.len()).ok()?;
    Some([&[0][..], &length.to_be_bytes(), &message].concat())
}

/// The status in an answer, or the code and words of what is wrong with it.
pub(super) fn answer(bytes: &[u8]) -> Result<u64, (u32, String)> {
    let wrong = |words: &str| Err((INTERNAL, words.to_owned()));
    let Some((prefix, rest)) = bytes.split_at_checked(PREFIX_BYTES) else {
        return wrong(if bytes.is_empty() {
            "cardinality violation: received no response message from non-server-streaming RPC"
        } else {
            "unexpected EOF"
        });
    };
    if prefix[0] != 0 {
        return wrong("grpc: compressed flag set with identity or empty encoding");
    }
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
    if length > ANSWER_BYTES_MAX {
        let words = "grpc: received message larger than max";
        return Err((RESOURCE_EXHAUSTED, format!("{words} ({length} vs. {ANSWER_BYTES_MAX})")));
    }
    let Some(message) = rest.get(..length) else { return wrong("unexpected EOF") };
    if rest.len() > length {
        return wrong("cardinality violation: expected <EOF> for non server-streaming RPCs");
    }
    match fields(message) {
        Some(status) => Ok(status),
        None => wrong("grpc: failed to unmarshal the received message: proto: cannot parse"),
    }
}

/// Field 1, zero where it is not there; other fields are passed over.
fn fields(mut bytes: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let (field, kind) = (key >> 3, key & 7);
        match kind {
            0 => {
                let number = varint(&mut bytes)?;
                if field == STATUS_FIELD {
                    status = number;
                }
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                bytes = bytes.get(length..)?;
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
        if field == 0 {
            return None;
        }
    }
    Some(status)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_the_service_if_there_is_one() {
        assert_eq!(question("").unwrap(), b"\0\0\0\0\0");
        assert_eq!(question("ok").unwrap(), b"\0\0\0\0\x04\x0a\x02ok");
        let long = question(&"x".repeat(300)).unwrap();
        assert_eq!(long[..8], *b"\0\0\0\x01\x2f\x0a\xac\x02");
    }

    #[test]
    fn an_answer_is_read_whatever_stands_beside_the_status() {
        let check = |bytes: &[u8], expected: Result<u64, u32>| {
            assert_eq!(answer(bytes).map_err(|(code, _)| code), expected, "{bytes:?}");
        };
        check(b"\0\0\0\0\0", Ok(0));
        check(b"\0\0\0\0\x02\x08\x01", Ok(1));
        check(b"\0\0\0\0\x06\x12\x02xy\x08\x02", Ok(2));
        check(b"\0\0\0\0\x02\x08\x09", Ok(9));
        check(b"", Err(INTERNAL));
        check(b"\0\0\0", Err(INTERNAL));
        check(b"\x01\0\0\0\x02\x08\x01", Err(INTERNAL));
        check(b"\0\0\0\0\x02\x08", Err(INTERNAL));
        check(b"\0\0\0\0\x01\x08", Err(INTERNAL));
        check(b"\0\0\0\0\x02\x0f\x01", Err(INTERNAL));
        check(b"\0\0\0\0\x02\x08\x01\0", Err(INTERNAL));
        check(b"\0\xff\xff\xff\xff", Err(RESOURCE_EXHAUSTED));
    }

    #[test]
    fn a_status_that_is_not_known_is_called_by_its_number() {
        assert_eq!(status_name(2), "NOT_SERVING");
        assert_eq!(status_name(7), "7");
        assert_eq!(status_name(u64::MAX), "-1");
    }
}
