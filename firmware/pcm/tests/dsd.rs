//! One-bit streams against a reference that handles bit by bit: every layout, wire, length and cut.

mod common;

use pcm::decimate::Conversion;
use pcm::gain::{Gain, Ramp, Scaler};
use pcm::{
    BitOrder, Caps, ChannelMap, ChannelSet, Content, Cpu, DSD_SILENCE, Dsd, DsdPacker, Encoding, Feature, FormatSet,
    Marker, Packed, Planes, RateSet, Refusal, Rules, Setting, Source, Speaker, Speakers, Tpdf, Wire, WireFormat,
    WirePlan, plan,
};
use proptest::prelude::*;

const DSD64: u32 = 2_822_400;

fn one_bit_formats() -> impl Strategy<Value = WireFormat> {
    prop::sample::select([&WireFormat::DSD[..], &WireFormat::DOP].concat())
}

fn plan_for(format: WireFormat, channels: u16, channel_map: ChannelMap) -> WirePlan {
    let rate = DSD64 / u32::from(format.bits());
    WirePlan {
        wire: Wire { format, rate, channels },
        lossless: true,
        exact_bits: None,
        dither: false,
        channel_map,
        decimation: None,
        resampled_from: None,
    }
}

/// A track as its bits: one vector a channel, the oldest first.
fn bits(channels: &[Vec<u8>]) -> Vec<Vec<bool>> {
    let of = |bytes: &Vec<u8>| bytes.iter().flat_map(|byte| (0..8).map(move |n| byte >> (7 - n) & 1 == 1)).collect();
    channels.iter().map(of).collect()
}

/// The CPUs that this one can stand for.
fn cpus() -> [Cpu; 5] {
    let (all, old) = (Cpu::detect(), Cpu::detect().without(Feature::Gfni));
    [Cpu::BASELINE, old.without(Feature::Avx2), old, all.without(Feature::Avx2), all]
}

/// What a wire has to hold, bit by bit: each word's value from its oldest bit on, then that value in the wire's byte order.
fn reference(format: WireFormat, channels: &[Vec<u8>], marker: Marker) -> Vec<u8> {
    let mut channels = channels.to_vec();
    let word = usize::from(format.bits());
    for channel in &mut channels {
        while channel.len() * 8 % word != 0 {
            channel.push(0x69);
        }
    }
    let bits = bits(&channels);
    let mut wire = Vec::new();
    for frame in 0..bits[0].len() / word {
        for channel in &bits {
            let value = channel[frame * word..][..word].iter().fold(0u32, |value, &bit| value << 1 | u32::from(bit));
            let marked = u32::from(marker.after(frame as u64).byte()) << 16 | value;
            match format {
                WireFormat::DsdU8 => wire.push(value as u8),
                WireFormat::DsdU16Le => wire.extend((value as u16).to_le_bytes()),
                WireFormat::DsdU16Be => wire.extend((value as u16).to_be_bytes()),
                WireFormat::DsdU32Le => wire.extend(value.to_le_bytes()),
                WireFormat::DsdU32Be => wire.extend(value.to_be_bytes()),
                WireFormat::DopS24_3Le => wire.extend(&marked.to_le_bytes()[..3]),
                WireFormat::DopS24Le => wire.extend(((marked << 8) as i32 >> 8).to_le_bytes()),
                WireFormat::DopS32Le => wire.extend((marked << 8).to_le_bytes()),
                _ => panic!("{format} is PCM"),
            }
        }
    }
    wire
}

/// How a file lays out its channels.
#[derive(Clone, Copy, Debug)]
struct FileLayout {
    interleaved: bool,
    order: BitOrder,
}

fn layouts() -> impl Strategy<Value = FileLayout> {
    (any::<bool>(), prop::sample::select(vec![BitOrder::MsbFirst, BitOrder::LsbFirst]))
        .prop_map(|(interleaved, order)| FileLayout { interleaved, order })
}

