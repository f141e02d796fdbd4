//! The system calls that need `unsafe`.

use std::{
    ffi::CStr,
    fs::File,
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    process::Command,
};

use nix::{
    sys::{
        prctl,
        signal::{SigSet, Signal},
        socket::{AddressFamily, SockFlag, SockType, socket},
    },
    unistd::{Pid, getppid},
};

/// Sets a network interface administratively up (netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS).
///
/// # Errors
/// No such interface, no right, or the driver refuses.
pub(crate) fn bring_up(interface: &str) -> io::Result<()> {
    let any: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request = interface_request(interface)?;
    // SAFETY: the descriptor is open, and the request is an ifreq with a terminated name, which the call fills.
    if unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: SIOCGIFFLAGS has filled this member of the union; any bits are a valid integer.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short;
    // SAFETY: as above; the call only reads the request.
    if unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A request about this interface, all else zero.
fn interface_request(interface: &str) -> io::Result<libc::ifreq> {
    // SAFETY: ifreq is plain data, for which all zeroes is a valid value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays 0, as the name's end.
    let room = request.ifr_name.len() - 1;
    if interface.is_empty() || interface.len() > room {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        // Signed on x86-64, unsigned on ARM.
        *to = libc::c_char::from_ne_bytes([from]);
    }
    Ok(request)
}

/// What a network driver is asked or told (linux/ethtool.h). Each is a structure of 32-bit words, the command first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ethtool {
    GetCoalesce = 0x0e,
    SetCoalesce = 0x0f,
    GetRings = 0x10,
    SetRings = 0x11,
    GetPause = 0x12,
    SetPause = 0x13,
    GetEee = 0x44,
    SetEee = 0x45,
}

/// The words of a request: the longest of those above, `ethtool_coalesce`, has 23.
pub(crate) type EthtoolWords = [u32; 32];

/// Asks or tells a network driver (SIOCETHTOOL). The first word is set here.
///
/// # Errors
/// No such interface, no right, or the driver can't (`EOPNOTSUPP`) or won't.
pub(crate) fn ethtool(interface: &str, command: Ethtool, words: &mut EthtoolWords) -> io::Result<()> {
    let any: OwnedFd = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let mut request = interface_request(interface)?;
    words[0] = command as u32;
    request.ifr_ifru.ifru_data = words.as_mut_ptr().cast();
    // SAFETY: the descriptor is open; the request is an ifreq with a terminated name whose data points to words that outlive the
    // call, and that are more than any of these commands reads or writes.
    if unsafe { libc::ioctl(any.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A thread's scheduling class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) enum Class {
    /// SCHED_OTHER.
    Other,
    /// SCHED_FIFO at this priority, 1..=99.
    Fifo(u8),
}

/// Gives a thread its scheduling class (sched(7)).
///
/// # Errors
/// No such thread, or no right.
pub(crate) fn set_class(id: libc::pid_t, class: Class) -> io::Result<()> {
    let (policy, priority) = match class {
        Class::Other => (libc::SCHED_OTHER, 0),
        Class::Fifo(priority) => (libc::SCHED_FIFO, priority),
    };
    let parameters = libc::sched_param { sched_priority: priority.into() };
    // SAFETY: the parameters are valid for the whole call, which only reads them.
    if unsafe { libc::sched_setscheduler(id, policy, &raw const parameters) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Has this process, and what it becomes, take its memory from one node only (set_mempolicy(2)).
///
/// # Errors
/// A kernel without NUMA, or no such node.
pub(crate) fn bind_memory(node: u32) -> io::Result<()> {
    // As many as the kernel has at most (NODES_SHIFT 10).
    let mut nodes = [0_u64; 16];
    let word = nodes.get_mut((node / 64) as usize).ok_or(io::ErrorKind::InvalidInput)?;
    *word = 1 << (node % 64);
    let bits = nodes.len() * 64;
    // SAFETY: the call only reads the mask, which is valid for its whole duration and has that many bits.
    if unsafe { libc::syscall(libc::SYS_set_mempolicy, libc::MPOL_BIND, nodes.as_ptr(), bits) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Has the clock go faster or slower until it has gained this many microseconds (adjtime(3)).
///
/// # Errors
/// No right.
pub(crate) fn slew_clock(microseconds: i64) -> io::Result<()> {
    let seconds = microseconds.div_euclid(1_000_000);
    let delta = libc::timeval { tv_sec: seconds, tv_usec: microseconds.rem_euclid(1_000_000) };
    // SAFETY: the call only reads the value, and takes null for nowhere to put the old one.
    if unsafe { libc::adjtime(&raw const delta, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Makes the command's process one that ends with this one, however this one ends, and that hears its signals: the agent's
/// own are blocked, and a child would inherit that.
pub(crate) fn tie_to_parent(command: &mut Command) -> &mut Command {
    let parent = Pid::this();
    let tie = move || {
        SigSet::empty().thread_set_mask()?;
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        // The parent may have died before we asked.
        if getppid() == parent { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
    };
    // SAFETY: between fork and exec the closure makes three system calls, and allocates and locks nothing.
    unsafe { command.pre_exec(tie) }
}

/// Takes a capability out of this process's bounding set, for good (PR_CAPBSET_DROP of prctl(2)).
///
/// # Errors
/// No right to, or the kernel has no such capability.
pub(crate) fn never_have(capability: libc::c_int) -> io::Result<()> {
    // SAFETY: the call takes a number, and no memory.
    if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_long::from(capability), 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sets a watchdog's time (WDIOC_SETTIMEOUT), in seconds; returns the one that the driver has taken.
///
/// # Errors
/// The driver can't set it, or not this one.
pub(crate) fn set_watchdog_timeout(device: &File, seconds: i32) -> io::Result<i32> {
    // linux/watchdog.h: _IOWR('W', 6, int).
    const SET_TIMEOUT: u32 = 0xc004_5706;
    let mut seconds: libc::c_int = seconds;
    // SAFETY: the descriptor is open, and the call reads and writes one int.
    if unsafe { libc::ioctl(device.as_raw_fd(), SET_TIMEOUT as _, &raw mut seconds) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(seconds)
}

/// Restarts the machine at once, with a word for its firmware (reboot(2): LINUX_REBOOT_CMD_RESTART2).
///
/// # Errors
/// No right to; it doesn't return otherwise.
pub(crate) fn restart_with(word: &CStr) -> io::Result<()> {
    // SAFETY: the magic numbers are the call's own, and it reads the terminated string.
    let result = unsafe {
        libc::syscall(
            libc::SYS_reboot,
            libc::LINUX_REBOOT_MAGIC1,
            libc::LINUX_REBOOT_MAGIC2,
            libc::LINUX_REBOOT_CMD_RESTART2,
            word.as_ptr(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
