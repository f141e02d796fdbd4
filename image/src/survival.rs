//! Each process is killed while it plays; it has to come back, and so has the music.
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::Value;

use crate::build::Built;
use crate::cache::Cache;
use crate::capture::{self, FRAME};
use crate::command::progress;
use crate::machine::Sound;
use crate::play::{self, Player};
use crate::session::{self, Options, Session};
use crate::shell::Shell;
use crate::track::{LENGTH, RATE, Track};
use crate::{ATTEMPTS, RAN_DRY};

/// So long it plays before something is killed.
const BEFORE: Duration = Duration::from_secs(3);
/// How long a process may take to come back; init waits a second, a busy host some more.
const RESPAWN: Duration = Duration::from_secs(30);
/// How long the guest's shell may take to answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Frames of silence that part what was played from what was played next; the track has none.
const GAP: usize = RATE as usize / 100;
/// The engine's fade, with room for a period's rest: 40 ms.
const FADE: usize = RATE as usize / 25;

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Survival {
    /// Everything was as it has to be.
    pub survived: bool,
    /// From being killed to running again, ms: player, engine, agent.
    pub respawn_ms: Vec<u64>,
    /// What was wrong.
    pub faults: Vec<String>,
    /// How often the sound card ran dry: then the machine was too slow, and what was heard says nothing.
    pub xruns: u64,
    /// How often it was tried: again only after xruns.
    pub attempts: u32,
}

/// Kills and plays in a booted copy with a shell, again after xruns.
///
/// # Errors
/// When the machine doesn't boot, or a process doesn't come back.
pub fn run(cache: &Cache, built: &Built, track: &Track, options: Options) -> Result<Survival> {
    let options = Options { shell: true, sound: Sound::Board(RATE), ..options };
    let mut found = Survival::default();
    for attempt in 1..=ATTEMPTS {
        found = session::boot(cache, built, options, |session| try_it(session, track))?;
        found.attempts = attempt;
        if found.survived || found.xruns == 0 {
            break;
        }
        progress(RAN_DRY);
    }
    Ok(found)
}

/// Kills player, engine and agent in turn, and plays the whole track after each. The machine ends with it.
///
/// # Errors
/// When the machine ends, or a process doesn't come back.
fn try_it(mut session: Session, track: &Track) -> Result<Survival> {
    session.announced()?;
    let mut shell = session.shell()?;
    progress("killing player, engine and agent while they play (two minutes)");
    let mut found = Survival::default();
    for name in ["player", "engine", "agent"] {
        let player = Player::find(&session.machine)?;
        player.start(&session.machine, &track.file)?;
        sleep(BEFORE);
        // The engine's counters die with it.
        found.xruns += xruns(&player.status()?);
        found.respawn_ms.push(kill(&mut shell, name)?);
        // The agent is not in the music's way: what plays goes on.
        let player = if name == "agent" {
            player
        } else {
            drop(player);
            let again = Player::find(&session.machine)?;
            again.start(&session.machine, &track.file)?;
            again
        };
        let played = player.to_the_end(&mut session.machine, LENGTH)?;
        found.xruns += xruns(&played.after);
        found.faults.extend(played.fault.map(|fault| format!("after the {name}'s death: {fault}")));
    }
    play::tail();
    let heard = capture::read_wav(&session.machine.stop()?)?;
    found.faults.extend(judge(&heard, &track.samples));
    found.survived = found.faults.is_empty();
    Ok(found)
}

/// The engine's count of xruns in a `/status.json`.
fn xruns(status: &Value) -> u64 {
    status["engine"]["xruns"].as_u64().unwrap_or(0)
}

/// Kills a process and waits until there is another one; returns how long that took, ms.
///
/// # Errors
/// When it doesn't run, or isn't started again.
pub(crate) fn kill(shell: &mut Shell, name: &str) -> Result<u64> {
    // By the kernel's name for it: pidof also looks at the program, which the agent and the log share.
    let search = format!(
        "for p in /proc/[0-9]*; do [ \"$(cat $p/comm 2>/dev/null)\" = {name} ] && echo -n \"${{p#/proc/}} \"; done; true"
    );
    let pid = |shell: &mut Shell| Ok::<_, anyhow::Error>(shell.run(&search, ANSWER)?.text.trim().to_owned());
    let old = pid(shell)?;
    if old.is_empty() {
        bail!("{name} does not run");
    }
    let start = Instant::now();
    shell.run(&format!("kill -9 {old}"), ANSWER)?;
    loop {
        let new = pid(shell)?;
        if !new.is_empty() && new != old {
            return Ok(u64::try_from(start.elapsed().as_millis())?);
        }
        if start.elapsed() > RESPAWN {
            bail!("{name} was not started again within {} s", RESPAWN.as_secs());
        }
        sleep(Duration::from_millis(50));
    }
}

