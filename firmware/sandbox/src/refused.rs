//! The last word of a process that has made a system call which isn't on its list.
//!
//! The kernel's own way of ending it would leave nothing in the log but a process that is gone. So the filter raises SIGSYS instead
//! (`SECCOMP_RET_TRAP`); the call itself is never made, whatever the handler does.

use std::io;
use std::sync::OnceLock;

use libc::{c_int, c_uint, c_void, siginfo_t};

/// As a shell tells of a program that a signal has ended.
const STATUS: c_int = 128 + libc::SIGSYS;
const WORDS: &[u8] = b": made a system call that is not on its list, and ends: number ";

static PROGRAM: OnceLock<&'static str> = OnceLock::new();

/// What the kernel tells with SIGSYS (`_sigsys` of the kernel's asm-generic/siginfo.h), on a machine of 64 bits.
#[repr(C)]
struct Refused {
    signal: c_int,
    error: c_int,
    code: c_int,
    _pad: c_int,
    _address: *const c_void,
    call: c_int,
    _architecture: c_uint,
}

const _: () = assert!(size_of::<Refused>() <= size_of::<siginfo_t>());

/// Has this process say it as `program`, on its stderr.
///
/// # Errors
/// The signal can't be handled.
pub fn tell_as(program: &'static str) -> io::Result<()> {
    let _ = PROGRAM.set(program);
    let handler: extern "C" fn(c_int, *const siginfo_t, *const c_void) = tell;
    // SAFETY: sigaction is plain data, for which all zeroes is a valid value: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the action is valid for the whole call, and its handler calls only what a handler may call.
    if unsafe { libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// The handler: it allocates and locks nothing (signal-safety(7)).
extern "C" fn tell(_: c_int, told: *const siginfo_t, _: *const c_void) {
    // SAFETY: with SA_SIGINFO the kernel hands over a siginfo that is valid while the handler runs; its beginning is a `Refused` for
    // this signal, and plain integers for any other sender's.
    let call = unsafe { (*told.cast::<Refused>()).call };
    let mut line = [0; 128];
    let mut length = 0;
    let program = PROGRAM.get().map_or(&b"?"[..], |name| name.as_bytes());
    let mut digits = [0; 10];
    for part in [program, WORDS, decimal(call.unsigned_abs(), &mut digits), b"\n"] {
        for (to, from) in line.iter_mut().skip(length).zip(part) {
            *to = *from;
        }
        length = (length + part.len()).min(line.len());
    }
    // SAFETY: that much of the line is valid. What a full pipe doesn't take is lost.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), length) };
    // SAFETY: takes no memory; ends the process without running anything of it.
    unsafe { libc::_exit(STATUS) };
}

/// A number's digits, at the end of a buffer that holds the longest.
fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut first = digits.len();
    for (place, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (number % 10) as u8;
        first = place;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_out() {
        for number in [0, 7, 10, 101, u32::MAX] {
            assert_eq!(decimal(number, &mut [0; 10]), number.to_string().as_bytes());
        }
    }
}
