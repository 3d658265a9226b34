//! Chunks: samples of one series as a few compressed bytes, exactly as Prometheus lays them out.
//!
//! One module per encoding, each a pure function between samples and bytes. There is [`xor`] for
//! floats; those of histograms belong beside it and share [`bits`].

pub mod bits;
pub mod columns;
pub mod xor;

/// Why bytes are no chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// The bytes end inside sample number `sample`, counted from zero.
    #[error("chunk ends inside sample {sample}")]
    Short {
        /// Which sample.
        sample: u16,
    },
    /// A value claims more than 64 bits.
    #[error("chunk has an impossible bit window in sample {sample}")]
    Window {
        /// Which sample.
        sample: u16,
    },
}
