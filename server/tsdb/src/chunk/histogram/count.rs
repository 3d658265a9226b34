//! The two kinds of counts, and how each is stored.

use std::fmt::Debug;

use super::super::Encoding;
use super::super::bits::{BitReader, BitWriter};
use super::super::varbit::{self, ChangeSlot, XorSlot};

/// A count of observations: `i64` or `f64`.
pub trait Count: Copy + Default + PartialEq + PartialOrd + Debug + Send + Sync {
    /// The encoding of chunks with such counts.
    const ENCODING: Encoding;
    /// That of chunks whose samples have starts beside.
    const ENCODING_WITH_STARTS: Encoding;
    /// What is remembered of a count from one sample to the next.
    type Slot: Copy + Debug + Send + Sync;

    /// Writes count or zero count of a first sample.
    fn put_total(self, out: &mut BitWriter<'_>) -> Self::Slot;
    /// Writes a bucket of a first sample, what [`Count::step`] makes of it.
    fn put_bucket(self, out: &mut BitWriter<'_>) -> Self::Slot;
    /// Writes the next value of a slot.
    fn put_next(self, slot: &mut Self::Slot, out: &mut BitWriter<'_>);
    /// Writes count or zero count of a stale marker, which nobody reads.
    fn put_stale(slot: &mut Self::Slot, out: &mut BitWriter<'_>);

    /// Reads what [`Count::put_total`] wrote; `None` when the bits end.
    fn total(bits: &mut BitReader<'_>) -> Option<Self::Slot>;
    /// Reads what [`Count::put_bucket`] wrote.
    fn bucket(bits: &mut BitReader<'_>) -> Option<Self::Slot>;
    /// Reads the next value into a slot; `Some(false)` when it claims more than 64 bits.
    fn next(slot: &mut Self::Slot, bits: &mut BitReader<'_>) -> Option<bool>;
    /// The newest value of a slot.
    fn value(slot: &Self::Slot) -> Self;

    /// What is stored of a bucket whose neighbour below has `below`: integers are differences.
    fn step(self, below: Self) -> Self;
    /// Undoes [`Count::step`].
    fn unstep(self, below: Self) -> Self;
    /// As a float.
    fn to_float(self) -> f64;
}

impl Count for i64 {
    const ENCODING: Encoding = Encoding::Histogram;
    const ENCODING_WITH_STARTS: Encoding = Encoding::HistogramStarts;
    type Slot = ChangeSlot;

    fn put_total(self, out: &mut BitWriter<'_>) -> ChangeSlot {
        varbit::put_uint(out, self as u64);
        ChangeSlot::first(self)
    }

    fn put_bucket(self, out: &mut BitWriter<'_>) -> ChangeSlot {
        varbit::put_int(out, self);
        ChangeSlot::first(self)
    }

    fn put_next(self, slot: &mut ChangeSlot, out: &mut BitWriter<'_>) {
        slot.put(out, self);
    }

    fn put_stale(_: &mut ChangeSlot, out: &mut BitWriter<'_>) {
        varbit::put_int(out, 0);
    }

    fn total(bits: &mut BitReader<'_>) -> Option<ChangeSlot> {
        varbit::uint(bits).map(|count| ChangeSlot::first(count as i64))
    }

    fn bucket(bits: &mut BitReader<'_>) -> Option<ChangeSlot> {
        varbit::int(bits).map(ChangeSlot::first)
    }

    fn next(slot: &mut ChangeSlot, bits: &mut BitReader<'_>) -> Option<bool> {
        slot.read(bits).map(|_| true)
    }

    fn value(slot: &ChangeSlot) -> i64 {
        slot.value()
    }

    fn step(self, below: i64) -> i64 {
        self.wrapping_sub(below)
    }

    fn unstep(self, below: i64) -> i64 {
        self.wrapping_add(below)
    }

    fn to_float(self) -> f64 {
        self as f64
    }
}

impl Count for f64 {
    const ENCODING: Encoding = Encoding::FloatHistogram;
    const ENCODING_WITH_STARTS: Encoding = Encoding::FloatHistogramStarts;
    type Slot = XorSlot;

    fn put_total(self, out: &mut BitWriter<'_>) -> XorSlot {
        out.put(self.to_bits(), 64);
        XorSlot::first(self)
    }

    fn put_bucket(self, out: &mut BitWriter<'_>) -> XorSlot {
        self.put_total(out)
    }

    fn put_next(self, slot: &mut XorSlot, out: &mut BitWriter<'_>) {
        slot.put(out, self);
    }

    fn put_stale(slot: &mut XorSlot, out: &mut BitWriter<'_>) {
        slot.put(out, 0.0);
    }

    fn total(bits: &mut BitReader<'_>) -> Option<XorSlot> {
        bits.bits(64).map(|bits| XorSlot::first(f64::from_bits(bits)))
    }

    fn bucket(bits: &mut BitReader<'_>) -> Option<XorSlot> {
        f64::total(bits)
    }

    fn next(slot: &mut XorSlot, bits: &mut BitReader<'_>) -> Option<bool> {
        slot.read(bits).map(|value| value.is_some())
    }

    fn value(slot: &XorSlot) -> f64 {
        slot.value()
    }

    fn step(self, _: f64) -> f64 {
        self
    }

    fn unstep(self, _: f64) -> f64 {
        self
    }

    fn to_float(self) -> f64 {
        self
    }
}
