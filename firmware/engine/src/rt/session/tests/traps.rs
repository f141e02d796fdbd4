//! The traps of snd-usb-audio, on a card that has them: see the table in [`output::alsa`](crate::output::alsa).

use std::sync::atomic::Ordering;

use super::usb_card::{Air, Call, QUEUE, SILENCE, UsbCard};
use super::*;
use crate::certificate;

/// At the default settings but for a pre-roll of nothing.
const TUNING: Tuning = Tuning { period_ms: 40, preroll_ms: 0, dsd_silence_ms: 0 };
/// The card's buffer and period: 100 and 25 ms.
const FRAMES: [u32; 2] = [4800, 1200];
/// An odd length: it ends within a packet and within a period.
const LENGTH: u64 = 30_011;

/// Plays frames that say which they are on this card, to the end.
fn play(card: UsbCard, air: &Air) -> (Rig, Vec<i16>) {
    let mut rig = Rig::on(Box::new(card), TUNING);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(LENGTH);
    rig.mark(MarkKind::End, 1);
    rig.session.drain();
    rig.run(60 * SECOND, 0);
    assert_eq!(rig.outcome, Some(Outcome::Finished));
    let heard = air.lock().expect("one thread").clone();
    (rig, heard)
}

/// What is left of a recording without the silence around it.
fn sounding(heard: &[i16]) -> &[i16] {
    let first = heard.iter().position(|&level| level != 0).unwrap_or(heard.len());
    let last = heard.iter().rposition(|&level| level != 0).map_or(first, |last| last + 1);
    &heard[first..last]
}

fn track() -> Vec<i16> {
    (0..LENGTH).map(numbered).collect()
}

/// Traps 1, 2 and 3: the card is worth the tests: who writes the track and nothing else, and waits until the buffer is empty, loses.
#[test]
fn who_ignores_the_traps_falls_into_them() {
    let (mut card, air) = UsbCard::new(FRAMES);
    let track = track();
    let (mut written, mut now) = (0, 0);
    while let Ok(fill) = card.poll(now) {
        let frames = (fill.writable as usize).min(track.len() - written);
        let part = &track[written..written + frames];
        let mut write = |room: &mut [u8]| {
            room.as_chunks_mut::<2>().0.iter_mut().zip(part).for_each(|(room, level)| *room = level.to_le_bytes());
        };
        card.write(frames as u32, &mut write).expect("it is plugged in");
        written += frames;
        if now == 0 {
            card.start(now).expect("it is plugged in");
        }
        now += 5 * MILLISECOND;
    }
    card.stop(now);
    let heard = air.lock().expect("one thread").clone();
    assert_ne!(heard[..48], track[..48], "the first packets are exchanged");
    assert_eq!(heard[864..LENGTH as usize], track[864..], "behind them all is in order");
    let stale = &heard[LENGTH as usize..];
    assert!(!stale.is_empty() && stale.iter().all(|&level| level != 0), "what was in memory is heard again");
    assert!(heard.len() < (LENGTH.next_multiple_of(1200)) as usize, "the last packet is lost");
}

/// Traps 1, 2 and 3.
#[test]
fn a_usb_card_plays_every_frame_in_order_and_nothing_else() {
    let (card, air) = UsbCard::new(FRAMES);
    let (rig, heard) = play(card, &air);
    assert!(sounding(&heard) == track(), "bit for bit");
    let silent = heard.iter().take_while(|&&level| level == 0).count();
    assert_eq!(silent, SILENCE, "though the owner wants none");
    assert_eq!(rig.session.xruns(), 0);
}

/// Trap 1: without the silence the first test would have to fail.
#[test]
fn the_silence_is_what_saves_the_first_frames() {
    let (mut card, air) = UsbCard::new(FRAMES);
    card.least_silence = 0;
    let (_, heard) = play(card, &air);
    assert_ne!(sounding(&heard)[..48], track()[..48]);
}

/// Trap 2 where two periods are shorter than what is on its way.
#[test]
fn a_stream_with_short_periods_ends_with_as_much_silence() {
    let (card, air) = UsbCard::new([4800, 48]);
    let (_, heard) = play(card, &air);
    assert!(sounding(&heard) == track());
    let silent = heard.iter().rev().take_while(|&&level| level == 0).count();
    assert!(silent + 48 >= SILENCE, "and the packet that was lost: {silent}");
}

