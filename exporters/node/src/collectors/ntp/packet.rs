//! The packets of SNTP and what follows from the four timestamps of an exchange. RFC 5905, 7.3.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds: a span, or since 1970.
pub(super) type Nanos = i64;

pub(super) const SECOND: Nanos = 1_000_000_000;
pub(super) const DAY: Nanos = 86_400 * SECOND;

/// Bytes of a packet without extensions.
pub(super) const REQUEST_BYTES: usize = 48;

const MODE_CLIENT: u8 = 3;
const MODE_SERVER: u8 = 4;
/// A clock that does not know the time.
const LEAP_UNKNOWN: u8 = 3;
/// From here on a server is not synchronised.
const STRATUM_MAX: u8 = 16;
/// A server that has heard nothing for longer is not fresh.
const POLL_INTERVAL_MAX: Nanos = (1 << 17) * SECOND;
const DISPERSION_MAX: Nanos = 16 * SECOND;

/// Seconds since 1900 in 32.32 bits; begins again in 2036.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timestamp(pub(super) u64);

impl Timestamp {
    const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
    const SECONDS_1900_TO_2036: u64 = 1 << 32;

    /// A time of the host's clock.
    pub(super) fn from_time(time: SystemTime) -> Timestamp {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = since.as_secs().wrapping_add(Timestamp::SECONDS_1900_TO_1970);
        let scaled = u64::from(since.subsec_nanos()) << 32;
        let half_up = scaled % SECOND as u64 >= SECOND as u64 / 2;
        let fraction = scaled / SECOND as u64 + u64::from(half_up);
        Timestamp((seconds << 32).wrapping_add(fraction))
    }

    /// Since 1970; what would lie before it is taken for a time after 2036.
    fn since_1970(self) -> Nanos {
        let seconds = self.0 >> 32;
        let is_second_era = seconds < Timestamp::SECONDS_1900_TO_1970;
        let era = if is_second_era { Timestamp::SECONDS_1900_TO_2036 } else { 0 };
        let offset = (era as i64 - Timestamp::SECONDS_1900_TO_1970 as i64) * SECOND;
        // Below 2^33 seconds, which fit.
        span(self.0 as i128) + offset
    }

    fn minus(self, other: Timestamp) -> i64 {
        self.0.wrapping_sub(other.0).cast_signed()
    }
}

/// A span of 32.32 bits.
fn span(fixed: i128) -> Nanos {
    let rounded = (fixed.abs() * i128::from(SECOND) + (1 << 31)) >> 32;
    if fixed < 0 { -(rounded as Nanos) } else { rounded as Nanos }
}

/// A span of 16.16 bits.
fn short_span(fixed: u32) -> Nanos {
    (i64::from(fixed) * SECOND + (1 << 15)) >> 16
}

/// What an answer says, and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) leap: u8,
    pub(super) stratum: u8,
    pub(super) root_delay: Nanos,
    pub(super) root_dispersion: Nanos,
    /// When the server's clock was last set.
    pub(super) reference: Nanos,
    /// The server's time when it answered.
    pub(super) time: Nanos,
    pub(super) offset: Nanos,
    pub(super) rtt: Nanos,
    /// By how much the four times contradict each other: cause after effect.
    pub(super) min_error: Nanos,
}

impl Reply {
    /// Whether the last minute of the day is announced to be longer or shorter.
    pub(super) fn announces_leap(&self) -> bool {
        matches!(self.leap, 1 | 2)
    }

    /// Half the delay to the reference clock, plus its error.
    pub(super) fn root_distance(&self) -> Nanos {
        (self.rtt + self.root_delay) / 2 + self.root_dispersion
    }

    /// Whether a clock could be set by this answer.
    pub(super) fn is_valid(&self) -> bool {
        (1..STRATUM_MAX).contains(&self.stratum)
            && self.time - self.reference <= POLL_INTERVAL_MAX
            && self.root_delay / 2 + self.root_dispersion <= DISPERSION_MAX
            && self.time >= self.reference
            && self.leap != LEAP_UNKNOWN
    }
}

/// A question; the server repeats `nonce`.
pub(super) fn request(version: u8, nonce: u64) -> [u8; REQUEST_BYTES] {
    let mut packet = [0; REQUEST_BYTES];
    packet[0] = version << 3 | MODE_CLIENT;
    packet[3] = 0x20;
    packet[40..].copy_from_slice(&nonce.to_be_bytes());
    packet
}

