//! The program itself, on a directory that looks like a machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

fn agent(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_agent")).args(arguments).output().unwrap()
}

fn machine() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let files = [
        ("sys/devices/system/cpu/online", "0-3\n"),
        ("sys/devices/system/cpu/isolated", "3\n"),
        ("sys/class/net/eth0/type", "1\n"),
        ("sys/class/net/eth0/flags", "0x1003\n"),
        ("sys/class/net/eth0/carrier", "1\n"),
        ("sys/class/net/eth0/device/vendor", "0x1af4\n"),
        ("sys/class/sound/card0/id", "DAC\n"),
        ("sys/class/dmi/id/product_uuid", "4c4c4544-0042-3510-8056-b8c04f4d3532\n"),
        ("proc/version", "Linux version 6.12.0 PREEMPT_RT\n"),
        ("proc/cmdline", "quiet tenuto.buffer_ms=500\n"),
        ("proc/sys/net/ipv4/ip_unprivileged_port_start", "1024\n"),
        ("run/tenuto/.keep", ""),
    ];
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

fn text(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn knob<'a>(report: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    report["knobs"].as_array().unwrap().iter().find(|knob| knob["name"] == name).unwrap()
}

#[test]
fn once_decides_sets_and_reports() {
    let machine = machine();
    let root = machine.path();
    let output = agent(&["--once", "--root", root.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(text(root, "run/tenuto/plan"), "core=3\npriority=70\nbuffer-ms=500\ndecoder=1-2\n");
    assert_eq!(text(root, "proc/sys/net/ipv4/ip_unprivileged_port_start"), "80\n");
    let identity = text(root, "run/tenuto/identity");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report, serde_json::from_str::<serde_json::Value>(&text(root, "run/tenuto/system.json")).unwrap());
    assert!(identity.starts_with(&format!("uuid={}\n", report["uuid"].as_str().unwrap())), "{identity}");
    assert_eq!(report["cpus_isolated"], serde_json::json!([3]));
    let port = knob(&report, "unprivileged-port");
    assert_eq!((&port["outcome"], &port["places"][0]["was"]), (&"applied".into(), &"1024".into()));
    assert_eq!(knob(&report, "printk")["outcome"], "not_supported");
    assert_eq!((&report["tuning"]["now"]["audio"], &report["playing"]), (&3.into(), &false.into()));
    assert_eq!(report["interfaces"][0]["name"], "eth0");
    assert_eq!(report["sound_cards"], serde_json::json!([{ "number": 0, "id": "DAC" }]));
    // The player, which isn't root, reads it.
    let mode = fs::metadata(root.join("run/tenuto/system.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn a_second_time_changes_nothing() {
    let machine = machine();
    let root = machine.path().to_str().unwrap();
    let first: serde_json::Value = serde_json::from_slice(&agent(&["--once", "--root", root]).stdout).unwrap();
    let second: serde_json::Value = serde_json::from_slice(&agent(&["--once", "--root", root]).stdout).unwrap();
    assert_eq!(knob(&second, "unprivileged-port")["outcome"], "already");
    assert_eq!((&first["uuid"], &first["plan"]), (&second["uuid"], &second["plan"]));
}

#[test]
fn what_cannot_be_told_any_more_is_done_all_the_same() {
    let machine = machine();
    let root = machine.path();
    assert!(agent(&["--once", "--root", root.to_str().unwrap()]).status.success());
    // As in a full /run: what is there can't be replaced.
    for file in ["run/tenuto/plan", "run/tenuto/system.json"] {
        fs::remove_file(root.join(file)).unwrap();
        fs::create_dir(root.join(file)).unwrap();
    }
    let output = agent(&["--once", "--root", root.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("run/tenuto/plan") && said.contains("system.json"), "{said}");
}

#[test]
fn without_a_place_to_write_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let output = agent(&["--once", "--root", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("run/tenuto"));
}

#[test]
fn on_another_machine_it_refuses_to_take_over() {
    if Path::new("/usr/libexec/tenuto").exists() {
        return;
    }
    let output = agent(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a Tenuto appliance"));
}

#[test]
fn an_owners_file_names_the_machine_and_a_wrong_one_is_named() {
    let machine = machine();
    let root = machine.path();
    for directory in ["data", "boot"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    let once = || {
        let output = agent(&["--once", "--root", root.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let offered = "name = \"Kitchen\"\n[network]\naddress = \"192.168.1.20/24\"\n[wifi]\nssid = \"Home\"\npassword = \"geheim123\"\n";
    fs::write(root.join("boot/tenuto.toml"), offered).unwrap();
    for keeping in ["made", "kept"] {
        let report = once();
        assert_eq!((&report["name"], &report["hostname"]), (&"Kitchen".into(), &"kitchen".into()));
        assert_eq!(report["settings"]["keeping"], keeping);
        assert_eq!(report["settings"]["values"]["network.address"], "192.168.1.20/24");
        assert!(!report.to_string().contains("geheim"));
        assert!(!text(root, "boot/tenuto.toml").contains("geheim"));
        assert!(!text(root, "run/tenuto/settings.json").contains("geheim"));
    }
    fs::write(root.join("boot/tenuto.toml"), "name = \"Hall\"\nvolume = \"loud\"\n").unwrap();
    let report = once();
    assert_eq!(report["name"], "Kitchen");
    assert!(report["settings"]["notes"][0].as_str().unwrap().starts_with("tenuto.toml, line 2: "), "{report}");
}

#[test]
fn a_plan_is_told_with_its_reasons_and_changes_nothing() {
    let machine = machine();
    let root = machine.path().to_str().unwrap();
    let output = agent(&["plan", "--sysfs", root]);
    let said = String::from_utf8_lossy(&output.stdout);
    for wanted in [
        "core 3",
        "the kernel was started with this core isolated",
        "isolcpus=managed_irq,domain,3",
        "agent plan --try",
    ] {
        assert!(said.contains(wanted), "{said}");
    }
    let json: serde_json::Value = serde_json::from_slice(&agent(&["plan", "--root", root, "--json"]).stdout).unwrap();
    assert_eq!((&json["restart_needed"], &json["now"]["decoder"]), (&true.into(), &serde_json::json!([1, 2])));
    assert_eq!(fs::read_dir(machine.path().join("run/tenuto")).unwrap().count(), 1);
    // There is no boot loader to be told.
    let output = agent(&["plan", "--try", "--root", root]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("not booted from a slot"));
}

#[test]
fn knobs_are_told_turned_and_undone() {
    let machine = machine();
    let root = machine.path();
    let port = || text(root, "proc/sys/net/ipv4/ip_unprivileged_port_start").trim().to_owned();
    let knobs = |words: &[&str]| {
        let output = agent(&[&["knobs", "--root", root.to_str().unwrap()], words].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(knobs(&[]).contains("is 1024"));
    assert_eq!(port(), "1024");
    assert!(knobs(&["--apply"]).contains("80 (was 1024)"));
    assert_eq!(port(), "80");
    let json: serde_json::Value = serde_json::from_str(&knobs(&["--json"])).unwrap();
    assert_eq!(knob(&json, "unprivileged-port")["outcome"], "already");
    assert_eq!(json["priorities"][0]["who"], "migration/N");
    assert!(knobs(&["--undo"]).contains("1024 (was 80)"));
    assert_eq!(port(), "1024");
    // An agent that starts leaves it so.
    assert!(agent(&["--once", "--root", root.to_str().unwrap()]).status.success());
    assert_eq!(port(), "1024");
}

#[test]
fn wrong_words_are_a_usage_error() {
    assert_eq!(agent(&["--fast"]).status.code(), Some(2));
    assert!(String::from_utf8_lossy(&agent(&["--help"]).stdout).contains("agent run NAME"));
    assert!(String::from_utf8_lossy(&agent(&["--version"]).stdout).starts_with("agent "));
}
