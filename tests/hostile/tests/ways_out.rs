//! Every way out of the player's sandbox is closed, on this machine's kernel.

use std::process::Command;

#[test]
fn no_way_leads_out_of_the_players_sandbox() {
    let directory = tempfile::tempdir().expect("a directory");
    let state = directory.path().join("state");
    std::fs::create_dir(&state).expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_hostile")).arg(&state).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}");
    let through: Vec<&str> = text.lines().filter(|line| line.contains("THROUGH")).collect();
    assert!(output.status.success() && through.is_empty(), "{through:#?}");
    // What has to work has, or nothing is shown by what didn't.
    assert!(text.lines().filter(|line| line.ends_with("allowed")).count() >= 7, "{text}");
}
