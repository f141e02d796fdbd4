use std::{fs, os::unix::fs::symlink};

use super::*;
use crate::topology::recorded::{laid_out, machine};

fn on<'a>(root: &'a Root) -> Machine<'a> {
    fs::create_dir_all(root.path("run/tenuto")).unwrap();
    Machine::look(root, None)
}

fn put(root: &Root, path: &str, text: &str) {
    let path = root.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("{text}\n")).unwrap();
}

fn of<'a>(settings: &'a [Setting], name: &str) -> &'a Setting {
    settings.iter().find(|setting| setting.name == name).unwrap()
}

/// What the knob `printk` does with a file that has this text.
fn outcome(text: Option<&str>) -> (Outcome, Option<String>) {
    let (_keep, root) = laid_out("");
    if let Some(text) = text {
        put(&root, "proc/sys/kernel/printk", text);
    }
    let settings = turn(&on(&root), &mut Held::default(), Task::Apply);
    (of(&settings, "printk").places[0].outcome.clone(), root.text("proc/sys/kernel/printk"))
}

#[test]
fn a_value_is_set_and_the_old_one_kept() {
    let applied = Outcome::Applied { was: "7 4 1 7".to_owned() };
    assert_eq!(outcome(Some("7\t4\t1\t7")), (applied, Some("4 4 1 7".to_owned())));
    assert_eq!(outcome(Some("4\t4\t1\t7")), (Outcome::Already, Some("4\t4\t1\t7".to_owned())));
    assert_eq!(outcome(None), (Outcome::NotSupported, None));
    assert_eq!(outcome(Some("")).0, Outcome::NotSupported);
}

#[test]
fn what_the_kernel_does_not_take_is_refused_and_the_others_go_on() {
    let (_keep, root) = laid_out("proc/sys/kernel/panic = 0\nproc/sys/kernel/timer_migration = 1");
    symlink("/proc/self/stat", root.path("proc/sys/kernel/sysrq")).unwrap();
    // A thread's name is cut without a word.
    symlink("/proc/thread-self/comm", root.path("comm")).unwrap();
    let settings = turn(&on(&root), &mut Held::default(), Task::Apply);
    let setting = of(&settings, "sysrq");
    assert!(setting.outcome == "refused" && setting.reason.is_some(), "{setting:?}");
    let long = Place::Words("comm".to_owned()).set(&root, &mut Held::default(), "tenuto-knob-test-name");
    assert_eq!(long, Outcome::Refused { reason: "reads tenuto-knob-tes after writing".to_owned() });
    assert_eq!((of(&settings, "panic").outcome, of(&settings, "timer_migration").outcome), ("applied", "applied"));
    assert!(counted(&settings).contains("1 refused"), "{}", counted(&settings));
}

#[test]
fn a_second_time_changes_nothing_and_undoing_gives_back_what_was_there_at_boot() {
    let (_keep, root) = machine("qemu-4-cores");
    for (path, text) in [
        ("proc/sys/kernel/timer_migration", "1"),
        ("proc/sys/kernel/sched_rt_runtime_us", "950000"),
        ("proc/irq/default_smp_affinity", "f"),
        ("sys/devices/virtual/workqueue/cpumask", "f"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "madvise"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "schedutil"),
    ] {
        put(&root, path, text);
    }
    let machine = on(&root);
    let first = turn(&machine, &mut Held::default(), Task::Apply);
    let names =
        ["timer_migration", "sched_rt_runtime", "irq-default", "workqueues", "transparent-huge-pages", "governor"];
    for name in names {
        assert_eq!(of(&first, name).outcome, "applied", "{name}");
    }
    // As by an agent that was started again.
    let second = turn(&machine, &mut Held::default(), Task::Apply);
    for name in names {
        assert_eq!(of(&second, name).outcome, "already", "{name}");
    }
    // Somebody else's hand in between doesn't change what was there at boot.
    put(&root, "proc/sys/kernel/timer_migration", "7");
    turn(&machine, &mut Held::default(), Task::Apply);
    assert_eq!(undo(&root, &mut Held::default()).len(), names.len());
    for (path, text) in [
        ("proc/sys/kernel/timer_migration", "1"),
        ("proc/sys/kernel/sched_rt_runtime_us", "950000"),
        ("proc/irq/default_smp_affinity", "f"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "madvise"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "schedutil"),
    ] {
        assert_eq!(root.text(path).as_deref(), Some(text), "{path}");
    }
    assert_eq!(undo(&root, &mut Held::default()), [], "once");
}

