//! The counters of a port: files and families.

use common_instrument::Family;

/// Words of four bytes, one of each lane, are counted where data is counted.
pub(super) const LANES: u64 = 4;

/// One counter.
pub(super) struct Counter {
    /// Its file.
    pub(super) file: &'static str,
    /// What it is exported as.
    pub(super) family: Family,
    /// How much one of what the file counts is.
    pub(super) factor: u64,
}

macro_rules! counter {
    ($file:literal, $name:literal, $help:literal) => {
        counter!($file, $name, $help, 1)
    };
    ($file:literal, $name:literal, $help:literal, $factor:expr) => {
        Counter {
            file: $file,
            family: Family::counter(concat!("node_infiniband_", $name, "_total"), $help),
            factor: $factor,
        }
    };
}

/// Files of `counters`.
pub(super) const COUNTERS: [Counter; 22] = [
    counter!(
        "excessive_buffer_overrun_errors",
        "excessive_buffer_overrun_errors",
        "Number of times that OverrunErrors consecutive flow control update periods \
         occurred, each having at least one overrun error."
    ),
    counter!(
        "link_downed",
        "link_downed",
        "Number of times the link failed to recover from an error state and went down"
    ),
    counter!(
        "link_error_recovery",
        "link_error_recovery",
        "Number of times the link successfully recovered from an error state"
    ),
    counter!(
        "local_link_integrity_errors",
        "local_link_integrity_errors",
        "Number of times that the count of local physical errors exceeded the threshold \
         specified by LocalPhyErrors."
    ),
    counter!(
        "multicast_rcv_packets",
        "multicast_packets_received",
        "Number of multicast packets received (including errors)"
    ),
    counter!(
        "multicast_xmit_packets",
        "multicast_packets_transmitted",
        "Number of multicast packets transmitted (including errors)"
    ),
    counter!(
        "port_rcv_constraint_errors",
        "port_constraint_errors_received",
        "Number of packets received on the switch physical port that are discarded"
    ),
    counter!(
        "port_rcv_data",
        "port_data_received_bytes",
        "Number of data octets received on all links",
        LANES
    ),
    counter!(
        "port_rcv_discards",
        "port_discards_received",
        "Number of inbound packets discarded by the port because the port is down or \
         congested"
    ),
    counter!(
        "port_rcv_errors",
        "port_errors_received",
        "Number of packets containing an error that were received on this port"
    ),
    counter!(
        "port_rcv_packets",
        "port_packets_received",
        "Number of packets received on all VLs by this port (including errors)"
    ),
    counter!(
        "port_rcv_remote_physical_errors",
        "port_receive_remote_physical_errors",
        "Number of packets marked with the EBP (End of Bad Packet) delimiter received on \
         the port."
    ),
    counter!(
        "port_rcv_switch_relay_errors",
        "port_receive_switch_relay_errors",
        "Number of packets that could not be forwarded by the switch."
    ),
    counter!(
        "port_xmit_constraint_errors",
        "port_constraint_errors_transmitted",
        "Number of packets not transmitted from the switch physical port"
    ),
    counter!(
        "port_xmit_data",
        "port_data_transmitted_bytes",
        "Number of data octets transmitted on all links",
        LANES
    ),
    counter!(
        "port_xmit_discards",
        "port_discards_transmitted",
        "Number of outbound packets discarded by the port because the port is down or \
         congested"
    ),
    counter!(
        "port_xmit_packets",
        "port_packets_transmitted",
        "Number of packets transmitted on all VLs from this port (including errors)"
    ),
    counter!(
        "port_xmit_wait",
        "port_transmit_wait",
        "Number of ticks during which the port had data to transmit but no data was sent \
         during the entire tick"
    ),
    counter!(
        "symbol_error",
        "symbol_error",
        "Number of minor link errors detected on one or more physical lanes."
    ),
    counter!(
        "unicast_rcv_packets",
        "unicast_packets_received",
        "Number of unicast packets received (including errors)"
    ),
    counter!(
        "unicast_xmit_packets",
        "unicast_packets_transmitted",
        "Number of unicast packets transmitted (including errors)"
    ),
    counter!(
        "VL15_dropped",
        "vl15_dropped",
        "Number of incoming VL15 packets dropped due to resource limitations."
    ),
];

