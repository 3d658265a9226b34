//! The elements of a layout: Go's `nextStdChunk`.

/// One element of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekDay,
    WeekDay,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    /// A zone's abbreviation.
    ZoneName,
    /// `-0700` and its like: whether `Z` stands for UTC, and how it is written.
    Offset {
        or_z: bool,
        style: OffsetStyle,
    },
    /// Digits of a fraction that must be there.
    Fraction0(usize),
    /// Digits of a fraction that may be there.
    Fraction9,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetStyle {
    /// `-07`
    Short,
    /// `-0700`
    Plain,
    /// `-07:00`
    Colon,
    /// `-070000`
    Seconds,
    /// `-07:00:00`
    ColonSeconds,
}

/// Elements by how they are spelled. What stands first wins.
const SPELLINGS: &[(&str, Element)] = &[
    ("January", Element::LongMonth),
    ("Jan", Element::Month),
    ("Monday", Element::LongWeekDay),
    ("Mon", Element::WeekDay),
    ("MST", Element::ZoneName),
    ("002", Element::ZeroYearDay),
    ("01", Element::ZeroMonth),
    ("02", Element::ZeroDay),
    ("03", Element::ZeroHour12),
    ("04", Element::ZeroMinute),
    ("05", Element::ZeroSecond),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumMonth),
    ("2006", Element::LongYear),
    ("2", Element::Day),
    ("__2", Element::UnderYearDay),
    ("3", Element::Hour12),
    ("4", Element::Minute),
    ("5", Element::Second),
    ("PM", Element::UpperPm),
    ("pm", Element::LowerPm),
    ("-070000", Element::Offset { or_z: false, style: OffsetStyle::Seconds }),
    ("-07:00:00", Element::Offset { or_z: false, style: OffsetStyle::ColonSeconds }),
    ("-0700", Element::Offset { or_z: false, style: OffsetStyle::Plain }),
    ("-07:00", Element::Offset { or_z: false, style: OffsetStyle::Colon }),
    ("-07", Element::Offset { or_z: false, style: OffsetStyle::Short }),
    ("Z070000", Element::Offset { or_z: true, style: OffsetStyle::Seconds }),
    ("Z07:00:00", Element::Offset { or_z: true, style: OffsetStyle::ColonSeconds }),
    ("Z0700", Element::Offset { or_z: true, style: OffsetStyle::Plain }),
    ("Z07:00", Element::Offset { or_z: true, style: OffsetStyle::Colon }),
    ("Z07", Element::Offset { or_z: true, style: OffsetStyle::Short }),
];

/// A layout, cut into its elements.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    pub(super) parts: Vec<Part>,
    /// What stands behind the last element.
    pub(super) tail: Box<[u8]>,
}

/// An element with what stands around it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The text before it.
    pub(super) prefix: Box<[u8]>,
    pub(super) element: Element,
    /// The next element is a fraction of a second.
    pub(super) has_fraction_next: bool,
}

impl Layout {
    pub(crate) fn new(layout: &[u8]) -> Layout {
        let (mut parts, mut layout) = (Vec::new(), layout);
        loop {
            let (prefix, element, behind) = next_element(layout);
            let Some(element) = element else {
                return Layout { parts, tail: prefix.into() };
            };
            let (_, next, _) = next_element(behind);
            let has_fraction_next =
                matches!(next, Some(Element::Fraction0(_) | Element::Fraction9));
            parts.push(Part { prefix: prefix.into(), element, has_fraction_next });
            layout = behind;
        }
    }
}

/// Cuts a layout at its first element: what stands before it, the element, what stands behind it.
fn next_element(layout: &[u8]) -> (&[u8], Option<Element>, &[u8]) {
    for at in 0..layout.len() {
        let rest = &layout[at..];
        if let Some((element, skipped, length)) = element_at(rest) {
            return (&layout[..at + skipped], Some(element), &rest[skipped + length..]);
        }
    }
    (layout, None, b"")
}

/// The element that begins here, how many bytes of text stand before it, and its length.
fn element_at(rest: &[u8]) -> Option<(Element, usize, usize)> {
    match rest[0] {
        b'_' if rest.get(1) == Some(&b'2') => {
            // An underscore before the year is a text.
            if rest.starts_with(b"_2006") {
                return Some((Element::LongYear, 1, 4));
            }
            return Some((Element::UnderDay, 0, 2));
        }
        b'.' | b',' => {
            let digit = *rest.get(1)?;
            if !matches!(digit, b'0' | b'9') {
                return None;
            }
            let digits = rest[1..].iter().take_while(|&&b| b == digit).count();
            // A longer number is no fraction.
            if rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            let element =
                if digit == b'0' { Element::Fraction0(digits) } else { Element::Fraction9 };
            return Some((element, 0, 1 + digits));
        }
        _ => {}
    }
    for (spelling, element) in SPELLINGS {
        if !rest.starts_with(spelling.as_bytes()) {
            continue;
        }
        // "Month" and "Januar" are texts, "Monday" and "January" are not.
        let letters = matches!(element, Element::Month | Element::WeekDay);
        if letters && rest.get(3).is_some_and(u8::is_ascii_lowercase) {
            continue;
        }
        return Some((*element, 0, spelling.len()));
    }
    None
}
