//! The parser against upstream's recorded cases, own tables, and whatever proptest thinks of.

mod errors;
mod limits;
mod printing;
mod random;
mod round_trip;
mod selectors;
mod series;
mod suite;