/// Files of `counters_ext`, which kernels before 4.5 have for counters of 64 bits.
pub(super) const LEGACY_COUNTERS: [Counter; 8] = [
    counter!(
        "port_multicast_rcv_packets",
        "legacy_multicast_packets_received",
        "Number of multicast packets received"
    ),
    counter!(
        "port_multicast_xmit_packets",
        "legacy_multicast_packets_transmitted",
        "Number of multicast packets transmitted"
    ),
    counter!(
        "port_rcv_data_64",
        "legacy_data_received_bytes",
        "Number of data octets received on all links",
        LANES
    ),
    counter!(
        "port_rcv_packets_64",
        "legacy_packets_received",
        "Number of data packets received on all links"
    ),
    counter!(
        "port_unicast_rcv_packets",
        "legacy_unicast_packets_received",
        "Number of unicast packets received"
    ),
    counter!(
        "port_unicast_xmit_packets",
        "legacy_unicast_packets_transmitted",
        "Number of unicast packets transmitted"
    ),
    counter!(
        "port_xmit_data_64",
        "legacy_data_transmitted_bytes",
        "Number of data octets transmitted on all links",
        LANES
    ),
    counter!(
        "port_xmit_packets_64",
        "legacy_packets_transmitted",
        "Number of data packets received on all links"
    ),
];

