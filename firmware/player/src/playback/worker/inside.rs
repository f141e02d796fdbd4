//! What a track's PCM carries, and what that does to the plan: neither gain nor dither may touch it (F5).

use pcm::hidden::{DopDetector, Hidden, MqaDetector};
use pcm::{Caps, Rules, WirePlan};

use crate::playback::PlayError;
use crate::playback::error::REFUSED;

/// What was found before the track begins.
pub(super) struct Inside {
    pub(super) hidden: Option<Hidden>,
    /// The volume must have no effect on its PCM.
    pub(super) unscaled: bool,
    /// Goes on looking while the track is written, if it hasn't looked.
    pub(super) mqa: MqaDetector,
}

impl Inside {
    /// Looks into the beginning of the track. DoP shows in the first frames that aren't silent, which are waited for a second
    /// at most; then the plan is for DoP, which isn't scaled, and whose silence is DSD's. MQA may take seconds to show, so
    /// those are decoded beforehand where gain or dither would harm it: a volume that changed in the middle of the track would
    /// startle. (A live stream begins so much later, unless its server sends some seconds at once.) `scaled`: it will be, unless something is found. What is `known` to be in there isn't looked for again.
    ///
    /// # Errors
    /// DoP that the DAC hasn't the bits for: what is left of it would be noise.
    pub(super) fn look(
        media: &mut media::Track,
        plan: &mut WirePlan,
        caps: &Caps,
        rules: &Rules,
        (scaled, known): (bool, Option<Hidden>),
    ) -> Result<Self, PlayError> {
        let source = media.info().source;
        let mut inside = Self { hidden: None, unscaled: false, mqa: MqaDetector::new(source.rate) };
        if Hidden::Dop.may_be_in(&source) {
            let (mut found, mut dop) = (known == Some(Hidden::Dop), DopDetector::new(source.rate));
            if known.is_none() {
                media.look_ahead(|samples| {
                    found = dop.feed(samples);
                    !dop.is_done()
                });
            }
            if found {
                *plan = plan.with_dop(caps).ok_or_else(|| PlayError::new(REFUSED, no_room(plan)))?;
                inside.hidden = Some(Hidden::Dop);
            }
        }
        // Where the rate is changed there is nothing left to be harmed.
        let harmed = (rules.software_volume || plan.dither || scaled) && plan.resampled_from.is_none();
        let may_be_mqa = known != Some(Hidden::Dop) && Hidden::Mqa.may_be_in(&source);
        if harmed && may_be_mqa {
            let mut found = known == Some(Hidden::Mqa);
            if !found {
                media.look_ahead(|samples| {
                    found = inside.mqa.feed(samples);
                    !inside.mqa.is_done()
                });
            }
            if found {
                inside.hidden = Some(Hidden::Mqa);
                inside.unscaled = rules.software_volume;
                plan.dither = false;
            }
        }
        Ok(inside)
    }
}

fn no_room(plan: &WirePlan) -> String {
    if plan.resampled_from.is_some() {
        return "this is DSD over PCM (DoP), and the DAC hasn't its rate".to_owned();
    }
    format!(
        "this is DSD over PCM (DoP), and the DAC has no 24 bits, the lowest byte first, for it, only {}",
        plan.wire.format
    )
}