/// Trap 3: an xrun in the middle of a period, and the end in the middle of another.
#[test]
fn nothing_stale_is_played_after_an_xrun() {
    let (card, air) = UsbCard::new(FRAMES);
    let mut rig = Rig::on(Box::new(card), TUNING);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(LENGTH);
    rig.run(SECOND / 5, 0);
    rig.now += SECOND;
    let before = rig.status.position().expect("it is published").taken as usize;
    rig.run(1, 0);
    let at_xrun = air.lock().expect("one thread").len();
    rig.mark(MarkKind::End, 1);
    rig.session.drain();
    rig.run(10 * SECOND, 0);
    assert_eq!((rig.outcome, rig.session.xruns()), (Some(Outcome::Finished), 1));
    let heard = air.lock().expect("one thread").clone();
    let after = &heard[at_xrun..];
    let silent = after.iter().take_while(|&&level| level == 0).count();
    assert!((SILENCE..SILENCE + 100).contains(&silent), "the pre-roll, and what the fade takes to nothing: {silent}");
    // Behind the fade every frame is the one that was due, to the last, and then comes silence.
    let (faded, track) = (SILENCE + FADE as usize, track());
    let due = &track[before + FADE as usize..];
    assert!(after[faded..faded + due.len()] == *due);
    assert!(after[faded + due.len()..].iter().all(|&level| level == 0));
}

/// Behind trap 3: the kernel takes for played what the driver drops when the card runs dry.
#[test]
fn what_an_xrun_drops_is_not_counted_as_heard() {
    // Within a long period what is dropped may all lie behind what was written.
    let (card, air) = UsbCard::new([4800, 48]);
    let mut rig = Rig::on(Box::new(card), TUNING);
    let (tally, mut follow) = certificate::begin(&rig.session.consumer, &rig.session.stream);
    rig.session.set_tally(tally);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(LENGTH);
    rig.mark(MarkKind::End, 1);
    rig.run(SECOND / 5, 0);
    rig.now += SECOND;
    let taken = rig.status.position().expect("it is published").taken;
    rig.run(1, 0);
    let position = rig.status.position().expect("it is published");
    let before = sounding(&air.lock().expect("one thread")).len();
    assert_eq!(position.heard, taken, "the next frame that will be heard");
    let lost = taken - before as u64;
    assert!(lost > 0, "the card drops something");
    rig.session.drain();
    rig.run(10 * SECOND, 0);
    let heard = air.lock().expect("one thread").clone();
    let sounding = sounding(&heard);
    let whole = track();
    assert!(sounding[..before] == whole[..before]);
    assert!(sounding.ends_with(&whole[taken as usize + FADE as usize..]), "and it went on with that frame");
    let mut certificates = Vec::new();
    follow.look(&mut |certificate| certificates.push(certificate));
    let [certificate] = certificates[..] else { panic!("{certificates:?}") };
    assert_eq!((certificate.frames, certificate.xruns), (LENGTH, 1));
    assert!((lost..=QUEUE).contains(&certificate.lost), "{} frames were lost, not {}", lost, certificate.lost);
}

/// Plays up to a moment, holds the engine up until the card has run dry, and plays on: frames that are missing between the last one
/// that was heard before that and the next one after it, and the certificate.
fn held_up(card: UsbCard, air: &Air, at_ns: u64) -> (u64, ring::Certificate) {
    let mut rig = Rig::on(Box::new(card), TUNING);
    let (tally, mut follow) = certificate::begin(&rig.session.consumer, &rig.session.stream);
    rig.session.set_tally(tally);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(LENGTH);
    rig.mark(MarkKind::End, 1);
    rig.run(at_ns, 0);
    rig.now += SECOND;
    let taken = rig.status.position().expect("it is published").taken;
    rig.run(1, 0);
    let heard = sounding(&air.lock().expect("one thread")).len() as u64;
    rig.session.drain();
    rig.run(10 * SECOND, 0);
    assert_eq!(rig.outcome, Some(Outcome::Finished));
    let mut certificates = Vec::new();
    follow.look(&mut |certificate| certificates.push(certificate));
    let [certificate] = certificates[..] else { panic!("{certificates:?}") };
    (taken - heard.min(taken), certificate)
}

/// At every place in the driver's packets and in the engine's periods, with buffers from a few times what is on its way to a second.
#[test]
fn what_is_said_to_be_lost_is_never_less_than_that_nor_more_than_was_on_its_way() {
    let mut most = 0;
    for frames in [[4800, 48], [4800, 1200], [1920, 48], [1920, 96], [48_000, 480]] {
        for ms in (150..300).step_by(7) {
            let (card, air) = UsbCard::new(frames);
            let (lost, certificate) = held_up(card, &air, ms * MILLISECOND);
            assert_eq!(certificate.xruns, 1, "{frames:?}, {ms} ms");
            assert!(
                (lost..=QUEUE).contains(&certificate.lost),
                "{frames:?}, {ms} ms: {lost} frames were lost, not {}",
                certificate.lost
            );
            most = most.max(lost);
        }
    }
    assert!(most > QUEUE / 2, "and some were: {most}");
}

/// The second and third time nothing was on its way.
#[test]
fn a_card_that_runs_dry_again_at_once_loses_nothing_twice() {
    for dry_writes in [1, 2] {
        let (mut card, air) = UsbCard::new([4800, 48]);
        card.dry_writes = dry_writes;
        let (lost, certificate) = held_up(card, &air, SECOND / 5);
        assert_eq!(certificate.xruns, 1 + u64::from(dry_writes));
        assert!((lost..=QUEUE).contains(&certificate.lost), "{lost} frames were lost, not {}", certificate.lost);
    }
}

