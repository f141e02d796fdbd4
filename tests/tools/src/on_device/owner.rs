//! What takes hands: pulling the DAC's plug, and the appliance's.
use std::io::{BufRead as _, IsTerminal as _};
use std::time::{Duration, Instant};

use super::appliance::Appliance;

/// How long somebody may take to pull a plug, or to put it back.
const HANDS: Duration = Duration::from_secs(120);
/// How long an appliance may take from power to its page.
const BOOT: Duration = Duration::from_secs(120);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Whoever sits in front of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    /// Whether anybody does.
    pub(super) asked: bool,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// In a sentence.
    pub(super) text: String,
    /// What is wrong.
    pub(super) faults: Vec<String>,
}

impl Outcome {
    fn not_done(why: &str) -> Self {
        Self { text: format!("not done: {why}"), faults: Vec::new() }
    }
}

impl Owner {
    /// Says something and waits for Enter; whether somebody was asked. The end of standard input is an answer, too.
    pub(super) fn agrees(self, text: &str) -> bool {
        if self.asked {
            eprint!("{text} Then press Enter: ");
            let mut line = String::new();
            // Nobody to be heard is as good as silence.
            let _ = std::io::stdin().lock().read_line(&mut line);
            if !std::io::stdin().is_terminal() {
                eprintln!();
            }
        }
        self.asked
    }

    /// While a track plays: the DAC goes and comes back.
    pub(super) fn hot_plug(self, appliance: &Appliance) -> Outcome {
        let has_dac = |there: bool| {
            move || {
                let status = appliance.status().ok()?;
                let output = status["engine"]["output"].as_str().unwrap_or_default();
                (output.is_empty() != there).then_some(())
            }
        };
        eprintln!("Hot plug: pull the DAC's USB plug out of the appliance now.");
        if until(HANDS, has_dac(false)).is_none() {
            return Outcome::not_done("the DAC has not gone within two minutes");
        }
        eprintln!("It is gone. Put it back in, within 20 seconds.");
        let Some(waited) = until(HANDS, has_dac(true)) else {
            return Outcome {
                text: "the DAC has not come back".to_owned(),
                faults: vec!["no DAC any more".to_owned()],
            };
        };
        let plays = until(Duration::from_secs(10), || {
            let status = appliance.status().ok()?;
            let plays = status["transport"]["state"] == "PLAYING" && status["transport"]["waits"].is_null();
            plays.then_some(())
        });
        match plays {
            Some(after) => Outcome {
                text: format!(
                    "back after {:.1} s; {:.1} s later the music went on by itself",
                    waited.as_secs_f64(),
                    after.as_secs_f64()
                ),
                faults: Vec::new(),
            },
            None if waited > Duration::from_secs(25) => Outcome::not_done("the DAC came back too late for the music"),
            None => Outcome {
                text: format!("back after {:.1} s; the music did not go on", waited.as_secs_f64()),
                faults: vec!["the music has not gone on by itself".to_owned()],
            },
        }
    }

    /// The power goes and comes back, so many times.
    pub(super) fn power_cycles(self, appliance: &Appliance, cycles: u32) -> Outcome {
        let mut boots = Vec::new();
        for cycle in 1..=cycles {
            eprintln!(
                "Power cycle {cycle} of {cycles}: pull the appliance's power now, count to five, and plug it in again."
            );
            let gone = until(HANDS, || appliance.status().is_err().then_some(()));
            if gone.is_none() {
                let done = cycle - 1;
                return Outcome {
                    text: format!("{done} of {cycles} done: it was not switched off"),
                    faults: Vec::new(),
                };
            }
            eprintln!("It is off.");
            let mut found = None;
            let back = until(HANDS + BOOT, || {
                found = appliance.again().and_then(|appliance| appliance.status()).ok();
                found.is_some().then_some(())
            });
            let Some(status) = found.filter(|_| back.is_some()) else {
                return Outcome {
                    text: format!("power cycle {cycle} of {cycles}: it has not come back within four minutes"),
                    faults: vec![format!("lost at power cycle {cycle}")],
                };
            };
            if status["name"] != appliance.name() {
                return Outcome {
                    text: format!("after power cycle {cycle} it is called {}", status["name"]),
                    faults: vec!["its settings are gone".to_owned()],
                };
            }
            boots.push(status["boot_to_ssdp_ms"].as_f64().unwrap_or(f64::NAN) / 1e3);
        }
        let boots: Vec<String> = boots.iter().map(|seconds| format!("{seconds:.1}")).collect();
        let text = match cycles {
            0 => "none was asked for".to_owned(),
            _ => format!("{cycles} of {cycles} came back; kernel to first SSDP {} s", boots.join(", ")),
        };
        Outcome { text, faults: Vec::new() }
    }
}

/// Looks until there is something, at most for `limit`; how long that took.
fn until(limit: Duration, mut look: impl FnMut() -> Option<()>) -> Option<Duration> {
    let began = Instant::now();
    while began.elapsed() < limit {
        if look().is_some() {
            return Some(began.elapsed());
        }
        std::thread::sleep(LOOK);
    }
    None
}