/// Lays a track out as a file does, and hands it to `use_it`.
fn with_block<T>(channels: &[Vec<u8>], layout: FileLayout, use_it: impl FnOnce(Dsd<'_>) -> T) -> T {
    let turn = |byte: u8| if layout.order == BitOrder::LsbFirst { byte.reverse_bits() } else { byte };
    let turned: Vec<Vec<u8>> =
        channels.iter().map(|channel| channel.iter().map(|&byte| turn(byte)).collect()).collect();
    if layout.interleaved {
        let bytes: Vec<u8> = (0..turned[0].len()).flat_map(|n| turned.iter().map(move |channel| channel[n])).collect();
        return use_it(Dsd::interleaved(&bytes, channels.len(), layout.order).unwrap());
    }
    let planes = Planes::new(turned.iter().map(Vec::as_slice)).unwrap();
    use_it(Dsd::planar(planes, layout.order))
}

fn tracks(longest: usize) -> impl Strategy<Value = Vec<Vec<u8>>> {
    (1..=8usize, 0..longest)
        .prop_flat_map(|(channels, bytes)| prop::collection::vec(prop::collection::vec(any::<u8>(), bytes), channels))
}

/// Packs a whole track at once.
fn pack_all(cpu: Cpu, plan: &WirePlan, src: &Dsd<'_>, marker: Marker) -> Vec<u8> {
    let mut packer = DsdPacker::new(plan, cpu);
    packer.begin(marker);
    let mut bytes = vec![0x5a; (src.frames() + 1) * plan.wire.frame_bytes()];
    let Packed { taken, frames } = packer.pack(src, 0, &mut bytes);
    assert_eq!(taken, src.frames());
    let at = frames * plan.wire.frame_bytes();
    let last = packer.finish(&mut bytes[at..]);
    assert_eq!(packer.finish(&mut bytes[at..]), 0, "there is one last word");
    let rest = bytes.split_off(at + last * plan.wire.frame_bytes());
    assert!(rest.iter().all(|&byte| byte == 0x5a), "nothing is written beyond the end");
    bytes
}

proptest! {
    #[test]
    fn every_wire_holds_every_bit_in_its_place(
        track in tracks(70), format in one_bit_formats(), layout in layouts(), odd: bool,
    ) {
        let marker = if odd { Marker::Odd } else { Marker::Even };
        let plan = plan_for(format, track.len() as u16, ChannelMap::Same);
        let packed = with_block(&track, layout, |block| pack_all(Cpu::detect(), &plan, &block, marker));
        prop_assert_eq!(packed, reference(format, &track, marker));
    }

    #[test]
    fn f9_long_tracks_of_every_tail_and_alignment_on_every_cpu(
        bytes in prop::collection::vec(any::<[u8; 8]>(), 0..400),
        channels in prop::sample::select(vec![1, 2, 2, 2, 3, 4, 5, 6, 7, 8]),
        format in one_bit_formats(),
        layout in layouts(),
        skip in 0..40usize,
        odd: bool,
    ) {
        let marker = if odd { Marker::Odd } else { Marker::Even };
        let track: Vec<Vec<u8>> =
            (0..channels).map(|channel| bytes.iter().map(|frame| frame[channel]).collect()).collect();
        let plan = plan_for(format, channels as u16, ChannelMap::Same);
        let rest: Vec<Vec<u8>> = track.iter().map(|channel| channel[skip.min(channel.len())..].to_vec()).collect();
        let expected = reference(format, &rest, marker);
        for cpu in cpus() {
            let packed =
                with_block(&track, layout, |block| pack_all(cpu, &plan, &block.part(skip, usize::MAX), marker));
            prop_assert!(packed == expected, "{:?}", cpu);
        }
    }

    #[test]
    fn f4_the_bytes_do_not_depend_on_how_a_track_is_cut(
        track in tracks(90),
        format in one_bit_formats(),
        layout in layouts(),
        blocks in prop::collection::vec(1..9usize, 1..20),
        rooms in prop::collection::vec(0..9usize, 1..20),
    ) {
        let plan = plan_for(format, track.len() as u16, ChannelMap::Same);
        let frame = plan.wire.frame_bytes();
        let mut packer = DsdPacker::new(&plan, Cpu::detect());
        let mut pieces: Vec<u8> = Vec::new();
        let mut rooms = rooms.iter().copied().chain([3]).cycle();
        with_block(&track, layout, |whole| {
            let mut at = 0;
            for &length in blocks.iter().cycle() {
                let block = whole.part(at, length);
                let mut done = 0;
                while done < block.frames() {
                    let mut bytes = vec![0; rooms.next().unwrap() * frame];
                    let Packed { taken, frames } = packer.pack(&block, done, &mut bytes);
                    assert!(taken <= block.frames() - done && frames * frame <= bytes.len());
                    assert!(taken > 0 || bytes.is_empty());
                    pieces.extend(&bytes[..frames * frame]);
                    done += taken;
                }
                at += done;
                if at >= whole.frames() {
                    break;
                }
            }
        });
        prop_assert_eq!(packer.is_unfinished(), track[0].len() * 8 % usize::from(format.bits()) != 0);
        prop_assert_eq!(packer.finish(&mut vec![0; frame - 1]), 0, "no room, nothing written");
        let mut last = vec![0; frame];
        let frames = packer.finish(&mut last);
        pieces.extend(&last[..frames * frame]);
        prop_assert_eq!(&pieces, &reference(format, &track, Marker::Even));
        prop_assert_eq!(packer.marker(), Marker::Even.after((pieces.len() / frame) as u64));
    }

    /// Any number of tracks, of any lengths and from either kind of file: one stream, whose words none of them fills up.
    #[test]
    fn f4_tracks_that_follow_each_other_are_one_stream(
        lengths in prop::collection::vec(0..20usize, 2..6),
        track in tracks(2).prop_flat_map(|track| prop::collection::vec(prop::collection::vec(any::<u8>(), 100), track.len())),
        format in one_bit_formats(),
        layouts in prop::collection::vec(layouts(), 6),
        odd: bool,
    ) {
        let mut marker = if odd { Marker::Odd } else { Marker::Even };
        let plan = plan_for(format, track.len() as u16, ChannelMap::Same);
        let mut begun = None;
        let (mut at, mut wire) = (0, Vec::<u8>::new());
        let frame = plan.wire.frame_bytes();
        let mut packer = DsdPacker::new(&plan, Cpu::detect());
        for (n, (&length, &layout)) in lengths.iter().zip(&layouts).enumerate() {
            packer = DsdPacker::new(&plan, Cpu::detect());
            match &begun {
                Some(begun) => packer.begin_behind(marker, begun),
                None => packer.begin(marker),
            }
            let own: Vec<Vec<u8>> = track.iter().map(|channel| channel[at..at + length].to_vec()).collect();
            let mut bytes = vec![0; (length + 1) * frame];
            let packed = with_block(&own, layout, |block| packer.pack(&block, 0, &mut bytes));
            prop_assert_eq!(packed.taken, length);
            wire.extend(&bytes[..packed.frames * frame]);
            at += length;
            marker = packer.marker();
            if n + 1 < lengths.len() {
                begun = packer.leave();
                prop_assert!(!packer.is_unfinished());
            }
        }
        let mut last = vec![0; frame];
        let frames = packer.finish(&mut last);
        wire.extend(&last[..frames * frame]);
        let whole: Vec<Vec<u8>> = track.iter().map(|channel| channel[..at].to_vec()).collect();
        let first = if odd { Marker::Odd } else { Marker::Even };
        prop_assert_eq!(wire, reference(format, &whole, first));
    }

    #[test]
    fn f3_mono_becomes_two_equal_channels(bytes in prop::collection::vec(any::<u8>(), 0..40), format in one_bit_formats(), layout in layouts()) {
        let plan = plan_for(format, 2, ChannelMap::MonoToStereo);
        let packed = with_block(std::slice::from_ref(&bytes), layout, |block| pack_all(Cpu::detect(), &plan, &block, Marker::Even));
        prop_assert_eq!(packed, reference(format, &[bytes.clone(), bytes], Marker::Even));
    }

    #[test]
    fn one_bit_streams_are_copied_or_muted_and_never_scaled(
        track in tracks(40), format in one_bit_formats(), percent in 0..=100u8, fade in 0..20u32,
    ) {
        let src = reference(format, &track, Marker::Odd);
        let mut dst = vec![0x5a; src.len()];
        let mut ramp = Ramp::constant(Gain::UNITY);
        ramp.fade_to(Gain::from_percent(percent), fade);
        let written = Scaler::new(format, track.len() as u16, Cpu::detect()).copy(&src, &mut dst, &mut ramp, &mut Tpdf::new(0));
        prop_assert_eq!(written, src.len());
        if percent > 0 {
            prop_assert_eq!(dst, src);
        } else {
            let mut silence = vec![0; src.len()];
            pcm::fill_silence(format, track.len() as u16, Marker::Odd, &mut silence);
            prop_assert_eq!(dst, silence);
        }
    }
}

/// Every length around the borders of vectors, both bit orders and layouts, every wire. Of stereo, and of other numbers of
/// channels, for which there are no vectors, those around the first borders.
#[test]
fn f9_every_length_on_every_cpu() {
    let others = [1, 3, 4, 5, 6, 7, 8].into_iter().flat_map(|channels| (0..=70).map(move |length| (channels, length)));
    for (channels, length) in (0..=300).map(|length| (2, length)).chain(others) {
        let channel = |n: usize| (0..length).map(|at| (at * 37 + n * 101 + 11) as u8).collect::<Vec<u8>>();
        let track: Vec<Vec<u8>> = (0..channels).map(channel).collect();
        for format in WireFormat::DSD.into_iter().chain(WireFormat::DOP) {
            let plan = plan_for(format, channels as u16, ChannelMap::Same);
            let expected = reference(format, &track, Marker::Odd);
            for order in [BitOrder::MsbFirst, BitOrder::LsbFirst] {
                for interleaved in [false, true] {
                    for cpu in cpus() {
                        let layout = FileLayout { interleaved, order };
                        let packed = with_block(&track, layout, |block| pack_all(cpu, &plan, &block, Marker::Odd));
                        assert!(packed == expected, "{channels} × {length} bytes, {format}, {layout:?}, {cpu:?}");
                    }
                }
            }
        }
    }
}

/// What is long enough begins with a vector that isn't aligned, wherever the first one lies that is.
#[test]
fn f9_every_alignment_on_every_cpu() {
    const LENGTHS: [usize; 6] = [32, 148, 160, 300, 304, 333];
    let others = [1, 3, 4, 5, 6, 7, 8].map(|channels| (channels, 148));
    for (channels, length) in LENGTHS.map(|length| (2, length)).into_iter().chain(others) {
        let channel = |n: usize| (0..length).map(|at| (at * 37 + n * 101 + 11) as u8).collect::<Vec<u8>>();
        let track: Vec<Vec<u8>> = (0..channels).map(channel).collect();
        for format in WireFormat::DSD.into_iter().chain(WireFormat::DOP) {
            let plan = plan_for(format, channels as u16, ChannelMap::Same);
            let frame = plan.wire.frame_bytes();
            let frames = length * 8 / usize::from(format.bits());
            let expected = &reference(format, &track, Marker::Odd)[..frames * frame];
            for order in [BitOrder::MsbFirst, BitOrder::LsbFirst] {
                for (at, cpu) in (0..64).flat_map(|at| cpus().map(|cpu| (at, cpu))) {
                    let layout = FileLayout { interleaved: at % 2 == 0, order };
                    let mut room = vec![0x5a; expected.len() + 192];
                    let begin = room.as_ptr().align_offset(64) + at;
                    let mut packer = DsdPacker::new(&plan, cpu);
                    packer.begin(Marker::Odd);
                    let end = begin + expected.len();
                    let packed = with_block(&track, layout, |block| packer.pack(&block, 0, &mut room[begin..end]));
                    assert_eq!(packed, Packed { taken: length, frames }, "{format}, {layout:?}, {cpu:?}");
                    assert!(room[begin..end] == *expected, "{length} bytes at {at}, {format}, {layout:?}, {cpu:?}");
                    let around = room[..begin].iter().chain(&room[end..]);
                    assert!(around.into_iter().all(|&byte| byte == 0x5a), "{format}: written beyond the end");
                }
            }
        }
    }
}

/// Six channels in another order, of either kind of file.
#[test]
fn channels_go_where_the_order_says_from_both_layouts() {
    let dac = Speakers::new(["FL", "FR", "RL", "RR", "FC", "LFE"].map(Speaker::from_alsa_name));
    let order = dac.order_of(&Speakers::of_mask(0x3f, 6)).expect("the same loudspeakers");
    let track: Vec<Vec<u8>> = (0..6).map(|n| (0..200).map(|at| (at * 37 + n * 101 + 11) as u8).collect()).collect();
    let moved = [0, 1, 4, 5, 2, 3].map(|n| track[n].clone());
    for format in WireFormat::DSD.into_iter().chain(WireFormat::DOP) {
        let plan = plan_for(format, 6, ChannelMap::Same);
        for (interleaved, bits) in [(false, BitOrder::LsbFirst), (true, BitOrder::LsbFirst), (true, BitOrder::MsbFirst)]
        {
            for cpu in cpus() {
                let layout = FileLayout { interleaved, order: bits };
                let pack = |block: &Dsd<'_>| pack_all(cpu, &plan, block, Marker::Odd);
                let packed = with_block(&track, layout, |block| pack(&block.ordered(&order)));
                assert!(packed == reference(format, &moved, Marker::Odd), "{format}, {layout:?}, {cpu:?}");
                // In words that a call begins and the next one ends.
                let part = with_block(&track, layout, |block| pack(&block.ordered(&order).part(1, 7)));
                let rest = moved.clone().map(|channel| channel[1..8].to_vec());
                assert!(part == reference(format, &rest, Marker::Odd), "{format}, {layout:?}, {cpu:?}");
                // The order's inverse is itself.
                let back = with_block(&track, layout, |block| pack(&block.ordered(&order).ordered(&order)));
                assert!(back == reference(format, &track, Marker::Odd), "{format}, {layout:?}, {cpu:?}");
            }
        }
    }
}

#[test]
fn a_word_that_was_begun_for_another_wire_is_not_gone_on_with() {
    let stereo = [vec![1, 2, 3], vec![4, 5, 6]];
    let layout = FileLayout { interleaved: true, order: BitOrder::MsbFirst };
    let [of_four, of_two] =
        [WireFormat::DsdU32Be, WireFormat::DsdU16Be].map(|format| plan_for(format, 2, ChannelMap::Same));
    let mut before = DsdPacker::new(&of_four, Cpu::detect());
    let packed = with_block(&stereo, layout, |block| before.pack(&block, 0, &mut []));
    assert_eq!(packed, Packed { taken: 3, frames: 0 });
    let begun = before.leave().expect("three bytes");
    assert!(before.leave().is_none() && before.finish(&mut [0; 8]) == 0);
    let mut behind = DsdPacker::new(&of_two, Cpu::detect());
    behind.begin_behind(Marker::Odd, &begun);
    assert_eq!((behind.is_unfinished(), behind.marker()), (false, Marker::Odd));
    behind = DsdPacker::new(&of_four, Cpu::detect());
    behind.begin_behind(Marker::Even, &begun);
    let mut bytes = [0; 8];
    assert_eq!(with_block(&stereo, layout, |block| behind.pack(&block, 0, &mut bytes)).frames, 1);
    assert_eq!(bytes, [1, 2, 3, 1, 4, 5, 6, 4]);
}

#[test]
fn what_the_plan_is_not_for_is_not_packed() {
    let stereo = [vec![1, 2, 3, 4], vec![5, 6, 7, 8]];
    let layout = FileLayout { interleaved: true, order: BitOrder::MsbFirst };
    for plan in [
        plan_for(WireFormat::DsdU8, 1, ChannelMap::Same),
        plan_for(WireFormat::DsdU8, 0, ChannelMap::Same),
        plan_for(WireFormat::DsdU8, 2, ChannelMap::MonoToStereo),
        plan_for(WireFormat::S16Le, 2, ChannelMap::Same),
    ] {
        let mut bytes = [0x5a; 32];
        let packed =
            with_block(&stereo, layout, |block| DsdPacker::new(&plan, Cpu::detect()).pack(&block, 0, &mut bytes));
        assert_eq!((packed, bytes), (Packed::default(), [0x5a; 32]));
    }
    assert!(Dsd::interleaved(&[1, 2, 3], 2, BitOrder::MsbFirst).is_err());
    assert!(Dsd::interleaved(&[], 9, BitOrder::MsbFirst).is_err());
    assert!(Dsd::interleaved(&[], 0, BitOrder::MsbFirst).is_err());
}

fn dsd(rate: u32, channels: u16) -> Source {
    Source { rate, bits: 1, channels, encoding: Encoding::Dsd }
}

fn dac(formats: &[WireFormat], rates: RateSet) -> Caps {
    Caps::uniform(formats.iter().copied().collect(), rates, ChannelSet::STEREO)
}

fn planned(source: &Source, caps: &Caps, dop: bool) -> Result<Wire, Refusal> {
    let plan = plan(source, caps, &Rules { dop, ..Rules::default() })?;
    assert!(plan.lossless && !plan.dither);
    Ok(plan.wire)
}

#[test]
fn f1_native_dsd_comes_first_in_the_longest_words_at_the_rate_that_alsa_counts() {
    let any = RateSet::any(1, 10_000_000);
    for (format, rate) in [
        (WireFormat::DsdU8, 352_800),
        (WireFormat::DsdU16Le, 176_400),
        (WireFormat::DsdU16Be, 176_400),
        (WireFormat::DsdU32Le, 88_200),
        (WireFormat::DsdU32Be, 88_200),
    ] {
        let wire = planned(&dsd(DSD64, 2), &dac(&[format, WireFormat::S32Le, WireFormat::S24_3Le], any), true);
        assert_eq!(wire, Ok(Wire { format, rate, channels: 2 }));
    }
    let all = dac(&WireFormat::ALL, any);
    assert_eq!(planned(&dsd(DSD64 * 8, 1), &all, true).unwrap().format, WireFormat::DsdU32Be);
    // 32-bit words of DSD64 aren't among its rates, 8-bit ones are.
    let odd = dac(&[WireFormat::DsdU32Be, WireFormat::DsdU8], RateSet::EMPTY.with(352_800));
    assert_eq!(planned(&dsd(DSD64, 2), &odd, false).unwrap().format, WireFormat::DsdU8);
}

#[test]
fn dop_is_for_dacs_that_are_known_or_said_to_understand_it() {
    let rates = RateSet::EMPTY.with(176_400).with(352_800);
    let pcm = [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S24Le, WireFormat::S32Le];
    let unknown = dac(&pcm, rates);
    assert!(plan(&dsd(DSD64, 2), &unknown, &Rules::default()).is_ok_and(|plan| plan.decimation.is_some()));
    let wire = planned(&dsd(DSD64, 2), &unknown, true).unwrap();
    assert_eq!(wire, Wire { format: WireFormat::DopS24_3Le, rate: 176_400, channels: 2 });
    let known = dac(&[WireFormat::S32Le, WireFormat::DopS32Le], rates);
    let wire = planned(&dsd(DSD64 * 2, 1), &known, false).unwrap();
    assert_eq!(wire, Wire { format: WireFormat::DopS32Le, rate: 352_800, channels: 2 });
    let converted = |source, caps| plan(&source, caps, &Rules { dop: true, ..Rules::default() }).unwrap().decimation;
    assert!(converted(dsd(DSD64 * 4, 2), &known).is_some(), "705 600 Hz is too fast for it");
    assert!(converted(dsd(DSD64, 2), &dac(&[WireFormat::S16Le], rates)).is_some(), "16 bits carry no DoP");
    // PCM is never planned as DoP, or as DSD.
    let everything = dac(&WireFormat::ALL, RateSet::any(1, 10_000_000));
    for bits in 1..=32 {
        let source = Source { rate: 176_400, bits, channels: 2, encoding: Encoding::Integer };
        for software_volume in [false, true] {
            let rules = Rules { software_volume, dop: true, resample: false };
            assert_eq!(plan(&source, &everything, &rules).unwrap().wire.format.content(), Content::Pcm);
        }
    }
}

#[test]
fn a_dac_that_takes_neither_dsd_nor_dop_gets_pcm() {
    let rules = Rules { resample: true, ..Rules::default() };
    let all = [WireFormat::S16Le, WireFormat::S24_3Le, WireFormat::S32Le];
    for (base, multiple) in [(44_100, 64), (48_000, 64), (44_100, 512), (48_000, 1024)] {
        let source = dsd(base * multiple, 1);
        for (times, wanted) in [(&[1, 2, 4, 8][..], 4), (&[1, 2, 8], 8), (&[1, 2], 2), (&[1], 1)] {
            let rates = times.iter().map(|times| times * base).collect();
            let plan = plan(&source, &dac(&all, rates), &rules).unwrap();
            assert_eq!(plan.wire, Wire { format: WireFormat::S32Le, rate: base * wanted, channels: 2 });
            assert_eq!(plan.decimation, Conversion::new(source.rate, base * wanted.max(2)));
            assert_eq!(plan.resampled_from, (wanted == 1).then_some(base * 2));
            assert!(!plan.lossless && !plan.dither && plan.channel_map == ChannelMap::MonoToStereo);
        }
    }
    // Dither is for what is narrower than the filter's 32 bits.
    let rates = RateSet::EMPTY.with(44_100).with(176_400);
    for (formats, format) in [(&all[..2], WireFormat::S24_3Le), (&all[..1], WireFormat::S16Le)] {
        let plan = plan(&dsd(DSD64, 2), &dac(formats, rates), &Rules::default()).unwrap();
        assert_eq!((plan.wire.format, plan.dither), (format, true));
    }
    // Without resampling there is no way to 44.1 kHz, nor to the other family; nor is there a conversion of such a rate.
    let only = |rate| dac(&all, RateSet::EMPTY.with(rate));
    assert!(plan(&dsd(DSD64, 2), &only(44_100), &Rules::default()).is_err());
    assert!(plan(&dsd(DSD64, 2), &only(192_000), &Rules::default()).is_err());
    assert!(plan(&dsd(DSD64 * 32, 2), &only(176_400), &rules).is_err());
    let other = plan(&dsd(DSD64, 2), &only(192_000), &rules).unwrap();
    assert_eq!((other.wire.rate, other.resampled_from), (192_000, Some(88_200)));
}

#[test]
fn refusals_say_what_is_missing() {
    let rates = RateSet::EMPTY.with(44_100).with(705_600);
    let text = |source: &Source, caps: &Caps, dop| planned(source, caps, dop).unwrap_err().to_string();
    assert_eq!(
        text(&dsd(DSD64 * 4, 2), &dac(&[WireFormat::S32Le], rates), false),
        "the DAC can't play DSD256: it has no DSD, and no PCM that this could be converted to; if it understands DSD over PCM \
         (DoP), allow that in the settings"
    );
    assert_eq!(
        text(&dsd(DSD64 * 8, 2), &dac(&[WireFormat::S32Le, WireFormat::DsdU16Be], rates), true),
        "the DAC can't play DSD512: it has DSD, but not at that rate, and no PCM that this could be converted to, and for DSD \
         over PCM it would need 24 bits, the lowest byte first, at 1411200 Hz"
    );
    assert_eq!(
        text(&dsd(3_072_000, 2), &dac(&[WireFormat::S16Le], rates), false),
        "the DAC can't play DSD at 3072000 Hz: it has no DSD, and no PCM that this could be converted to, and for DSD over PCM \
         it would need 24 bits, the lowest byte first, at 192000 Hz"
    );
    for nonsense in [dsd(0, 2), dsd(DSD64, 0), dsd(DSD64, 9), Source { bits: 8, ..dsd(DSD64, 2) }] {
        let everything = dac(&WireFormat::ALL, RateSet::any(1, 10_000_000));
        assert_eq!(planned(&nonsense, &everything, true), Err(Refusal::Source(nonsense)));
    }
    assert!(matches!(
        planned(&dsd(DSD64, 6), &dac(&[WireFormat::DsdU32Be], RateSet::EMPTY.with(88_200)), false),
        Err(Refusal::Channels { channels: 6, .. })
    ));
}

#[test]
fn caps_tell_what_can_be_opened() {
    let dac = dac(&[WireFormat::S24_3Le, WireFormat::DsdU32Be], RateSet::EMPTY.with(88_200).with(176_400));
    let takes = |format, rate, channels| dac.takes(&Wire { format, rate, channels });
    assert!(takes(WireFormat::DsdU32Be, 88_200, 2) && takes(WireFormat::S24_3Le, 176_400, 2));
    assert!(takes(WireFormat::DopS24_3Le, 176_400, 2), "to the DAC it is PCM");
    assert!(!takes(WireFormat::DopS32Le, 176_400, 2) && !takes(WireFormat::DsdU8, 88_200, 2));
    assert!(!takes(WireFormat::DsdU32Be, 88_200, 1) && !takes(WireFormat::DsdU32Be, 44_100, 2));
    assert_eq!(FormatSet::PCM.and(FormatSet::ALL), FormatSet::ALL);
    assert_eq!(DSD_SILENCE.count_ones(), 4);
}

#[test]
fn a_dac_with_native_dsd_at_few_rates_gets_dop_at_the_others() {
    let pcm_rates = RateSet::EMPTY.with(44_100).with(176_400).with(352_800);
    let native = RateSet::EMPTY.with(88_200).with(352_800);
    let uneven = Caps::default()
        .with(Setting::new(WireFormat::S32Le, pcm_rates, ChannelSet::STEREO))
        .with(Setting::new(WireFormat::DsdU32Be, native, ChannelSet::STEREO));
    let of = |multiple: u32, dop| planned(&dsd(DSD64 * multiple, 2), &uneven, dop).map(|wire| (wire.format, wire.rate));
    assert_eq!(of(1, true), Ok((WireFormat::DsdU32Be, 88_200)));
    assert_eq!(of(4, true), Ok((WireFormat::DsdU32Be, 352_800)));
    assert_eq!(
        of(2, true),
        Ok((WireFormat::DopS32Le, 352_800)),
        "DSD128 natively would be 176 400 Hz, which is PCM's only"
    );
    let converted = |multiple: u32, dop| {
        let plan = plan(&dsd(DSD64 * multiple, 2), &uneven, &Rules { dop, ..Rules::default() }).unwrap();
        (plan.decimation.is_some(), plan.wire.rate)
    };
    assert_eq!((converted(2, false), converted(8, true)), ((true, 176_400), (true, 176_400)));
    // With fewer true bits than the marker and its 16 bits there is no DoP.
    let shallow = Setting { bits: 20, ..Setting::new(WireFormat::S32Le, pcm_rates, ChannelSet::STEREO) };
    let rules = Rules { dop: true, ..Rules::default() };
    assert!(plan(&dsd(DSD64, 2), &Caps::default().with(shallow), &rules).unwrap().decimation.is_some());
}

#[test]
fn a_refusal_tells_native_dsd_and_the_carrier_of_dop_apart() {
    // Only what could be converted to is missing: DoP of DSD256 needs 705.6 kHz, which no conversion gives.
    let setting = |format, rate| Setting::new(format, RateSet::EMPTY.with(rate), ChannelSet::STEREO);
    let uneven = Caps::default().with(setting(WireFormat::S32Le, 705_600)).with(setting(WireFormat::DsdU32Be, 88_200));
    let refused = |multiple: u32, dop| planned(&dsd(DSD64 * multiple, 2), &uneven, dop).unwrap_err();
    let rate = DSD64 * 4;
    assert_eq!(refused(4, false), Refusal::Dsd { rate, native: true, carrier: true, dop: false });
    assert_eq!(refused(8, true), Refusal::Dsd { rate: rate * 2, native: true, carrier: false, dop: true });
}

#[test]
fn dsd_becomes_pcm_in_the_setting_with_the_bits_then_at_the_best_rate_that_it_has() {
    let setting = |format, times: &[u32]| {
        let rates = times.iter().map(|times| times * 44_100).collect();
        Setting::new(format, rates, ChannelSet::STEREO)
    };
    let (s16, s32) = (WireFormat::S16Le, WireFormat::S32Le);
    for (of_s16, of_s32, expected) in [
        (&[1, 2, 4][..], &[1, 2][..], (s32, 2, false)),
        (&[1, 2, 4, 8], &[1, 8], (s32, 8, false)),
        // Nothing is resampled while there is a rate that the filters give.
        (&[1, 2], &[1], (s16, 2, false)),
        (&[1], &[1], (s32, 1, true)),
    ] {
        let caps = Caps::default().with(setting(s16, of_s16)).with(setting(s32, of_s32));
        let plan = plan(&dsd(DSD64, 2), &caps, &Rules { resample: true, ..Rules::default() }).unwrap();
        let touched = plan.resampled_from.is_some();
        assert_eq!((plan.wire.format, plan.wire.rate / 44_100, touched), expected, "{of_s16:?} {of_s32:?}");
        assert!(plan.decimation.is_some() && caps.takes(&plan.wire));
    }
}
