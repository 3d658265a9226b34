//! `adjtimex(2)`, which no safe wrapper offers.
#![expect(unsafe_code, reason = "one system call with one structure that it fills")]

use std::io;

/// What the kernel says of its clock. Times are in µs unless the field says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockState {
    /// Whether the clock follows a server.
    pub(crate) is_synchronized: bool,
    /// The structure of the system call; what is not named here stands in its manual.
    pub(crate) timex: libc::timex,
}

/// Asks without changing anything.
pub(crate) fn read() -> io::Result<ClockState> {
    // SAFETY: all bits zero are a valid `timex`: it consists of integers. `modes` 0 only reads.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live, exclusively borrowed structure of the right type.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(ClockState { is_synchronized: state != libc::TIME_ERROR, timex })
}
