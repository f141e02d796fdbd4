//! One-bit streams against a reference that handles bit by bit: every layout, wire, length and cut.

mod common;

use pcm::gain::{Gain, Ramp, Scaler};
use pcm::{
    BitOrder, ChannelMap, Cpu, Dsd, DsdPacker, Feature, Marker, Packed, Planes, Speaker, Speakers, Tpdf, Wire,
    WireFormat, WirePlan,
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