/// What is wrong with the recording: cut by the player's death, whole, cut by the engine's, whole, whole.
fn judge(heard: &[u8], track: &[u8]) -> Vec<String> {
    let parts = capture::pieces(heard.as_chunks::<FRAME>().0, GAP);
    let track = track.as_chunks::<FRAME>().0;
    if parts.len() != 5 {
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        return vec![format!("5 pieces were expected; these were played, in frames: {lengths:?}")];
    }
    let mut faults = Vec::new();
    for (part, what) in
        [(1, "after the player's death"), (3, "after the engine's death"), (4, "across the agent's death")]
    {
        if parts[part] != track {
            let same = parts[part].iter().zip(track).take_while(|(a, b)| a == b).count();
            faults.push(format!("{what}: {} frames, {same} of {} equal", parts[part].len(), track.len()));
        }
    }
    let same = parts[0].iter().zip(track).take_while(|(a, b)| a == b).count();
    if same + FADE < parts[0].len() {
        faults.push(format!("{} frames that are not the track's before the player's death", parts[0].len() - same));
    }
    if !track.starts_with(parts[2]) {
        faults.push(format!("{} frames before the engine's death, not all of them the track's", parts[2].len()));
    }
    if !fades(parts[0]) {
        faults.push("the player's death ended the sound without a fade".into());
    }
    faults
}

/// Whether the sound goes down to nothing in its last 20 ms: each quarter of them quieter than the one before, and the last
/// millisecond all but silent.
fn fades(part: &[[u8; FRAME]]) -> bool {
    let peak = |part: &[[u8; FRAME]]| part.iter().flatten_samples().map(i16::unsigned_abs).max().unwrap_or(0);
    let quarter = RATE as usize / 200;
    let Some(start) = part.len().checked_sub(4 * quarter) else { return false };
    let peaks: Vec<u16> = part[start..].chunks(quarter).map(peak).collect();
    let end = peak(&part[part.len() - RATE as usize / 1000..]);
    peaks.windows(2).all(|pair| pair[1] < pair[0]) && end < 4096
}

/// Samples of frames.
trait FlattenSamples {
    /// Left and right in turn.
    fn flatten_samples(self) -> impl Iterator<Item = i16>;
}

impl<'a, I: Iterator<Item = &'a [u8; FRAME]>> FlattenSamples for I {
    fn flatten_samples(self) -> impl Iterator<Item = i16> {
        self.flat_map(|[a, b, c, d]| [i16::from_le_bytes([*a, *b]), i16::from_le_bytes([*c, *d])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: i16) -> [u8; FRAME] {
        let [a, b] = value.to_le_bytes();
        [a, b, a, b]
    }

    /// A loud track whose frames differ.
    fn track() -> Vec<[u8; FRAME]> {
        (0..20_000).map(|n| frame(if n % 2 == 0 { 20_000 + n / 2 } else { -20_000 - n / 2 })).collect()
    }

    /// The beginning of the track, faded out over 20 ms.
    fn faded() -> Vec<[u8; FRAME]> {
        let length = 882;
        let mut part = track()[..6000].to_vec();
        for (n, frame_) in part[6000 - length..].iter_mut().enumerate() {
            let [a, b, ..] = *frame_;
            let left = i32::from(i16::from_le_bytes([a, b])) * i32::try_from(length - n).unwrap() / 882;
            *frame_ = frame(i16::try_from(left).unwrap());
        }
        part
    }

    fn recording(parts: &[&[[u8; FRAME]]]) -> Vec<u8> {
        let silence = vec![[0; FRAME]; GAP + 1];
        parts.iter().flat_map(|part| [part, silence.as_slice()].concat()).collect::<Vec<_>>().concat()
    }

    #[test]
    fn a_fade_and_whole_tracks_are_well() {
        let (whole, cut) = (track(), faded());
        let heard = recording(&[&cut, &whole, &whole[..7000], &whole, &whole]);
        assert_eq!(judge(&heard, whole.as_flattened()), Vec::<String>::new());
    }

    #[test]
    fn a_bang_a_missing_piece_and_a_changed_frame_are_found() {
        let (whole, cut) = (track(), faded());
        let bang = recording(&[&whole[..6000], &whole, &whole[..7000], &whole, &whole]);
        assert!(judge(&bang, whole.as_flattened())[0].contains("without a fade"));
        assert_eq!(judge(&recording(&[&cut, &whole]), whole.as_flattened()).len(), 1);
        let heard = recording(&[&cut, &whole, &whole[..7000], &whole, &whole[1..]]);
        assert!(judge(&heard, whole.as_flattened())[0].contains("agent"));
        let heard = recording(&[&cut, &whole, &whole[1..7000], &whole, &whole]);
        assert!(judge(&heard, whole.as_flattened())[0].contains("before the engine's"));
    }
}
