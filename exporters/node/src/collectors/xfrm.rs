//! Packets that IPsec dropped, by cause: `/proc/net/xfrm_stat`.

use common_instrument::{CollectError, Collector, Family, Samples};

use super::Entry;
use crate::parse::{ParseError, lines, unsigned, words};
use crate::source::KernelFile;

pub(super) const ENTRY: Entry = Entry {
    name: "xfrm",
    about: "Packets dropped by IPsec of /proc/net/xfrm_stat.",
    on_by_default: false,
    may_block: false,
    flags: &[],
    build: |context| {
        Ok(Box::new(Xfrm { file: KernelFile::new(context.roots().proc("net/xfrm_stat")) }))
    },
};

/// Field and family. `Documentation/networking/xfrm_proc.rst`.
const FIELDS: [(&[u8], Family); 28] = [
    (
        b"XfrmInError",
        Family::counter("node_xfrm_in_error_packets_total", "All errors not matched by other"),
    ),
    (
        b"XfrmInBufferError",
        Family::counter("node_xfrm_in_buffer_error_packets_total", "No buffer is left"),
    ),
    (b"XfrmInHdrError", Family::counter("node_xfrm_in_hdr_error_packets_total", "Header error")),
    (
        b"XfrmInNoStates",
        Family::counter(
            "node_xfrm_in_no_states_packets_total",
            "No state is found i.e. Either inbound SPI, address, or IPsec protocol at SA is wrong",
        ),
    ),
    (
        b"XfrmInStateProtoError",
        Family::counter(
            "node_xfrm_in_state_proto_error_packets_total",
            "Transformation protocol specific error e.g. SA key is wrong",
        ),
    ),
    (
        b"XfrmInStateModeError",
        Family::counter(
            "node_xfrm_in_state_mode_error_packets_total",
            "Transformation mode specific error",
        ),
    ),
    (
        b"XfrmInStateSeqError",
        Family::counter(
            "node_xfrm_in_state_seq_error_packets_total",
            "Sequence error i.e. Sequence number is out of window",
        ),
    ),
    (
        b"XfrmInStateExpired",
        Family::counter("node_xfrm_in_state_expired_packets_total", "State is expired"),
    ),
    (
        b"XfrmInStateMismatch",
        Family::counter(
            "node_xfrm_in_state_mismatch_packets_total",
            "State has mismatch option e.g. UDP encapsulation type is mismatch",
        ),
    ),
    (
        b"XfrmInStateInvalid",
        Family::counter("node_xfrm_in_state_invalid_packets_total", "State is invalid"),
    ),
    (
        b"XfrmInTmplMismatch",
        Family::counter(
            "node_xfrm_in_tmpl_mismatch_packets_total",
            "No matching template for states e.g. Inbound SAs are correct but SP rule is wrong",
        ),
    ),
    (
        b"XfrmInNoPols",
        Family::counter(
            "node_xfrm_in_no_pols_packets_total",
            "No policy is found for states e.g. Inbound SAs are correct but no SP is found",
        ),
    ),
    (b"XfrmInPolBlock", Family::counter("node_xfrm_in_pol_block_packets_total", "Policy discards")),
    (b"XfrmInPolError", Family::counter("node_xfrm_in_pol_error_packets_total", "Policy error")),
    (
        b"XfrmOutError",
        Family::counter(
            "node_xfrm_out_error_packets_total",
            "All errors which is not matched others",
        ),
    ),
    (
        b"XfrmOutBundleGenError",
        Family::counter("node_xfrm_out_bundle_gen_error_packets_total", "Bundle generation error"),
    ),
    (
        b"XfrmOutBundleCheckError",
        Family::counter("node_xfrm_out_bundle_check_error_packets_total", "Bundle check error"),
    ),
    (
        b"XfrmOutNoStates",
        Family::counter("node_xfrm_out_no_states_packets_total", "No state is found"),
    ),
    (
        b"XfrmOutStateProtoError",
        Family::counter(
            "node_xfrm_out_state_proto_error_packets_total",
            "Transformation protocol specific error",
        ),
    ),
    (
        b"XfrmOutStateModeError",
        Family::counter(
            "node_xfrm_out_state_mode_error_packets_total",
            "Transformation mode specific error",
        ),
    ),
    (
        b"XfrmOutStateSeqError",
        Family::counter(
            "node_xfrm_out_state_seq_error_packets_total",
            "Sequence error i.e. Sequence number overflow",
        ),
    ),
    (
        b"XfrmOutStateExpired",
        Family::counter("node_xfrm_out_state_expired_packets_total", "State is expired"),
    ),
    (
        b"XfrmOutPolBlock",
        Family::counter("node_xfrm_out_pol_block_packets_total", "Policy discards"),
    ),
    (b"XfrmOutPolDead", Family::counter("node_xfrm_out_pol_dead_packets_total", "Policy is dead")),
    (b"XfrmOutPolError", Family::counter("node_xfrm_out_pol_error_packets_total", "Policy error")),
    (
        b"XfrmFwdHdrError",
        Family::counter(
            "node_xfrm_fwd_hdr_error_packets_total",
            "Forward routing of a packet is not allowed",
        ),
    ),
    (
        b"XfrmOutStateInvalid",
        Family::counter(
            "node_xfrm_out_state_invalid_packets_total",
            "State is invalid, perhaps expired",
        ),
    ),
    (
        b"XfrmAcquireError",
        Family::counter(
            "node_xfrm_acquire_error_packets_total",
            "State hasn’t been fully acquired before use",
        ),
    ),
];

struct Xfrm {
    file: KernelFile,
}

/// Values in the order of [`FIELDS`]; those that a kernel does not have are 0, as in the original.
fn parse(text: &[u8]) -> Result<[u64; FIELDS.len()], ParseError> {
    let mut values = [0; FIELDS.len()];
    for (number, line) in lines(text) {
        let mut words = words(line);
        let Some(field) = words.next() else { continue };
        let Some(at) = FIELDS.iter().position(|(name, _)| *name == field) else { continue };
        let word = words.next().unwrap_or_default();
        values[at] = unsigned(word).ok_or_else(|| ParseError::new(number, "a number", word))?;
    }
    Ok(values)
}

impl Collector for Xfrm {
    fn collect(&self, samples: &mut Samples) -> Result<(), CollectError> {
        let values = parse(&self.file.collect()?).map_err(|error| self.file.failed(error))?;
        for ((_, family), value) in FIELDS.iter().zip(values) {
            samples.push(family, &[], value as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_unknown_ones_are_left_out() {
        fn check(text: &str, expected: Result<(u64, u64), &str>) {
            let found = parse(text.as_bytes()).map(|values| (values[0], values[27]));
            assert_eq!(found.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
        }
        check("XfrmInError \t7\nXfrmAcquireError\t3\n", Ok((7, 3)));
        check("XfrmAcquireError 3\n\nXfrmInIptfsError x y z\n", Ok((0, 3)));
        check("", Ok((0, 0)));
        check("XfrmInError -1", Err("line 1: expected a number, found \"-1\""));
        check("XfrmInError", Err("line 1: expected a number, found \"\""));
    }
}
