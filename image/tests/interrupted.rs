//! Whoever interrupts a build is left with nothing that still runs.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Builds "for ever", as a process and a child of its own that both ignore requests to end.
const STUBBORN: &str = "#!/bin/sh\ntrap '' TERM INT HUP\nsleep 1000 &\n\
                        echo $! >\"$MARKS/child\"\necho $$ >\"$MARKS/parent.new\"\nmv \"$MARKS/parent.new\" \"$MARKS/parent\"\nwait\n";

/// Long: the machine may be busy. Passing waits for none of it.
const LIMIT: Duration = Duration::from_secs(60);

fn within<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process runs; one that has ended, and that nobody has asked about yet, doesn't.
fn runs(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn number_in(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[test]
fn what_a_build_has_started_ends_with_it() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let home = tempfile::tempdir().unwrap();
        let cargo = home.path().join("cargo");
        fs::write(&cargo, STUBBORN).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let mut image = Command::new(env!("CARGO_BIN_EXE_image"))
            .arg("--build")
            .env("CARGO", &cargo)
            .env("MARKS", home.path())
            .env("XDG_CACHE_HOME", home.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let parent = within("the build begins", || number_in(&home.path().join("parent")));
        let child = number_in(&home.path().join("child")).unwrap();
        assert!(runs(parent) && runs(child));
        kill(Pid::from_raw(image.id().cast_signed()), signal).unwrap();
        let status = within("it ends", || image.try_wait().unwrap());
        assert_eq!(status.code(), Some(2), "{signal}");
        within("the build's processes end", || (!runs(parent) && !runs(child)).then_some(()));
    }
}