#[test]
fn looking_changes_nothing() {
    let (_keep, root) = laid_out("proc/sys/kernel/timer_migration = 1\nproc/sys/kernel/panic = 10");
    let settings = turn(&on(&root), &mut Held::default(), Task::Look);
    assert_eq!(of(&settings, "timer_migration").reason.as_deref(), Some("words:proc/sys/kernel/timer_migration: is 1"));
    assert_eq!(of(&settings, "panic").outcome, "already");
    assert_eq!(root.text("proc/sys/kernel/timer_migration").as_deref(), Some("1"));
    assert!(root.text("run/tenuto/knobs.was").is_none());
}

/// The engine's core with three idle states and a clock.
fn with_states(name: &str, core: u32) -> (tempfile::TempDir, Root) {
    let (keep, root) = machine(name);
    for (state, latency) in [(0, 0), (1, 2), (2, 150)] {
        let state = format!("sys/devices/system/cpu/cpu{core}/cpuidle/state{state}");
        put(&root, &format!("{state}/latency"), &latency.to_string());
        put(&root, &format!("{state}/disable"), "0");
    }
    put(&root, &format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_min_freq"), "800000");
    put(&root, &format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_max_freq"), "3600000");
    fs::create_dir_all(root.path("dev")).unwrap();
    fs::write(root.path("dev/cpu_dma_latency"), 2_000_000_000_i32.to_ne_bytes()).unwrap();
    (keep, root)
}

#[test]
fn what_is_for_playing_goes_with_the_music() {
    let (_keep, root) = with_states("atom-2-cores", 1);
    let mut machine = on(&root);
    let disabled = |root: &Root| {
        (0..3)
            .map(|state| root.text(format!("sys/devices/system/cpu/cpu1/cpuidle/state{state}/disable")).unwrap())
            .collect::<String>()
    };
    let frequency = |root: &Root| root.text("sys/devices/system/cpu/cpu1/cpufreq/scaling_min_freq").unwrap();
    let mut held = Held::default();
    for _ in 0..2 {
        machine.playing = false;
        let settings = turn(&machine, &mut held, Task::Apply);
        assert_eq!((disabled(&root), frequency(&root)), ("000".to_owned(), "800000".to_owned()));
        assert_eq!(of(&settings, "c-states").outcome, "not_now");
        machine.playing = true;
        let settings = turn(&machine, &mut held, Task::Apply);
        assert_eq!((disabled(&root), frequency(&root)), ("001".to_owned(), "3600000".to_owned()));
        assert_eq!(of(&settings, "c-states").outcome, "applied");
        assert_eq!(of(&settings, "cpu_dma_latency").places.len(), 1);
    }
    undo(&root, &mut held);
    assert_eq!((disabled(&root), frequency(&root)), ("000".to_owned(), "800000".to_owned()));
}

#[test]
fn a_sibling_is_parked_stays_parked_and_comes_back() {
    let (_keep, root) = machine("ryzen-2-ccd");
    put(&root, "sys/devices/system/cpu/cpu31/online", "1");
    let machine = on(&root);
    assert_eq!(of(&turn(&machine, &mut Held::default(), Task::Apply), "smt-sibling").outcome, "applied");
    // As the kernel shows it then.
    put(&root, "sys/devices/system/cpu/online", "0-30");
    put(&root, "sys/devices/system/cpu/cpu15/topology/core_cpus_list", "15");
    let machine = on(&root);
    assert_eq!(machine.placement.audio, Some(15));
    turn(&machine, &mut Held::default(), Task::Apply);
    assert_eq!(root.text("sys/devices/system/cpu/cpu31/online").as_deref(), Some("0"));
    undo(&root, &mut Held::default());
    assert_eq!(root.text("sys/devices/system/cpu/cpu31/online").as_deref(), Some("1"));
}

#[test]
fn interrupts_go_where_the_plan_says_and_back_when_the_dac_moves() {
    let (_keep, root) = machine("pi5");
    for number in [106, 131, 136, 162] {
        put(&root, &format!("proc/irq/{number}/smp_affinity_list"), "0-3");
    }
    let affinity = |root: &Root| {
        [106, 131, 136, 162].map(|number| root.text(format!("proc/irq/{number}/smp_affinity_list")).unwrap())
    };
    turn(&on(&root), &mut Held::default(), Task::Apply);
    assert_eq!(affinity(&root), ["0", "0-2", "2", "0-2"]);
    // The DAC is plugged into a port of the other host.
    fs::remove_file(root.path("sys/class/sound/card0/device")).unwrap();
    let host = root.canonical("sys/bus/usb/devices/usb1").unwrap();
    symlink(root.path(host), root.path("sys/class/sound/card0/device")).unwrap();
    turn(&on(&root), &mut Held::default(), Task::Apply);
    assert_eq!(affinity(&root), ["0", "2", "0-2", "0-2"]);
    undo(&root, &mut Held::default());
    assert_eq!(affinity(&root), ["0-3", "0-3", "0-3", "0-3"]);
}

#[test]
fn queues_links_and_sleep_of_what_is_on_the_way() {
    let (_keep, root) = machine("pi5");
    put(&root, "sys/devices/platform/axi/1000120000.pcie/pci0002:00/0002:00:00.0/0002:01:00.0/power/control", "auto");
    let hub =
        "sys/devices/platform/axi/1000120000.pcie/pci0002:00/0002:00:00.0/0002:01:00.0/1f00300000.usb/xhci-hcd.1/usb3";
    put(&root, &format!("{hub}/power/control"), "auto");
    put(&root, &format!("{hub}/3-1/power/control"), "auto");
    let settings = turn(&on(&root), &mut Held::default(), Task::Apply);
    for name in ["pci-aspm", "pci-awake", "usb-dac-awake", "rps", "xps"] {
        assert_eq!(of(&settings, name).outcome, "applied", "{name}");
    }
    let text = |path: &str| root.text(path).unwrap();
    let rp1 = "sys/devices/platform/axi/1000120000.pcie/pci0002:00/0002:00:00.0/0002:01:00.0";
    assert_eq!(
        (text(&format!("{rp1}/link/l1_aspm")), text(&format!("{hub}/3-1/power/control"))),
        ("0".into(), "on".into())
    );
    assert_eq!(text("sys/class/net/eth0/queues/rx-3/rps_cpus"), "00000001");
    assert_eq!(text("sys/class/net/eth0/queues/tx-0/xps_cpus"), "00000007");
    assert_eq!(of(&settings, "pi-config").outcome, "not_supported");
}

#[test]
fn toggles_have_to_be_asked_for() {
    let (_keep, root) = machine("ryzen-2-ccd");
    put(&root, "sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "0");
    put(&root, "proc/sys/net/core/busy_read", "0");
    let settings = turn(&on(&root), &mut Held::default(), Task::Apply);
    assert_eq!(
        root.text("sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages").as_deref(),
        Some("5")
    );
    let busy = of(&settings, "busy-poll");
    assert_eq!((busy.outcome, busy.reason.as_deref()), ("not_supported", Some("only with tenuto.busy_poll=on")));
}

#[test]
fn wifi_is_off_while_there_is_a_cable_only() {
    let (_keep, root) = machine("pi4");
    put(&root, "sys/class/rfkill/rfkill0/type", "wlan");
    put(&root, "sys/class/rfkill/rfkill0/soft", "0");
    put(&root, "sys/class/rfkill/rfkill1/type", "bluetooth");
    put(&root, "sys/class/rfkill/rfkill1/soft", "0");
    let soft = |radio: u32| root.text(format!("sys/class/rfkill/rfkill{radio}/soft")).unwrap();
    for (cable, off) in [("1", "1"), ("0", "0"), ("1", "1")] {
        put(&root, "sys/class/net/eth0/carrier", cable);
        turn(&on(&root), &mut Held::default(), Task::Apply);
        assert_eq!((soft(0).as_str(), soft(1).as_str()), (off, "0"));
    }
}

#[test]
fn what_is_kept_is_damaged_and_only_that_is_lost() {
    let (_keep, root) = laid_out("proc/sys/kernel/panic = 5\nproc/a = 5");
    fs::create_dir_all(root.path("run/tenuto")).unwrap();
    // A name of its own, as what is outside is everybody's.
    let name = format!("tenuto-outside-{}", std::process::id());
    let outside = root.path("proc").parent().unwrap().parent().unwrap().join(&name);
    put(
        &root,
        "run/tenuto/knobs.was",
        &format!(
            "panic\twords:proc/sys/kernel/panic\t3\nnonsense\nx\ty\nx\tlatency:dev/x\t1\nx\twords:../{name}\t1\n\
             x\twords:/etc/x\t1\nx\tonline:-1\t1\nx\tthread:x:y\t1\nx\teee\n"
        ),
    );
    let done = undo(&root, &mut Held::default());
    assert_eq!((done.len(), root.text("proc/sys/kernel/panic").as_deref()), (1, Some("3")));
    assert!(!outside.exists());
}

#[test]
fn a_place_is_text_and_back() {
    for place in [
        Place::Words("a/b".into()),
        Place::Choice("a".into()),
        Place::List("a".into()),
        Place::Mask("a".into()),
        Place::Online(7),
        Place::Card(ethtool::Feature::Eee, "eth0".into()),
        Place::Thread(40, "irq/24-xhci:usb1".into()),
    ] {
        assert_eq!(Place::parse(&place.to_string()), Some(place));
    }
}
