//! Echo requests and replies. RFC 792, RFC 4443 section 4.

use std::net::Ipv4Addr;

const REQUEST_V4: u8 = 8;
const REPLY_V4: u8 = 0;
const REQUEST_V6: u8 = 128;
const REPLY_V6: u8 = 129;

/// Bytes before the payload.
const HEADER_BYTES: usize = 8;

/// Bytes of an IPv4 header without options.
const IPV4_HEADER_BYTES: usize = 20;

/// The flag that keeps routers from splitting a packet. RFC 791 section 3.1.
const DONT_FRAGMENT: u8 = 0x40;

/// One request, by which its reply is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    pub(super) id: u16,
    pub(super) sequence: u16,
    pub(super) payload: Vec<u8>,
}

impl Echo {
    /// The request. The kernel fills in the checksum of IPv6, which covers addresses.
    pub(super) fn request(&self, is_v4: bool) -> Vec<u8> {
        let kind = if is_v4 { REQUEST_V4 } else { REQUEST_V6 };
        let mut packet = vec![kind, 0, 0, 0];
        packet.extend(self.id.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(&self.payload);
        if is_v4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// Whether a message answers this request; of sockets that have a number of their own `id` is
    /// not compared.
    pub(super) fn is_answered_by(&self, message: &[u8], is_v4: bool, with_id: bool) -> bool {
        let kind = if is_v4 { REPLY_V4 } else { REPLY_V6 };
        let Some((header, payload)) = message.split_at_checked(HEADER_BYTES) else { return false };
        header[..2] == [kind, 0]
            && (!with_id || header[4..6] == self.id.to_be_bytes())
            && header[6..8] == self.sequence.to_be_bytes()
            && payload == self.payload
    }
}

/// A header for a packet that must not be split; the kernel fills in length, checksum and, where
/// there is none, our address.
pub(super) fn ipv4_header(payload: &[u8], from: Ipv4Addr, to: Ipv4Addr, ttl: u8) -> Vec<u8> {
    let length = u16::try_from(IPV4_HEADER_BYTES + payload.len()).unwrap_or(u16::MAX);
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, DONT_FRAGMENT, 0, ttl, 1, 0, 0]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend(payload);
    packet
}

/// The message behind an IPv4 header, with the hops that are left.
pub(super) fn without_ipv4_header(packet: &[u8]) -> Option<(&[u8], u8)> {
    let length = usize::from(packet.first()? & 0x0f) * 4;
    Some((packet.get(length..)?, *packet.get(8)?))
}

/// The ones' complement of the ones' complement sum. RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = bytes.chunks(2).fold(0_u32, |sum, pair| {
        let low = pair.get(1).copied().unwrap_or(0);
        sum + u32::from(u16::from_be_bytes([pair[0], low]))
    });
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_answers_only_its_own_request() {
        let echo = Echo { id: 0x1234, sequence: 7, payload: b"abc".to_vec() };
        let request = echo.request(true);
        assert_eq!(checksum(&request), 0, "a packet with its sum sums up to zero");
        assert!(
            !echo.is_answered_by(&request, true, true),
            "our own request comes back on loopback"
        );
        let mut reply = request.clone();
        reply[0] = REPLY_V4;
        assert!(echo.is_answered_by(&reply, true, true));
        assert!(!echo.is_answered_by(&reply, false, true));
        reply[5] ^= 1;
        assert!(!echo.is_answered_by(&reply, true, true));
        assert!(echo.is_answered_by(&reply, true, false));
        reply[7] ^= 1;
        assert!(!echo.is_answered_by(&reply, true, false));
        assert!(!echo.is_answered_by(&[], true, false));
    }

    #[test]
    fn the_message_stands_behind_the_header() {
        let packet = ipv4_header(b"xyz", [127, 0, 0, 1].into(), [10, 0, 0, 1].into(), 9);
        assert_eq!(without_ipv4_header(&packet), Some((&b"xyz"[..], 9)));
        assert_eq!(without_ipv4_header(&packet[..15]), None);
        assert_eq!(without_ipv4_header(&[]), None);
    }
}
