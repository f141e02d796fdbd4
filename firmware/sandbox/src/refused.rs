//! What a process says of a system call that isn't on its list, and what it gets for it.
//!
//! To be ended for it would leave nothing in the log but a process that is gone, and stop the music for what a C library or a resolver
//! may do without. To have it fail silently would hide a mistake in the list, or an intruder. So the filter raises SIGSYS
//! (`SECCOMP_RET_TRAP`): the call itself is never made, whatever the handler does; it says which it was, and the call fails with EPERM.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{c_int, c_uint, c_void, siginfo_t, ucontext_t};

const WORDS: &[u8] = b": a system call that is not on its list was refused: number ";
/// So many are told; who goes on after that doesn't fill the log.
const TOLD: u32 = 16;

/// What the kernel's own SIGSYS says of its cause (`SYS_SECCOMP` of the kernel's asm-generic/siginfo.h).
const SYS_SECCOMP: c_int = 1;

static REFUSED: AtomicU32 = AtomicU32::new(0);

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
    let handler: extern "C" fn(c_int, *const siginfo_t, *mut c_void) = refuse;
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
extern "C" fn refuse(_: c_int, told: *const siginfo_t, context: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel hands over a siginfo that is valid while the handler runs; its beginning is a `Refused` for
    // this signal, and plain integers for any other sender's.
    let told = unsafe { &*told.cast::<Refused>() };
    // Sent by somebody, it came between any two instructions, whose registers are their own.
    if told.code != SYS_SECCOMP {
        return;
    }
    // SAFETY: with SA_SIGINFO the third argument is the interrupted thread's context, which is restored when the handler returns.
    fail(unsafe { &mut *context.cast::<ucontext_t>() });
    if REFUSED.fetch_add(1, Ordering::Relaxed) >= TOLD {
        return;
    }
    let mut line = [0; 128];
    let mut length = 0;
    let program = PROGRAM.get().map_or(&b"?"[..], |name| name.as_bytes());
    let mut digits = [0; 10];
    for part in [program, WORDS, decimal(told.call.unsigned_abs(), &mut digits), b"\n"] {
        for (to, from) in line.iter_mut().skip(length).zip(part) {
            *to = *from;
        }
        length = (length + part.len()).min(line.len());
    }
    // The interrupted code may be about to read it.
    // SAFETY: no preconditions.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: it is this thread's own, and lives as long as the thread.
    let before = unsafe { errno.read() };
    // SAFETY: that much of the line is valid. What a full pipe doesn't take is lost.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), length) };
    // SAFETY: as above.
    unsafe { errno.write(before) };
}

/// What the call returns: an error is a negative number in the register of the result (syscall(2)).
#[cfg(target_arch = "x86_64")]
fn fail(context: &mut ucontext_t) {
    if let Some(result) = context.uc_mcontext.gregs.get_mut(libc::REG_RAX as usize) {
        *result = (-libc::EPERM).into();
    }
}

/// As above.
#[cfg(target_arch = "aarch64")]
fn fail(context: &mut ucontext_t) {
    if let Some(result) = context.uc_mcontext.regs.first_mut() {
        *result = i64::from(-libc::EPERM).cast_unsigned();
    }
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
