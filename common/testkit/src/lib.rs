//! Fixtures, goldens, a hand-turned clock, faulty files and fake targets for tests.
