//! System calls by number.

use std::io;

use libc::c_long;

/// A system call's arguments; what a pointer points to is owned by the caller.
pub(crate) type Arguments = [usize; 6];

/// Makes a call.
///
/// # Errors
/// The kernel's.
pub(crate) fn call(number: c_long, [a, b, c, d, e, f]: Arguments) -> io::Result<c_long> {
    // SAFETY: the attempts pass numbers, null, or pointers to what outlives the call; none gives the kernel memory to write to that is
    // smaller than what it writes. A call that is let through and changes this process ends with it.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same without a result of use.
///
/// # Errors
/// The kernel's.
pub(crate) fn done(number: c_long, arguments: Arguments) -> io::Result<()> {
    call(number, arguments).map(drop)
}
