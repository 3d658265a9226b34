//! Discovery, target loops and the samples they append.

mod memory;
