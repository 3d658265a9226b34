//! The web pages, embedded.
//!
//! [`router`] serves one `index.html` for every page (the page routes itself) and its files. All
//! addresses are relative, so the router may be nested below any route prefix.

mod assets;
mod negotiate;
mod pages;

pub use pages::{PAGES, router};
