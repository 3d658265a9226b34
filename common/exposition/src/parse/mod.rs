//! Pull parsers for the text formats and OpenMetrics that give Prometheus' verdicts.

mod created;
mod error;
mod labels;
mod lex_open;
mod lex_text;
mod open;
mod parser;
mod scan;
mod text;
mod value;

pub use created::CreatedTimes;
pub use error::Error;
pub(crate) use error::go_quote;
pub use labels::labels_of;
pub use parser::{Dialect, Event, ExemplarText, Parser, Series};
pub(crate) use value::float as parse_go_float;