/// Files of `hw_counters`; which of them there are is up to the driver.
pub(super) const HARDWARE_COUNTERS: [Counter; 29] = [
    counter!(
        "duplicate_request",
        "duplicate_requests_packets",
        "The number of received packets. A duplicate request is a request that had been \
         previously executed."
    ),
    counter!(
        "implied_nak_seq_err",
        "implied_nak_seq_errors",
        "The number of time the requested decided an ACK. with a PSN larger than the \
         expected PSN for an RDMA read or response."
    ),
    counter!(
        "local_ack_timeout_err",
        "local_ack_timeout_errors",
        "The number of times QP's ack timer expired for RC, XRC, DCT QPs at the sender \
         side. The QP retry limit was not exceed, therefore it is still recoverable error."
    ),
    counter!(
        "np_cnp_sent",
        "np_cnp_packets_sent",
        "The number of CNP packets sent by the Notification Point when it noticed \
         congestion experienced in the RoCEv2 IP header (ECN bits). The counters was added \
         in MLNX_OFED 4.1"
    ),
    counter!(
        "np_ecn_marked_roce_packets",
        "np_ecn_marked_roce_packets_received",
        "The number of RoCEv2 packets received by the notification point which were marked \
         for experiencing the congestion (ECN bits where '11' on the ingress RoCE traffic) \
         . The counters was added in MLNX_OFED 4.1"
    ),
    counter!(
        "out_of_buffer",
        "out_of_buffer_drops",
        "The number of drops occurred due to lack of WQE for the associated QPs."
    ),
    counter!(
        "out_of_sequence",
        "out_of_sequence_packets_received",
        "The number of out of sequence packets received."
    ),
    counter!(
        "packet_seq_err",
        "packet_sequence_errors",
        "The number of received NAK sequence error packets. The QP retry limit was not \
         exceeded."
    ),
    counter!(
        "req_cqe_error",
        "req_cqes_errors",
        "The number of times requester detected CQEs completed with errors. The counters \
         was added in MLNX_OFED 4.1"
    ),
    counter!(
        "req_cqe_flush_error",
        "req_cqes_flush_errors",
        "The number of times requester detected CQEs completed with flushed errors. The \
         counters was added in MLNX_OFED 4.1"
    ),
    counter!(
        "req_remote_access_errors",
        "req_remote_access_errors",
        "The number of times requester detected remote access errors. The counters was \
         added in MLNX_OFED 4.1"
    ),
    counter!(
        "req_remote_invalid_request",
        "req_remote_invalid_request_errors",
        "The number of times requester detected remote invalid request errors. The counters \
         was added in MLNX_OFED 4.1"
    ),
    counter!(
        "resp_cqe_error",
        "resp_cqes_errors",
        "The number of times responder detected CQEs completed with errors. The counters \
         was added in MLNX_OFED 4.1"
    ),
    counter!(
        "resp_cqe_flush_error",
        "resp_cqes_flush_errors",
        "The number of times responder detected CQEs completed with flushed errors. The \
         counters was added in MLNX_OFED 4.1"
    ),
    counter!(
        "resp_local_length_error",
        "resp_local_length_errors",
        "The number of times responder detected local length errors. The counters was added \
         in MLNX_OFED 4.1"
    ),
    counter!(
        "resp_remote_access_errors",
        "resp_remote_access_errors",
        "The number of times responder detected remote access errors. The counters was \
         added in MLNX_OFED 4.1"
    ),
    counter!(
        "rnr_nak_retry_err",
        "rnr_nak_retry_packets_received",
        "The number of received RNR NAK packets. The QP retry limit was not exceeded."
    ),
    counter!(
        "roce_adp_retrans",
        "roce_adp_retransmits",
        "The number of adaptive retransmissions for RoCE traffic. The counter was added in \
         MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"
    ),
    counter!(
        "roce_adp_retrans_to",
        "roce_adp_retransmits_timeout",
        "The number of times RoCE traffic reached timeout due to adaptive retransmission. \
         The counter was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"
    ),
    counter!(
        "roce_slow_restart",
        "roce_slow_restart_used",
        "The number of times RoCE slow restart was used. The counter was added in MLNX_OFED \
         rev 5.0-1.0.0.0 and kernel v5.6.0"
    ),
    counter!(
        "roce_slow_restart_cnps",
        "roce_slow_restart_cnps",
        "The number of times RoCE slow restart generated CNP packets. The counter was added \
         in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"
    ),
    counter!(
        "roce_slow_restart_trans",
        "roce_slow_restart",
        "The number of times RoCE slow restart changed state to slow restart. The counter \
         was added in MLNX_OFED rev 5.0-1.0.0.0 and kernel v5.6.0"
    ),
    counter!(
        "rp_cnp_handled",
        "rp_cnp_packets_handled",
        "The number of CNP packets handled by the Reaction Point HCA to throttle the \
         transmission rate. The counters was added in MLNX_OFED 4.1"
    ),
    counter!(
        "rp_cnp_ignored",
        "rp_cnp_ignored_packets_received",
        "The number of CNP packets received and ignored by the Reaction Point HCA. This \
         counter should not raise if RoCE Congestion Control was enabled in the network. If \
         this counter raise, verify that ECN was enabled on the adapter."
    ),
    counter!(
        "rx_atomic_requests",
        "rx_atomic_requests",
        "The number of received ATOMIC request for the associated QPs."
    ),
    counter!(
        "rx_dct_connect",
        "rx_dct_connect_requests",
        "The number of received connection requests for the associated DCTs."
    ),
    counter!(
        "rx_icrc_encapsulated",
        "rx_icrc_encapsulated_errors",
        "The number of RoCE packets with ICRC errors. This counter was added in MLNX_OFED \
         4.4 and kernel 4.19"
    ),
    counter!(
        "rx_read_requests",
        "rx_read_requests",
        "The number of received READ requests for the associated QPs."
    ),
    counter!(
        "rx_write_requests",
        "rx_write_requests",
        "The number of received WRITE requests for the associated QPs."
    ),
];
