use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use super::*;

#[test]
fn every_entry_is_complete_and_there_once() {
    let names: BTreeSet<_> = KNOBS.iter().map(|knob| knob.name).collect();
    assert_eq!(names.len(), KNOBS.len());
    for knob in KNOBS {
        let Knob { name, what, why, source, place, want, .. } = knob;
        for text in [name, what, why, source, place, want, &knob.applies_if.text] {
            assert!(!text.is_empty() && text.trim() == *text && !text.contains(['|', '\n']), "{name}: {text}");
        }
        let documented = ["Documentation/", "board/", "the table of priorities, firmware/"];
        assert!(documented.iter().any(|begin| source.starts_with(begin)), "{name}: {source}");
        assert!(!place.starts_with('/'), "{name}");
    }
}

#[test]
fn what_is_built_is_only_looked_at_and_what_is_turned_can_be() {
    for knob in
        KNOBS.iter().filter(|knob| ["preempt-rt", "timer-frequency", "isolcpus", "skew_tick"].contains(&knob.name))
    {
        assert_eq!(knob.when, When::Build, "{}", knob.name);
    }
    let playing: Vec<_> = KNOBS.iter().filter(|knob| knob.when == When::Play).map(|knob| knob.name).collect();
    assert_eq!(playing, ["frequency", "c-states", "cpu_dma_latency"]);
}

#[test]
fn the_pis_firmware_is_told_not_to_wait() {
    let config = include_str!("../../../../../board/rpi/config.txt");
    for line in ["disable_splash=1", "boot_delay=0", "camera_auto_detect=0", "display_auto_detect=0"] {
        assert!(config.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn a_new_images_arguments_are_those_of_four_cores() {
    let (_keep, root) = crate::topology::recorded::machine("qemu-4-cores");
    let placement = crate::placement::Placement::best(&crate::topology::Topology::read(&root));
    let wanted = crate::placement::Arguments::of(&placement, Default::default());
    let given = include_str!("../../../../../board/common/arguments");
    let ours: Vec<_> = given.lines().filter(|line| wanted.text().split(' ').any(|wanted| wanted == *line)).collect();
    assert_eq!(ours.join(" "), wanted.text());
}

/// The knobs as a table of docs/tuning.md.
fn table() -> String {
    let mut text =
        "| knob | when | place | value | what | why | where it applies | source |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for knob in KNOBS {
        let when = match knob.when {
            When::Build => "build",
            When::Boot => "boot",
            When::Play => "play",
        };
        let Knob { name, what, why, source, place, want, .. } = knob;
        let place = if place.contains(' ') { (*place).to_owned() } else { format!("`{place}`") };
        let source = if source.contains(' ') { (*source).to_owned() } else { format!("`{source}`") };
        let _ = writeln!(
            text,
            "| `{name}` | {when} | {place} | {want} | {what} | {why} | {} | {source} |",
            knob.applies_if.text
        );
    }
    text
}

/// The same of the priorities.
fn ladder() -> String {
    let mut text = "| who | SCHED_FIFO | set by | why |\n|---|---|---|---|\n".to_owned();
    for rank in crate::priorities::RANKS {
        let fifo = rank.fifo.map_or_else(|| "none".to_owned(), |fifo| fifo.to_string());
        let _ = writeln!(text, "| {} | {fifo} | {} | {} |", rank.who, rank.set_by, rank.why);
    }
    text
}

/// If it doesn't, what it should say is in `target/tuning.md`.
#[test]
fn the_document_says_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/tuning.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut wanted = text.clone();
    for (mark, table) in [("knobs", table()), ("priorities", ladder())] {
        let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- end of {mark} -->\n"));
        let (head, rest) = wanted.split_once(&begin).unwrap();
        let (_, tail) = rest.split_once(&end).unwrap();
        wanted = format!("{head}{begin}{table}{end}{tail}");
    }
    if text != wanted {
        let new = path.with_file_name("../target/tuning.md");
        fs::write(&new, wanted).unwrap();
        panic!("docs/tuning.md is not as the tables are; {} is", new.display());
    }
}
