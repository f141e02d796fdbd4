use std::{fs, io::Write as _, os::unix::fs::FileTypeExt as _, process::Command};

use super::*;

/// A machine's files with pipes and a ring's place; the console is a file.
fn machine() -> (tempfile::TempDir, Root) {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    fs::create_dir_all(root.path(ring::DIRECTORY)).unwrap();
    PROGRAMS.into_iter().for_each(|name| drop(door::make(&root, name).unwrap()));
    fs::write(root.path("kmsg"), "").unwrap();
    fs::write(root.path("console"), "").unwrap();
    (directory, root)
}

fn keeper(root: &Root) -> Keeper {
    let kernel = File::open(root.path("kmsg")).unwrap();
    let console = fs::OpenOptions::new().append(true).open(root.path("console")).unwrap();
    Keeper::new(root, kernel, console).unwrap()
}

fn kept(root: &Root) -> String {
    fs::read_to_string(root.path("run/log/ring/new")).unwrap()
}

#[test]
fn what_programs_and_kernel_say_is_kept_by_name_and_shown_on_the_console() {
    let (_directory, root) = machine();
    fs::write(root.path("kmsg"), "6,1,1500000,-;Linux version\n").unwrap();
    let mut keeper = keeper(&root);
    for name in ["engine", "player"] {
        let status =
            Command::new("sh").args(["-c", "echo hello >&2"]).stderr(door::listen(&root, name).unwrap()).status();
        assert!(status.unwrap().success());
    }
    keeper.look();
    let log = kept(&root);
    let texts: Vec<&str> = log.lines().map(|line| line.split_once("] ").unwrap().1).collect();
    assert_eq!(texts[..3], ["engine: hello", "player: hello", "kernel:  INFO Linux version"]);
    assert!(log.contains("[    1.500000] kernel: "), "{log}");
    let console = fs::read_to_string(root.path("console")).unwrap();
    assert!(console.contains("player: hello\n") && !console.contains("kernel"), "{console}");
}

#[test]
fn a_program_goes_on_while_nobody_reads_and_what_it_said_first_is_kept() {
    let (_directory, root) = machine();
    let mut said = door::listen(&root, "player").unwrap();
    let lines = (0..10_000).take_while(|n| said.write_all(format!("line {n}\n").as_bytes()).is_ok()).count();
    assert!((1_000..10_000).contains(&lines), "{lines}");
    let mut keeper = keeper(&root);
    (0..100).for_each(|_| keeper.look());
    let log = kept(&root);
    assert!(log.contains("player: line 0\n") && log.contains("player: line 399\n"), "{log}");
    // It said them all at once.
    assert!(!log.contains("player: line 5000\n"));
    writeln!(said, "there is room again").unwrap();
}

#[test]
fn a_keeper_that_is_started_again_goes_on_and_takes_no_record_twice() {
    let (_directory, root) = machine();
    fs::write(root.path("kmsg"), "6,1,1500000,-;once\n").unwrap();
    keeper(&root).look();
    let mut said = door::listen(&root, "agent").unwrap();
    writeln!(said, "meanwhile").unwrap();
    keeper(&root).look();
    let log = kept(&root);
    assert_eq!(log.matches("once").count(), 1, "{log}");
    assert!(log.contains("agent: meanwhile\n"), "{log}");
}

#[test]
fn a_service_gets_its_pipe_and_the_log_the_kernels() {
    let (directory, root) = machine();
    fs::create_dir(directory.path().join("dev")).unwrap();
    fs::write(root.path("dev/kmsg"), "from the kernel").unwrap();
    fs::write(root.path("dev/console"), "").unwrap();
    let mut program = Command::new("sh");
    program.args(["-c", "echo said >&2"]);
    door::open(&root, "engine", &mut program);
    assert!(program.status().unwrap().success());
    assert!(fs::metadata(root.path("run/log/engine")).unwrap().file_type().is_fifo());
    let mut keeper = keeper(&root);
    keeper.look();
    assert!(kept(&root).contains("engine: said\n"));
    let mut log = Command::new("cat");
    door::open(&root, NAME, &mut log);
    assert!(log.status().unwrap().success());
    assert_eq!(fs::read_to_string(root.path("dev/console")).unwrap(), "from the kernel");
}
