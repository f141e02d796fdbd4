//! Packing, of one-bit streams too, and gain over any lengths, formats and plans; caps from any words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pcm::gain::{Gain, Ramp, Scaler};
use pcm::{
    BitOrder, Caps, Cpu, Dsd, DsdPacker, Encoding, Packer, Planes, Rules, Samples, Source, Tpdf, WireFormat, plan,
};

fuzz_target!(|data: &[u8]| {
    let Some((&[a, b, c, d, e, f, g, h], rest)) = data.split_first_chunk::<8>() else { return };
    let format = WireFormat::ALL[usize::from(a) % WireFormat::ALL.len()];
    let (src, dst) = rest.split_at(usize::from(b).min(rest.len()));
    let mut dst = dst.to_vec();
    let mut ramp = Ramp::constant(Gain::from_percent(c));
    ramp.fade_to(Gain::from_percent(d), e.into());
    let scaler = Scaler::new(format, f.into(), Cpu::detect());
    let written = scaler.copy(src, &mut dst, &mut ramp, &mut Tpdf::new(g.into()));
    assert!(written <= dst.len());

    let mut words = [0; Caps::WORDS];
    for (n, word) in words.iter_mut().enumerate() {
        let byte = [a, b, c, d, e, f][n % 6].rotate_left(n as u32);
        *word = u32::from(byte).wrapping_mul(0x0101_0101);
    }
    let caps = Caps::from_words(&words);
    let encoding = [Encoding::Integer, Encoding::Float, Encoding::Lossy, Encoding::Dsd][usize::from(g) % 4];
    let source = Source { rate: u32::from(e) * 1000, bits: h.into(), channels: f.into(), encoding };
    let rules = Rules { software_volume: h & 1 == 1, dop: h & 2 == 2, resample: h & 8 == 8 };
    let Ok(plan) = plan(&source, &caps, &rules) else { return };
    assert!(!(plan.lossless && (plan.dither || plan.decimation.is_some() || plan.resampled_from.is_some())));
    if let Ok(dsd) = Dsd::interleaved(src, f.into(), if h & 4 == 4 { BitOrder::LsbFirst } else { BitOrder::MsbFirst }) {
        let mut packer = DsdPacker::new(&plan, Cpu::detect());
        let packed = packer.pack(&dsd, g.into(), &mut dst);
        assert!(packed.frames * plan.wire.frame_bytes() <= dst.len() && packed.taken <= dsd.frames());
        packer.finish(&mut dst);
    }
    let floats: Vec<f32> = src.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    if let Ok(planes) = Planes::new(std::iter::repeat_n(&floats[..], f.into())) {
        let frames = Packer::new(&plan, Cpu::detect()).pack(&Samples::F32(planes), g.into(), &mut dst);
        assert!(frames * plan.wire.frame_bytes() <= dst.len());
    }
});
