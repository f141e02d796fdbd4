//! The report: Markdown, to be attached to an issue.
use std::fmt::{self, Display, Formatter};

use anyhow::Result;
use serde_json::Value;

use super::appliance::Appliance;
use super::owner::Outcome;
use super::trial::Tried;

/// What nothing but a program on the device itself can find out.
const NOT_MEASURED: [&str; 4] = [
    "wake-ups beside cyclictest's: the histogram is the engine's own; cyclictest would have to run on the device",
    "benchmarks of the sample kernels on this processor",
    "CPU time of each process, and what the certificate costs: the appliance doesn't show the one, and the other can't be switched off from here",
    "temperature and throttling of the processor",
];

/// Everything that was found out.
#[derive(Debug, Default)]
pub struct Report {
    name: String,
    facts: Vec<(&'static str, String)>,
    pub(super) tried: Vec<Tried>,
    pub(super) hot_plug: Option<Outcome>,
    pub(super) power_cycles: Option<Outcome>,
}

impl Report {
    /// What the appliance says of itself.
    pub(super) fn about(appliance: &Appliance) -> Result<Self> {
        Ok(Self::of(appliance.name(), &appliance.status()?))
    }

    fn of(name: &str, status: &Value) -> Self {
        let engine = &status["engine"];
        let resident =
            |of: &str| status["rss_bytes"][of].as_f64().map(|bytes| format!("{of} {:.1}", bytes / 1048576.0));
        let resident: Vec<String> = ["engine", "player", "agent"].into_iter().filter_map(resident).collect();
        let facts = vec![
            ("version", plain(&status["version"])),
            ("kernel", plain(&status["kernel"])),
            ("isolated cores", plain(&status["isolated"])),
            (
                "engine's thread",
                format!(
                    "{} {} on core {}",
                    plain(&engine["class"]),
                    plain(&engine["priority"]),
                    plain(&engine["core"])
                ),
            ),
            ("DAC", plain(&engine["output"])),
            ("it takes", formats(&engine["takes"])),
            ("volume", plain(&status["volume"]["mode"])),
            ("kernel to first SSDP", format!("{} ms", plain(&status["boot_to_ssdp_ms"]))),
            ("resident, MiB", resident.join(", ")),
        ];
        Self { name: name.to_owned(), facts, ..Self::default() }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let outcomes = [&self.hot_plug, &self.power_cycles];
        self.tried.iter().all(|tried| tried.faults.is_empty())
            && outcomes.into_iter().flatten().all(|outcome| outcome.faults.is_empty())
    }
}

/// A value as text.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => "not said".to_owned(),
        Value::String(text) if text.trim().is_empty() => "none".to_owned(),
        Value::String(text) => cell(text.trim()),
        other => cell(&other.to_string()),
    }
}

/// The formats that a DAC takes, each with its highest rate.
fn formats(takes: &Value) -> String {
    let takes = takes.as_array().map(Vec::as_slice).unwrap_or_default();
    let format = |format: &Value| {
        let highest = format["rates"].as_array().into_iter().flatten().filter_map(Value::as_f64).fold(0.0, f64::max);
        let dop = if format["dop"] == true { " and DoP" } else { "" };
        format!("{}{dop} to {} kHz", plain(&format["format"]), highest / 1e3)
    };
    takes.iter().map(format).collect::<Vec<_>>().join("; ")
}

/// What would end a table's cell is taken out: the words are the appliance's, not ours.
fn cell(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '|' | '<' | '>' | '`')).collect()
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Tenuto on a device: {}\n", cell(&self.name))?;
        writeln!(f, "| | |\n|---|---|")?;
        for (name, fact) in &self.facts {
            writeln!(f, "| {name} | {fact} |")?;
        }
        writeln!(f, "\n## Played\n")?;
        writeln!(
            f,
            "| track | to the DAC | what it got | PLAYING after | xruns / starved / lost / late | wake-ups: half / 99.9 % / all |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for tried in &self.tried {
            let began = tried.began_s.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1} s"));
            let late =
                tried.lateness.as_ref().map_or_else(|| "not known".to_owned(), super::lateness::Lateness::summary);
            let [wire, verdict] = [&tried.wire, &tried.verdict].map(|text| cell(text));
            writeln!(f, "| {} | {wire} | {verdict} | {began} | {} | {late} |", tried.name, tried.counts)?;
        }
        writeln!(f, "\n## Wake-ups of the engine, by how late they were\n")?;
        for tried in &self.tried {
            let Some(lateness) = &tried.lateness else { continue };
            let rows: Vec<String> = lateness.rows().map(|(bound, count)| format!("{bound}: {count}")).collect();
            writeln!(f, "- {} ({} wake-ups): {}", tried.name, lateness.all(), rows.join(", "))?;
        }
        writeln!(f, "\n## By hand\n")?;
        for (name, outcome) in [("DAC pulled out", &self.hot_plug), ("power cycles", &self.power_cycles)] {
            let text = outcome.as_ref().map_or("not done (--no-questions)", |outcome| outcome.text.as_str());
            writeln!(f, "- {name}: {}", cell(text))?;
        }
        writeln!(f, "\n## Not measured: it takes a program on the device, and there is no image that lets one in\n")?;
        for what in NOT_MEASURED {
            writeln!(f, "- {what}")?;
        }
        writeln!(f, "\n## Result\n")?;
        if self.is_well() {
            return writeln!(f, "Nothing is wrong.");
        }
        let tried =
            self.tried.iter().flat_map(|tried| tried.faults.iter().map(move |fault| (tried.name.as_str(), fault)));
        let by_hand = [("DAC pulled out", &self.hot_plug), ("power cycles", &self.power_cycles)];
        let by_hand = by_hand.into_iter().filter_map(|(name, outcome)| Some((name, outcome.as_ref()?)));
        let by_hand = by_hand.flat_map(|(name, outcome)| outcome.faults.iter().map(move |fault| (name, fault)));
        tried.chain(by_hand).try_for_each(|(name, fault)| writeln!(f, "- WRONG: {name}: {}", cell(fault)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_is_there_and_what_is_wrong_is_named() {
        let status = json!({
            "version": "0.1.0", "kernel": "Linux | 7.2\n", "isolated": "3",
            "engine": { "class": "FIFO", "priority": 70, "core": 3, "output": "hw:0,0", "takes": [{ "format": "S32_LE", "rates": [44_100, 768_000] }] },
        });
        let mut report = Report::of("Tenuto 1a2b", &status);
        report.tried.push(Tried { name: "FLAC 44.1/16".into(), verdict: "bit for bit".into(), ..Tried::default() });
        let text = report.to_string();
        for part in [
            "# Tenuto on a device: Tenuto 1a2b",
            "| kernel | Linux  7.2 |",
            "FIFO 70 on core 3",
            "| S32_LE to 768 kHz |",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(report.is_well() && text.ends_with("Nothing is wrong.\n"), "{text}");
        assert!(text.contains("not done (--no-questions)") && text.contains("cyclictest"));
        report.tried[0].faults.push("xruns: 2".into());
        report.hot_plug = Some(Outcome { text: "x".into(), faults: vec!["no DAC any more".into()] });
        let text = report.to_string();
        assert!(!report.is_well() && text.contains("- WRONG: FLAC 44.1/16: xruns: 2\n"), "{text}");
        assert!(text.contains("- WRONG: DAC pulled out: no DAC any more\n"), "{text}");
    }
}
