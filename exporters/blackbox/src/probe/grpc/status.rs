//! The codes of gRPC, and what stands for them where a server does not speak it.

use h2::Reason as Reset;

pub(super) const OK: u32 = 0;
pub(super) const CANCELED: u32 = 1;
pub(super) const UNKNOWN: u32 = 2;
pub(super) const DEADLINE_EXCEEDED: u32 = 4;
pub(super) const PERMISSION_DENIED: u32 = 7;
pub(super) const RESOURCE_EXHAUSTED: u32 = 8;
pub(super) const UNIMPLEMENTED: u32 = 12;
pub(super) const INTERNAL: u32 = 13;
pub(super) const UNAVAILABLE: u32 = 14;
pub(super) const UNAUTHENTICATED: u32 = 16;

const NAMES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// The name of a code.
pub(super) fn name(code: u32) -> String {
    let known = usize::try_from(code).ok().and_then(|at| NAMES.get(at));
    known.map_or_else(|| format!("Code({code})"), |name| (*name).to_owned())
}

/// The code for a status of HTTP.
/// <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>
pub(super) fn of_http(status: u16) -> u32 {
    match status {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502..=504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// The code for a stream that the server reset.
pub(super) fn of_reset(reason: Reset) -> u32 {
    match reason {
        Reset::FLOW_CONTROL_ERROR | Reset::ENHANCE_YOUR_CALM => RESOURCE_EXHAUSTED,
        Reset::REFUSED_STREAM => UNAVAILABLE,
        Reset::CANCEL => CANCELED,
        Reset::INADEQUATE_SECURITY => PERMISSION_DENIED,
        reason if u32::from(reason) <= u32::from(Reset::HTTP_1_1_REQUIRED) => INTERNAL,
        _ => UNKNOWN,
    }
}

/// Undoes the percent signs of `grpc-message`.
pub(super) fn message(encoded: &[u8]) -> String {
    let (mut bytes, mut at) = (Vec::with_capacity(encoded.len()), 0);
    while let Some(&byte) = encoded.get(at) {
        let digits = encoded.get(at + 1..at + 3).filter(|_| byte == b'%');
        let text = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match text.and_then(|text| u8::from_str_radix(text, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                at += 3;
            }
            None => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_and_messages_are_decoded() {
        assert_eq!(name(UNAVAILABLE), "Unavailable");
        assert_eq!(name(99), "Code(99)");
        assert_eq!(message(b"100%25 %c3%a4 %zz %"), "100% \u{e4} %zz %");
        assert_eq!(of_http(404), UNIMPLEMENTED);
        assert_eq!(of_http(200), UNKNOWN);
        assert_eq!(of_reset(Reset::REFUSED_STREAM), UNAVAILABLE);
        assert_eq!(of_reset(Reset::PROTOCOL_ERROR), INTERNAL);
        assert_eq!(of_reset(Reset::from(99)), UNKNOWN);
    }
}
