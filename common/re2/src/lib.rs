//! Go's regular-expression dialect on regex-automata.
