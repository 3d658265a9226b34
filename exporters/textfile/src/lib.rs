//! *.prom files to samples.
