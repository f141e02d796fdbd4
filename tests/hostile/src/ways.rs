//! Files, other processes' memory, and other programs.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use crate::attempt::{Around, Way, allowed, by_calls, by_landlock, number};
use crate::call::{call, done};

/// A file of each kind that is nobody's business.
const SECRETS: [&str; 2] = ["/etc/passwd", "/etc/shadow"];

pub(crate) const WAYS: &[Way] = &[
    allowed("write in the state directory", |around| {
        let (file, other) = (around.state.join("hostile"), around.state.join("hostile.2"));
        fs::write(&file, "x")?;
        fs::rename(&file, &other)?;
        assert_eq!(fs::read_to_string(&other)?, "x");
        fs::remove_file(other)
    }),
    allowed("read what is told of all processes", |_| fs::read_to_string("/proc/self/status").map(drop)),
    allowed("read what names are looked up by", |_| fs::read_to_string("/etc/hosts").map(drop)),
    allowed("start a thread", |_| {
        std::thread::Builder::new().name("hostile".into()).spawn(|| ())?.join().map_err(|_| io::ErrorKind::Other.into())
    }),
    by_landlock("read the accounts", 1, |_| fs::read(SECRETS[0]).map(drop)),
    by_landlock("read the passwords", 1, |_| fs::read(SECRETS[1]).map(drop)),
    by_landlock("read a program", 1, |_| fs::read("/proc/self/exe").map(drop)),
    by_landlock("list the root directory", 1, |_| fs::read_dir("/").map(drop)),
    by_landlock("list another's directory", 1, |_| fs::read_dir("/tmp").map(drop)),
    by_landlock("leave the state directory by ..", 1, |around| fs::read_dir(around.state.join("../..")).map(drop)),
    by_landlock("make a file elsewhere", 1, |_| File::create("/tmp/hostile").map(drop)),
    by_landlock("make a file in /run", 1, |_| File::create("/run/hostile").map(drop)),
    by_landlock("make a file in /dev/shm", 1, |_| File::create("/dev/shm/hostile").map(drop)),
    by_landlock("move a file out of the state directory", 1, |around| {
        let file = around.state.join("hostile.3");
        fs::write(&file, "x")?;
        let moved = fs::rename(&file, "/tmp/hostile.3");
        fs::remove_file(&file)?;
        // Landlock's first version says that it is another medium.
        moved.map_err(|error| match error.raw_os_error() {
            Some(libc::EXDEV) => io::Error::from_raw_os_error(libc::EACCES),
            _ => error,
        })
    }),
    by_landlock("make a directory in the state directory", 1, |around| fs::create_dir(around.state.join("hostile.4"))),
    by_landlock("change a kernel's value", 1, |_| {
        OpenOptions::new().write(true).open("/proc/sys/kernel/core_pattern").map(drop)
    }),
    by_landlock("have the kernel restart the machine", 1, |_| {
        OpenOptions::new().write(true).open("/proc/sysrq-trigger").map(drop)
    }),
    by_landlock("write to its own memory by a file", 1, |_| {
        OpenOptions::new().write(true).open("/proc/self/mem").map(drop)
    }),
    by_calls("make a link", |around| std::os::unix::fs::symlink("/", around.state.join("hostile.5"))),
    by_calls("make a hard link", |around| fs::hard_link("/etc/hosts", around.state.join("hostile.6"))),
    by_calls("make a device", |around| {
        let path = path(around, "hostile.7")?;
        done(
            libc::SYS_mknodat,
            [number(libc::AT_FDCWD), path.as_ptr() as usize, (libc::S_IFCHR | 0o600) as usize, 0x101, 0, 0],
        )
    }),
    by_calls("change a file's mode", |around| {
        fs::set_permissions(&around.state, std::os::unix::fs::PermissionsExt::from_mode(0o700))
    }),
    by_calls("change a file's owner", |around| std::os::unix::fs::chown(&around.state, None, None)),
    by_calls("watch a directory", |_| done(libc::SYS_inotify_init1, [0; 6])),
    by_landlock("open the kernel's memory", 1, |_| File::open("/dev/mem").map(drop)),
    by_landlock("open the kernel's log", 1, |_| File::open("/dev/kmsg").map(drop)),
    by_landlock("open the watchdog", 1, |_| OpenOptions::new().write(true).open("/dev/watchdog").map(drop)),
    by_landlock("open the sound card's mixer", 1, |_| File::open("/dev/snd/controlC0").map(drop)),
    by_landlock("open the sound card", 1, |_| OpenOptions::new().write(true).open("/dev/snd/pcmC0D0p").map(drop)),
    by_landlock("open a disk", 1, |_| File::open("/dev/vda").or_else(|_| File::open("/dev/loop0")).map(drop)),
    by_landlock("open a terminal", 1, |_| File::open("/dev/ptmx").map(drop)),
    by_landlock("open the network's tunnel", 1, |_| File::open("/dev/net/tun").map(drop)),
    by_calls("type on the terminal", |_| ioctl(libc::TIOCSTI)),
    by_calls("paste on the console", |_| ioctl(libc::TIOCLINUX)),
    by_calls("ask for a terminal's size", |_| ioctl(libc::TIOCGWINSZ)),
    by_landlock("read another's memory by /proc", 1, |around| {
        let mut byte = [0];
        File::open(format!("/proc/{}/mem", around.parent))?.read(&mut byte).map(drop)
    }),
    by_landlock("read another's environment", 1, |around| {
        fs::read(format!("/proc/{}/environ", around.parent)).map(drop)
    }),
    by_landlock("read where another's memory lies", 1, |around| told(format!("/proc/{}/maps", around.parent))),
    by_landlock("open another's descriptor", 1, |around| File::open(format!("/proc/{}/fd/0", around.parent)).map(drop)),
    by_landlock("go to another's root", 1, |around| fs::read_dir(format!("/proc/{}/root/", around.parent)).map(drop)),
    by_calls("trace a process", |around| {
        done(libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, number(around.parent), 0, 0, 0, 0])
    }),
    by_calls("read another's memory", |around| {
        done(libc::SYS_process_vm_readv, [number(around.parent), 0, 0, 0, 0, 0])
    }),
    by_calls("write another's memory", |around| {
        done(libc::SYS_process_vm_writev, [number(around.parent), 0, 0, 0, 0, 0])
    }),
    by_calls("compare with a process", |around| done(libc::SYS_kcmp, [number(around.parent), 1, 0, 0, 0, 0])),
    by_calls("hold a process", |around| done(libc::SYS_pidfd_open, [number(around.parent), 0, 0, 0, 0, 0])),
    by_calls("take another's descriptor", |_| done(libc::SYS_pidfd_getfd, [0; 6])),
    by_calls("signal another process", |around| done(libc::SYS_kill, [number(around.parent), 0, 0, 0, 0, 0])),
    by_calls("signal all processes", |_| done(libc::SYS_kill, [usize::MAX, 0, 0, 0, 0, 0])),
    by_calls("signal another's thread", |around| {
        done(libc::SYS_tgkill, [number(around.parent), number(around.parent), 0, 0, 0, 0])
    }),
    by_calls("queue a signal", |around| done(libc::SYS_rt_sigqueueinfo, [number(around.parent), 0, 0, 0, 0, 0])),
    by_calls("be told another's signals", |_| done(libc::SYS_fcntl, [1, number(libc::F_SETOWN), 1, 0, 0, 0])),
    by_calls("become another program", |_| exec(libc::SYS_execve)),
    by_calls("become a program without a name", |_| {
        let empty = c"";
        let flags = number(libc::AT_EMPTY_PATH);
        done(libc::SYS_execveat, [0, empty.as_ptr() as usize, 0, 0, flags, 0])
    }),
    by_calls("become two processes", |_| done(libc::SYS_clone, [number(libc::SIGCHLD), 0, 0, 0, 0, 0])),
    by_calls("become two processes, anew", |_| done(libc::SYS_clone3, [0; 6])),
    #[cfg(target_arch = "x86_64")]
    by_calls("become two processes, as of old", |_| done(libc::SYS_fork, [0; 6])),
    #[cfg(target_arch = "x86_64")]
    by_calls("become two processes, by the stack", |_| done(libc::SYS_vfork, [0; 6])),
    by_calls("get memory to execute", |_| {
        let (rights, kind) =
            (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        done(libc::SYS_mmap, [0, 4096, number(rights), number(kind), usize::MAX, 0])
    }),
    by_calls("have memory executed", |_| {
        let (rights, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let memory = call(libc::SYS_mmap, [0, 4096, number(rights), number(kind), usize::MAX, 0])?;
        done(libc::SYS_mprotect, [memory.cast_unsigned() as usize, 4096, number(libc::PROT_EXEC), 0, 0, 0])
    }),
    by_calls("execute a file in memory", |_| {
        let name = c"hostile";
        let file = call(libc::SYS_memfd_create, [name.as_ptr() as usize, 0, 0, 0, 0, 0])?;
        let (rights, kind) = (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE);
        done(libc::SYS_mmap, [0, 4096, number(rights), number(kind), file.cast_unsigned() as usize, 0])
    }),
    by_calls("have all memory executed", |_| done(libc::SYS_personality, [0x40_0000, 0, 0, 0, 0, 0])),
    by_calls("make calls of another kind", |_| {
        // x86-64's x32; elsewhere no call at all.
        done(libc::SYS_getpid | 0x4000_0000, [0; 6])
    }),
];

/// A file of /proc may open for everybody, and then be empty.
fn told(path: String) -> io::Result<()> {
    match fs::read(path)?.len() {
        0 => Err(io::Error::from_raw_os_error(libc::EACCES)),
        _ => Ok(()),
    }
}

fn path(around: &Around, name: &str) -> io::Result<CString> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(CString::new(around.state.join(name).into_os_string().into_vec())?)
}

fn exec(number: libc::c_long) -> io::Result<()> {
    let program = c"/bin/true";
    let arguments = [program.as_ptr() as usize, 0];
    done(number, [program.as_ptr() as usize, arguments.as_ptr() as usize, 0, 0, 0, 0])
}

fn ioctl(request: libc::Ioctl) -> io::Result<()> {
    let letter = b"\0";
    io::stdout().flush()?;
    done(libc::SYS_ioctl, [number(io::stdin().as_raw_fd()), request as usize, letter.as_ptr() as usize, 0, 0, 0])
}