/// An answer that was asked for at `sent` and came at `received`.
pub(super) fn parse(
    packet: &[u8],
    nonce: u64,
    sent: Timestamp,
    received: Timestamp,
) -> Result<Reply, &'static str> {
    let packet: &[u8; REQUEST_BYTES] = packet.first_chunk().ok_or("response too short")?;
    let short = |at: usize| {
        short_span(u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]]))
    };
    let time = |at: usize| {
        let bytes = packet[at..].first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        Timestamp(bytes)
    };
    let (reference, origin, server_in, server_out) = (time(16), time(24), time(32), time(40));
    if packet[0] & 7 != MODE_SERVER {
        return Err("invalid mode in response");
    }
    if server_out == Timestamp(0) {
        return Err("invalid transmit time in response");
    }
    if origin != Timestamp(nonce) {
        return Err("server response didn't match request");
    }
    if server_in > server_out {
        return Err("server clock ticked backwards");
    }
    // A clock that was set back in between has not gone through the answer's time.
    let received = if received.minus(sent) < 0 { sent } else { received };
    let there = server_in.minus(sent);
    let back = server_out.minus(received);
    let rtt = received.minus(sent).wrapping_sub(server_out.minus(server_in)).max(0);
    let offset = there.wrapping_add(back.wrapping_sub(there) / 2);
    let early = |cause: Timestamp, effect: Timestamp| cause.0.saturating_sub(effect.0);
    let min_error = early(sent, server_in).max(early(server_out, received));
    Ok(Reply {
        leap: packet[0] >> 6,
        stratum: packet[1],
        root_delay: short(4),
        root_dispersion: short(8),
        reference: reference.since_1970(),
        time: server_out.since_1970(),
        offset: span(offset.into()),
        rtt: span(rtt.into()),
        min_error: span(min_error.into()),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_time(UNIX_EPOCH + Duration::from_secs_f64(NOW as f64 + seconds))
    }

    fn answer(first: u8, stratum: u8, times: [Timestamp; 4]) -> Vec<u8> {
        let mut packet = vec![first, stratum, 6, 0xe8, 0, 0, 0x80, 0, 0, 1, 0, 0, 127, 0, 0, 1];
        times.iter().for_each(|time| packet.extend(time.0.to_be_bytes()));
        packet
    }

    #[test]
    fn four_times_give_offset_round_trip_and_contradiction() {
        fn check((server_in, server_out, received): (f64, f64, f64), expected: [f64; 3]) {
            let nonce = Timestamp(7);
            let packet = answer(0x24, 2, [at(-10.0), nonce, at(server_in), at(server_out)]);
            let reply = parse(&packet, 7, at(0.0), at(received)).unwrap();
            for (found, expected) in [reply.offset, reply.rtt, reply.min_error].iter().zip(expected)
            {
                assert!((*found as f64 / 1e9 - expected).abs() < 1e-6, "{reply:?}");
            }
        }
        check((0.1, 0.2, 0.3), [0.0, 0.2, 0.0]);
        check((1.1, 1.2, 0.3), [1.0, 0.2, 0.9]);
        check((-0.9, -0.8, 0.3), [-1.0, 0.2, 0.9]);
        check((0.0, 0.5, 0.2), [0.15, 0.0, 0.3]);
        check((0.1, 0.1, -5.0), [0.1, 0.0, 0.1]);
    }

    #[test]
    fn answers_to_other_questions_are_no_answers() {
        fn check(packet: &[u8], expected: &str) {
            assert_eq!(parse(packet, 7, at(0.0), at(0.1)).unwrap_err(), expected);
        }
        let times = [at(-10.0), Timestamp(7), at(0.0), at(0.0)];
        let [reference, nonce, server_in, server_out] = times;
        check(&[], "response too short");
        check(&answer(0x24, 2, times)[..47], "response too short");
        check(&answer(0x23, 2, times), "invalid mode in response");
        let no_time = [reference, nonce, Timestamp(0), Timestamp(0)];
        check(&answer(0x24, 2, no_time), "invalid transmit time in response");
        let other = [reference, Timestamp(8), server_in, server_out];
        check(&answer(0x24, 2, other), "server response didn't match request");
        let backwards = [reference, nonce, at(1.0), server_out];
        check(&answer(0x24, 2, backwards), "server clock ticked backwards");
    }

    #[test]
    fn a_server_that_knows_the_time_is_valid() {
        fn check(first: u8, stratum: u8, reference: Timestamp, expected: bool) {
            let packet = answer(first, stratum, [reference, Timestamp(7), at(0.0), at(0.0)]);
            let reply = parse(&packet, 7, at(0.0), at(0.0)).unwrap();
            assert_eq!(reply.is_valid(), expected, "{reply:?}");
        }
        check(0x24, 2, at(-10.0), true);
        check(0x64, 15, at(0.0), true);
        check(0x24, 0, at(-10.0), false);
        check(0x24, 16, at(-10.0), false);
        check(0x24, 2, at(10.0), false);
        check(0x24, 2, at(-140_000.0), false);
        check(0xe4, 2, at(-10.0), false);
        check(0x24, 2, Timestamp(0), false);
    }

    #[test]
    fn fixed_point_spans_are_rounded_and_eras_told_apart() {
        assert_eq!(short_span(0x8000), SECOND / 2);
        assert_eq!(short_span(1), 15_259);
        assert_eq!(short_span(u32::MAX), 65_535_999_984_741);
        assert_eq!(at(0.25).since_1970(), NOW as i64 * SECOND + SECOND / 4);
        assert_eq!(Timestamp(0).since_1970(), 2_085_978_496 * SECOND);
        assert_eq!(Timestamp(Timestamp::SECONDS_1900_TO_1970 << 32).since_1970(), 0);
        assert_eq!(Timestamp(u64::MAX).since_1970(), 2_085_978_496 * SECOND);
    }
}
