//! Numbers in few bits, as histogram chunks hold them (Prometheus' `tsdb/chunkenc/varbit.go`), and
//! floats as the XOR with the one before.

use super::bits::{BitReader, BitWriter};

/// Widths by number of leading ones in front; eight ones mean 64 bits. No ones are the number zero.
const WIDTHS: [u32; 8] = [0, 3, 6, 9, 12, 18, 25, 56];

/// Leading zeros before any value was XORed: no window to reuse.
const NO_WINDOW: u8 = 0xff;

/// Writes a signed number.
pub fn put_int(bits: &mut BitWriter<'_>, value: i64) {
    let fits =
        |width: u32| width > 0 && (1 - (1_i64 << (width - 1))..=1 << (width - 1)).contains(&value);
    put(bits, value as u64, value == 0, fits);
}

/// Writes an unsigned number.
pub fn put_uint(bits: &mut BitWriter<'_>, value: u64) {
    put(bits, value, value == 0, |width| value >> width == 0);
}

fn put(bits: &mut BitWriter<'_>, value: u64, is_zero: bool, fits: impl Fn(u32) -> bool) {
    if is_zero {
        bits.put(0, 1);
        return;
    }
    match (1..WIDTHS.len()).find(|&ones| fits(WIDTHS[ones])) {
        Some(ones) => {
            // So many ones and a zero.
            bits.put((1 << (ones + 1)) - 2, ones as u32 + 1);
            bits.put(value, WIDTHS[ones]);
        }
        None => {
            bits.put(0xff, 8);
            bits.put(value, 64);
        }
    }
}

/// Reads a signed number; `None` when the bits end.
pub fn int(bits: &mut BitReader<'_>) -> Option<i64> {
    let width = width(bits)?;
    if width == 0 {
        return Some(0);
    }
    let value = bits.bits(width)?;
    // The range is shifted by one from two's complement.
    let negative = width < 64 && value > 1 << (width - 1);
    Some(if negative { value as i64 - (1 << width) } else { value as i64 })
}

/// Reads an unsigned number; `None` when the bits end.
pub fn uint(bits: &mut BitReader<'_>) -> Option<u64> {
    match width(bits)? {
        0 => Some(0),
        width => bits.bits(width),
    }
}

fn width(bits: &mut BitReader<'_>) -> Option<u32> {
    for width in WIDTHS {
        if !bits.bit()? {
            return Some(width);
        }
    }
    Some(64)
}

/// A code and how many bits it has.
pub(super) type Code = (u64, u32);

/// The bits in which a value last differed from the one before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    leading: u8,
    trailing: u8,
}

impl Window {
    /// Of a value that nothing was compared with yet.
    pub(super) const NONE: Window = Window { leading: NO_WINDOW, trailing: 0 };

    /// Writes an XOR that is not zero, behind the code of a window as before or that of a new one.
    pub(super) fn put(&mut self, out: &mut BitWriter<'_>, xor: u64, [as_before, anew]: [Code; 2]) {
        // Five bits hold at most 31.
        let leading = xor.leading_zeros().min(31) as u8;
        let trailing = xor.trailing_zeros() as u8;
        if self.leading != NO_WINDOW && leading >= self.leading && trailing >= self.trailing {
            let width = 64 - self.leading - self.trailing;
            out.put_two(as_before, (xor >> self.trailing, u32::from(width)));
            return;
        }
        *self = Window { leading, trailing };
        let width = 64 - leading - trailing;
        // 64 does not fit in six bits and is written as 0, which no XOR but zero needs.
        let window = anew.0 << 11 | u64::from(leading) << 6 | u64::from(width) & 63;
        out.put_two((window, anew.1 + 11), (xor >> trailing, u32::from(width)));
    }

    /// Reads an XOR behind its code; `None` when the bits end, `Some(None)` when more than 64 are
    /// claimed.
    #[inline]
    pub(super) fn read(&mut self, bits: &mut BitReader<'_>, anew: bool) -> Option<Option<u64>> {
        if anew {
            let leading = bits.bits(5)? as u8;
            let width = match bits.bits(6)? as u8 {
                0 => 64,
                width => width,
            };
            if leading + width > 64 {
                return Some(None);
            }
            *self = Window { leading, trailing: 64 - leading - width };
        }
        let leading = if self.leading == NO_WINDOW { 0 } else { self.leading };
        let width = 64 - leading - self.trailing;
        Some(Some(bits.bits(u32::from(width))? << self.trailing))
    }
}

/// What stands before an XOR, in the window as before and in a new one.
const XOR: [Code; 2] = [(0b10, 2), (0b11, 2)];

/// A float and the window of bits in which it last differed from the one before it.
#[derive(Clone, Copy, Debug)]
pub struct XorSlot {
    bits: u64,
    window: Window,
}

impl XorSlot {
    /// A first value, which is stored whole.
    #[must_use]
    pub fn first(value: f64) -> XorSlot {
        XorSlot { bits: value.to_bits(), window: Window::NONE }
    }

    /// The newest value.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.bits)
    }

    /// Writes the next value.
    pub fn put(&mut self, out: &mut BitWriter<'_>, value: f64) {
        let xor = value.to_bits() ^ self.bits;
        self.bits = value.to_bits();
        if xor == 0 {
            out.put(0, 1);
            return;
        }
        self.window.put(out, xor, XOR);
    }

    /// Reads the next value; `None` when the bits end, `Some(None)` when more than 64 are claimed.
    pub fn read(&mut self, bits: &mut BitReader<'_>) -> Option<Option<f64>> {
        if !bits.bit()? {
            return Some(Some(self.value()));
        }
        let anew = bits.bit()?;
        let Some(xor) = self.window.read(bits, anew)? else { return Some(None) };
        self.bits ^= xor;
        Some(Some(self.value()))
    }
}

/// A number whose change of change is stored.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChangeSlot {
    value: i64,
    change: i64,
}

impl ChangeSlot {
    /// A first value, which is stored whole.
    #[must_use]
    pub fn first(value: i64) -> ChangeSlot {
        ChangeSlot { value, change: 0 }
    }

    /// The newest value.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.value
    }

    /// Writes the next value.
    pub fn put(&mut self, out: &mut BitWriter<'_>, value: i64) {
        let change = value.wrapping_sub(self.value);
        put_int(out, change.wrapping_sub(self.change));
        *self = ChangeSlot { value, change };
    }

    /// Reads the next value; `None` when the bits end.
    pub fn read(&mut self, bits: &mut BitReader<'_>) -> Option<i64> {
        self.change = self.change.wrapping_add(int(bits)?);
        self.value = self.value.wrapping_add(self.change);
        Some(self.value)
    }
}
