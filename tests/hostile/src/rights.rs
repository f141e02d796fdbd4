//! Rights, namespaces, and the kernel's own insides.

use crate::attempt::{Way, by_calls, number};
use crate::call::done;

/// No kernel takes a structure there.
const NOWHERE: usize = 8;

pub(crate) const WAYS: &[Way] = &[
    by_calls("become root", |_| done(libc::SYS_setuid, [0; 6])),
    by_calls("become root again", |_| done(libc::SYS_setresuid, [0; 6])),
    by_calls("take root's group", |_| done(libc::SYS_setresgid, [0; 6])),
    by_calls("take groups", |_| done(libc::SYS_setgroups, [1, NOWHERE, 0, 0, 0, 0])),
    by_calls("take capabilities", |_| done(libc::SYS_capset, [NOWHERE, NOWHERE, 0, 0, 0, 0])),
    by_calls("get another filter", |_| {
        done(libc::SYS_seccomp, [number(libc::SECCOMP_SET_MODE_FILTER.cast_signed()), 0, NOWHERE, 0, 0, 0])
    }),
    by_calls("be traced by anybody", |_| done(libc::SYS_prctl, [number(libc::PR_SET_DUMPABLE), 1, 0, 0, 0, 0])),
    by_calls("let a tracer in", |_| done(libc::SYS_prctl, [number(libc::PR_SET_PTRACER), 1, 0, 0, 0, 0])),
    by_calls("raise a limit", |_| {
        let limit = [usize::MAX, usize::MAX];
        done(libc::SYS_prlimit64, [0, number(libc::RLIMIT_NOFILE as i32), limit.as_ptr() as usize, 0, 0, 0])
    }),
    by_calls("ask for another's limit", |around| done(libc::SYS_prlimit64, [number(around.parent), 0, 0, 0, 0, 0])),
    by_calls("run in real time", |_| {
        let priority = [50_u32];
        done(libc::SYS_sched_setscheduler, [0, number(libc::SCHED_FIFO), priority.as_ptr() as usize, 0, 0, 0])
    }),
    by_calls("take the engine's core", |_| {
        let cores = [usize::MAX];
        done(libc::SYS_sched_setaffinity, [0, 8, cores.as_ptr() as usize, 0, 0, 0])
    }),
    by_calls("come first", |_| done(libc::SYS_setpriority, [0, 0, number(-20), 0, 0, 0])),
    by_calls("keep all memory", |_| done(libc::SYS_mlockall, [number(libc::MCL_CURRENT), 0, 0, 0, 0, 0])),
    by_calls("mount", |_| done(libc::SYS_mount, [NOWHERE, NOWHERE, NOWHERE, 0, 0, 0])),
    by_calls("mount anew", |_| done(libc::SYS_fsopen, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("mount a tree", |_| done(libc::SYS_open_tree, [0, NOWHERE, 0, 0, 0, 0])),
    by_calls("move a mount", |_| done(libc::SYS_move_mount, [0, NOWHERE, 0, NOWHERE, 0, 0])),
    by_calls("unmount", |_| done(libc::SYS_umount2, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("change the root", |_| done(libc::SYS_chroot, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("exchange the root", |_| done(libc::SYS_pivot_root, [NOWHERE, NOWHERE, 0, 0, 0, 0])),
    by_calls("open by handle", |_| done(libc::SYS_open_by_handle_at, [0, NOWHERE, 0, 0, 0, 0])),
    by_calls("be root in a namespace", |_| done(libc::SYS_unshare, [number(libc::CLONE_NEWUSER), 0, 0, 0, 0, 0])),
    by_calls("have a network of its own", |_| done(libc::SYS_unshare, [number(libc::CLONE_NEWNET), 0, 0, 0, 0, 0])),
    by_calls("start a thread in a namespace", |_| {
        let flags = libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::CLONE_NEWUSER;
        done(libc::SYS_clone, [number(flags), 0, 0, 0, 0, 0])
    }),
    by_calls("enter a namespace", |_| done(libc::SYS_setns, [0; 6])),
    by_calls("load a module", |_| done(libc::SYS_init_module, [NOWHERE, 0, NOWHERE, 0, 0, 0])),
    by_calls("load a module's file", |_| done(libc::SYS_finit_module, [0, NOWHERE, 0, 0, 0, 0])),
    by_calls("unload a module", |_| done(libc::SYS_delete_module, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("load another kernel", |_| done(libc::SYS_kexec_load, [0, 99, NOWHERE, 0, 0, 0])),
    by_calls("load a program into the kernel", |_| done(libc::SYS_bpf, [0, NOWHERE, 0, 0, 0, 0])),
    by_calls("count events", |_| done(libc::SYS_perf_event_open, [NOWHERE, 0, 0, usize::MAX, 0, 0])),
    by_calls("queue calls", |_| done(libc::SYS_io_uring_setup, [1, NOWHERE, 0, 0, 0, 0])),
    by_calls("handle page faults", |_| done(libc::SYS_userfaultfd, [0; 6])),
    by_calls("look at keys", |_| done(libc::SYS_keyctl, [0; 6])),
    by_calls("add a key", |_| done(libc::SYS_add_key, [NOWHERE, NOWHERE, 0, 0, 0, 0])),
    by_calls("ask for a key", |_| done(libc::SYS_request_key, [NOWHERE, NOWHERE, 0, 0, 0, 0])),
    by_calls("read the kernel's log", |_| done(libc::SYS_syslog, [10, 0, 0, 0, 0, 0])),
    by_calls("watch file systems", |_| done(libc::SYS_fanotify_init, [0; 6])),
    by_calls("restart the machine", |_| done(libc::SYS_reboot, [0; 6])),
    by_calls("set the clock", |_| done(libc::SYS_clock_settime, [0, NOWHERE, 0, 0, 0, 0])),
    by_calls("turn the clock", |_| done(libc::SYS_adjtimex, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("name the machine", |_| done(libc::SYS_sethostname, [NOWHERE, 4096, 0, 0, 0, 0])),
    by_calls("swap", |_| done(libc::SYS_swapon, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("account for processes", |_| done(libc::SYS_acct, [NOWHERE, 0, 0, 0, 0, 0])),
    by_calls("share memory by a key", |_| done(libc::SYS_shmget, [0, 0, 0, 0, 0, 0])),
    by_calls("write quotas", |_| done(libc::SYS_quotactl, [0, NOWHERE, 0, 0, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    by_calls("reach the ports", |_| done(libc::SYS_iopl, [3, 0, 0, 0, 0, 0])),
    #[cfg(target_arch = "x86_64")]
    by_calls("change the segments", |_| done(libc::SYS_modify_ldt, [0; 6])),
];
