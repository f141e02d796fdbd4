//! The system calls that the player may make.

use libc::{c_int, c_long};

use crate::{Argument, Calls, Error, Otherwise, tell_as};

/// Those that do no harm whatever their arguments: each works on what the process has already, or is limited by Landlock and the
/// user's rights.
const ANY: &[c_long] = &[
    // Memory; never to be executed, see below.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    // The ring, as far as it is the player's to make.
    libc::SYS_memfd_create,
    libc::SYS_ftruncate,
    libc::SYS_fstatfs,
    // Fails, see below; it may be tried.
    libc::SYS_clone3,
    // Threads, their end, and their signals.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    // Time, where the kernel has none in the vDSO.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    // Descriptors.
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_lseek,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    // Files, as Landlock allows.
    libc::SYS_faccessat,
    libc::SYS_fstat,
    libc::SYS_getdents64,
    libc::SYS_mkdirat,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_readlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_statx,
    libc::SYS_unlinkat,
    // Sockets; of which kind: see below. `listen` isn't here: it has its listener.
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_shutdown,
    // Hash seeds, DNS and TLS.
    libc::SYS_getrandom,
    // The C library: what memory there is, before it sorts; who we are.
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
];

/// What newer calls have replaced, and C libraries for x86-64 still use. arm64 never had them.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_epoll_wait,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[];

/// What descriptors may be told: to be another's copy, not to outlive a program, not to wait, not to shrink.
const DESCRIPTOR: [c_int; 7] = [
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GET_SEALS,
    libc::F_ADD_SEALS,
];

/// What sockets may be told: to share SSDP's port, how long to wait, which interface and how far SSDP goes, to send at once; and by glibc's
/// resolver, to hear of errors. No filter, no other protocol on top, no queue of somebody else's.
const SOCKET: [(c_int, c_int); 11] = [
    (libc::SOL_SOCKET, libc::SO_REUSEADDR),
    (libc::SOL_SOCKET, libc::SO_REUSEPORT),
    (libc::SOL_SOCKET, libc::SO_RCVTIMEO),
    (libc::SOL_SOCKET, libc::SO_SNDTIMEO),
    (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_ALL),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_IF),
    (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL),
    (libc::IPPROTO_IP, libc::IP_RECVERR),
    (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
];

/// linux/prctl.h; rustix finds the vDSO by it.
const PR_GET_AUXV: c_int = 0x4155_5856;

/// The kind of a socket, without its flags (`SOCK_TYPE_MASK` of linux/net.h).
const KIND: u32 = 0xf;

/// Of a new task: that it is a thread of this process, in no namespace of its own.
const TASK: c_int = libc::CLONE_VM
    | libc::CLONE_THREAD
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;
const THREAD: c_int = libc::CLONE_VM | libc::CLONE_THREAD;

/// Confines all threads of this process.
pub(super) fn confine() -> Result<(), Error> {
    // Those that fail, first: the last filter lets nobody install another.
    for filter in [without_clone3()?, without_new_code()?] {
        filter.confine_process()?;
    }
    tell_as("player")?;
    list()?.only(Otherwise::Tell)?.confine_process()
}

fn list() -> Result<Calls, Error> {
    let mut calls = Calls::any(&[ANY, OLD].concat());
    calls = calls.with(libc::SYS_clone, [has(0, TASK, THREAD)?])?;
    // An abort is a signal to oneself.
    calls = calls.with(libc::SYS_tgkill, [Argument::is(0, std::process::id())?])?;
    // A thread's name, and what the kernel told this program at its start; a stack's limit, which is only asked for.
    for question in [libc::PR_SET_NAME, PR_GET_AUXV] {
        calls = calls.with(libc::SYS_prctl, [is(0, question)?])?;
    }
    calls = calls.with(libc::SYS_prlimit64, [is(0, 0)?, Argument::is_null(2)?])?;
    for command in DESCRIPTOR {
        calls = calls.with(libc::SYS_fcntl, [is(1, command)?])?;
    }
    for (level, option) in SOCKET {
        calls = calls.with(libc::SYS_setsockopt, [is(1, level)?, is(2, option)?])?;
    }
    // That a socket is not to wait; how much it has (glibc's resolver); the number of an interface by its name.
    for request in [libc::FIONBIO, libc::FIONREAD, libc::SIOCGIFINDEX] {
        calls = calls.with(libc::SYS_ioctl, [Argument::is(1, request as u32)?])?;
    }
    // The engine, names, streams and SSDP; of the kernel's own families only the one that tells of addresses (NETLINK_ROUTE).
    calls = calls.with(libc::SYS_socket, [is(0, libc::AF_UNIX)?])?;
    for family in [libc::AF_INET, libc::AF_INET6] {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
            calls = calls.with(libc::SYS_socket, [is(0, family)?, Argument::has(1, KIND, kind.cast_unsigned())?])?;
        }
    }
    calls.with(libc::SYS_socket, [is(0, libc::AF_NETLINK)?, is(2, libc::NETLINK_ROUTE)?])
}

/// Its flags are in memory, where no filter sees them; the C library then takes `clone`.
fn without_clone3() -> Result<crate::Filter, Error> {
    Calls::any(&[libc::SYS_clone3]).fail(libc::ENOSYS)
}

/// No memory is to be executed that wasn't at the start: neither code that somebody has sent nor a library. glibc, which would load
/// some for `/etc/nsswitch.conf`, goes on to the next entry.
fn without_new_code() -> Result<crate::Filter, Error> {
    let executed = || has(2, libc::PROT_EXEC, libc::PROT_EXEC);
    let calls = Calls::default().with(libc::SYS_mmap, [executed()?])?;
    calls.with(libc::SYS_mprotect, [executed()?])?.fail(libc::EACCES)
}

fn is(place: u8, value: c_int) -> Result<Argument, Error> {
    Argument::is(place, value.cast_unsigned())
}

fn has(place: u8, mask: c_int, value: c_int) -> Result<Argument, Error> {
    Argument::has(place, mask.cast_unsigned(), value.cast_unsigned())
}