/// Silence may be dropped without a loss.
#[test]
fn an_xrun_in_the_silence_loses_nothing() {
    let (card, _) = UsbCard::new(FRAMES);
    let mut rig = Rig::on(Box::new(card), TUNING);
    let (tally, mut follow) = certificate::begin(&rig.session.consumer, &rig.session.stream);
    rig.session.set_tally(tally);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(LENGTH);
    rig.mark(MarkKind::End, 1);
    rig.run(SECOND, 0);
    assert_eq!(rig.status.state(), Some(State::Silent));
    rig.now += SECOND;
    rig.run(1, 0);
    assert_eq!(rig.session.xruns(), 1);
    let mut certificates = Vec::new();
    follow.look(&mut |certificate| certificates.push(certificate));
    assert_eq!(
        certificates.iter().map(|certificate| (certificate.xruns, certificate.lost)).collect::<Vec<_>>(),
        [(0, 0)]
    );
}

/// Trap 4: the kernel would wait 1.1 times the buffer; this card takes ten times as long.
#[test]
fn a_slow_card_is_waited_for_to_the_end() {
    let (mut card, air) = UsbCard::new(FRAMES);
    card.ppm = -900_000;
    let (_, heard) = play(card, &air);
    assert!(sounding(&heard) == track());
}

/// Trap 6.
#[test]
fn whichever_call_says_that_the_card_is_gone_the_stream_ends_at_once() {
    let gone = Trouble::Failed { call: "test", errno: libc::ENODEV };
    for call in [Call::Poll, Call::Write, Call::Start, Call::Prepare] {
        let (mut card, _) = UsbCard::new(FRAMES);
        card.unplugged_at = Some(call);
        let mut rig = Rig::on(Box::new(card), TUNING);
        rig.mark(MarkKind::Start, 1);
        rig.count_up(LENGTH);
        rig.run(1, 0);
        if call == Call::Prepare {
            assert_eq!(rig.outcome, None, "it isn't called yet");
            rig.now += SECOND;
            rig.run(1, 0);
        }
        assert_eq!(rig.outcome, Some(Outcome::Output(gone)), "{call:?}");
    }
    assert_eq!(gone.to_string(), "the output was unplugged");
}

/// Trap 6, in the last wake-ups of a track and in those before: what was queued went with the card.
#[test]
fn what_an_unplugged_card_takes_along_is_not_counted_as_heard() {
    for frames in [[4800, 48], FRAMES, [48_000, 480]] {
        for ms in (150..700).step_by(13) {
            let (card, air) = UsbCard::new(frames);
            let plug = Arc::clone(&card.plug);
            let mut rig = Rig::on(Box::new(card), TUNING);
            let (tally, mut follow) = certificate::begin(&rig.session.consumer, &rig.session.stream);
            rig.session.set_tally(tally);
            rig.mark(MarkKind::Start, 1);
            rig.count_up(LENGTH);
            rig.mark(MarkKind::End, 1);
            rig.run(ms * MILLISECOND, 0);
            let position = rig.status.position().expect("it is published");
            plug.store(false, Ordering::Relaxed);
            rig.run(SECOND, 0);
            assert!(matches!(rig.outcome, Some(Outcome::Output(_))));
            drop(rig.session);
            let mut certificates = Vec::new();
            follow.look(&mut |certificate| certificates.push(certificate));
            let [certificate] = certificates[..] else { panic!("{certificates:?}") };
            let heard = sounding(&air.lock().expect("one thread")).len() as u64;
            let lost = certificate.frames - heard;
            let most = certificate.frames - position.heard + 48;
            assert!(
                (lost..=most).contains(&certificate.lost),
                "{frames:?}, {ms} ms: {lost} frames were lost, not {}",
                certificate.lost
            );
            assert_eq!(certificate.xruns, 0, "it was no xrun");
        }
    }
}

/// It ran dry, which is when it is found to be gone.
#[test]
fn what_an_xrun_has_lost_an_unplugged_card_does_not_lose_again() {
    let (mut card, _) = UsbCard::new([4800, 48]);
    card.unplugged_at = Some(Call::Prepare);
    let mut rig = Rig::on(Box::new(card), TUNING);
    let (tally, mut follow) = certificate::begin(&rig.session.consumer, &rig.session.stream);
    rig.session.set_tally(tally);
    rig.mark(MarkKind::Start, 1);
    rig.count_up(LENGTH);
    rig.run(SECOND / 5, 0);
    rig.now += SECOND;
    rig.run(1, 0);
    assert!(matches!(rig.outcome, Some(Outcome::Output(_))));
    drop(rig.session);
    let mut certificates = Vec::new();
    follow.look(&mut |certificate| certificates.push(certificate));
    let [certificate] = certificates[..] else { panic!("{certificates:?}") };
    assert!((1..=QUEUE).contains(&certificate.lost), "{}", certificate.lost);
}
