//! DACs whose words hold fewer bits than they have room for: those that say so, those of which a rule says so, and those that say
//! something else.
use anyhow::Result;
use serde_json::json;

use super::bench::Bench;
use super::found::Tried;
use crate::tracks::Track;

/// 24 bits come as they are; so do 32, of which the DAC drops eight: that isn't called bit-perfect.
pub(super) fn narrowed(bench: &mut Bench, whole: &Track, deep: &Track) -> Result<Tried> {
    let takes = bench.player.status()?["engine"]["takes"].take();
    let bits = takes.as_array().into_iter().flatten().find(|setting| setting["format"] == "S32_LE");
    let mut tried = bench.play_one(whole)?;
    if bits.is_none_or(|setting| setting["bits"] != 24) {
        tried.faults.push(format!("the page doesn't say that 24 bits count: {takes}"));
    }
    let model = bench.dac.with(|device| device.model().clone());
    for stream in bench.streams()? {
        if model.played(stream.setting, &stream.bytes) != stream.bytes {
            tried.faults.push("the DAC dropped bits of 24".to_owned());
        }
    }
    bench.start(deep)?;
    let playing = bench.playing()?;
    let fault = bench.until_stopped()?;
    tried.faults.extend(fault);
    let says = json!([playing["bit_perfect"], playing["changes"], playing["wire"]["format"]]);
    if says != json!([false, ["the DAC has fewer bits than the source"], "S32_LE"]) {
        tried.faults.push(format!("of 32 bits the page says {says}"));
    }
    tried.played(bench, deep)?;
    Ok(tried)
}

/// A DAC that says that all 32 bits count, and drops eight: no host can see that. All 32 are sent, and called bit-perfect, which is so
/// on the wire; what the DAC makes of them isn't the track.
pub(super) fn claims(bench: &mut Bench, deep: &Track) -> Result<Tried> {
    bench.start(deep)?;
    let playing = bench.playing()?;
    let fault = bench.until_stopped()?;
    let mut tried = Tried { faults: fault.into_iter().collect(), ..Tried::default() };
    let says = json!([playing["bit_perfect"], playing["changes"], playing["wire"]["format"]]);
    if says != json!([true, [], "S32_LE"]) {
        tried.faults.push(format!("of 32 bits to a DAC that claims them all the page says {says}"));
    }
    let changed = tried.played(bench, deep)?;
    if changed == 0 {
        tried.faults.push("the DAC plays all bits, and only claimed to drop some".to_owned());
    }
    Ok(tried)
}

impl Tried {
    /// All of the track has to be on the bus; what the DAC played of it is noted. Returns how many frames it played otherwise than they
    /// were sent.
    fn played(&mut self, bench: &mut Bench, track: &Track) -> Result<usize> {
        let model = bench.dac.with(|device| device.model().clone());
        let streams = bench.streams()?;
        let Some(stream) = self.only(&streams) else { return Ok(0) };
        self.take(track, stream);
        let played = model.played(stream.setting, &stream.bytes);
        let (came, total) = (stream.bytes.chunks_exact(track.frame()), stream.frames());
        let changed = came.zip(played.chunks_exact(track.frame())).filter(|(came, played)| came != played).count();
        self.note += &format!("; of {total} frames on the bus the DAC dropped bits of {changed}");
        Ok(changed)
    }
}
