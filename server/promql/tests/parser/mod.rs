//! The parser against upstream's recorded cases, own tables, and whatever proptest thinks of.

mod round_trip;
mod suite;
