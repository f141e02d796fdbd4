//! Deterministic test signals, and the simplest containers around them.

/// A signal of `bits` bits, interleaved and right-justified: tones with noise, full scale at places, and silence.
pub fn signal(frames: usize, channels: usize, bits: u16) -> Vec<i32> {
    let full = (1i64 << (bits - 1)) as f64;
    let mut noise = 0x1234_5678_9abc_def1u64;
    let mut samples = Vec::with_capacity(frames * channels);
    for frame in 0..frames {
        for channel in 0..channels {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let random = (noise >> 40) as f64 / (1 << 24) as f64 - 0.5;
            let tone = (frame as f64 * 0.03 * (channel + 1) as f64).sin() * 0.7;
            let value = match frame % 5000 {
                0 => -1.0,
                1 => 1.0,
                4000..4500 => 0.0,
                _ => tone + random * 0.01,
            };
            samples.push((value * full).clamp(-full, full - 1.0) as i32);
        }
    }
    samples
}

/// Little-endian bytes, `bytes` for each sample, shifted left by `shift`.
pub fn little_endian(samples: &[i32], bytes: usize, shift: u32) -> Vec<u8> {
    samples.iter().flat_map(|&sample| (i64::from(sample) << shift).to_le_bytes().into_iter().take(bytes)).collect()
}

/// Big-endian bytes, `bytes` for each sample, shifted left by `shift`.
pub fn big_endian(samples: &[i32], bytes: usize, shift: u32) -> Vec<u8> {
    samples
        .iter()
        .flat_map(|&sample| {
            let mut word: Vec<u8> = (i64::from(sample) << shift).to_le_bytes().into_iter().take(bytes).collect();
            word.reverse();
            word
        })
        .collect()
}

/// A `fmt ` chunk's content; `valid` makes it WAVE_FORMAT_EXTENSIBLE.
pub fn wave_format(tag: u16, channels: u16, rate: u32, bits: u16, valid: Option<u16>) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut chunk = Vec::new();
    chunk.extend(if valid.is_some() { 0xfffeu16 } else { tag }.to_le_bytes());
    chunk.extend(channels.to_le_bytes());
    chunk.extend(rate.to_le_bytes());
    chunk.extend((rate * u32::from(block)).to_le_bytes());
    chunk.extend(block.to_le_bytes());
    chunk.extend(bits.to_le_bytes());
    if let Some(valid) = valid {
        chunk.extend(22u16.to_le_bytes());
        chunk.extend(valid.to_le_bytes());
        chunk.extend(0u32.to_le_bytes());
        chunk.extend(tag.to_le_bytes());
        chunk.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    }
    chunk
}

/// A WAV file with an even data size.
pub fn wav(format: &[u8], data: &[u8]) -> Vec<u8> {
    wav_with_sizes(format, data, (28 + format.len() + data.len() - 8) as u32, data.len() as u32)
}

/// A WAV file whose header says these sizes.
pub fn wav_with_sizes(format: &[u8], data: &[u8], riff_size: u32, data_size: u32) -> Vec<u8> {
    let mut file = b"RIFF".to_vec();
    file.extend(riff_size.to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend((format.len() as u32).to_le_bytes());
    file.extend(format);
    file.extend(b"data");
    file.extend(data_size.to_le_bytes());
    file.extend(data);
    file
}

/// An AIFF-C file, or an AIFF file if there is no `compression`.
pub fn aiff(channels: u16, rate: u32, bits: u16, compression: Option<&[u8; 4]>, data: &[u8]) -> Vec<u8> {
    let frame = usize::from(channels) * usize::from(bits.div_ceil(8));
    let mut common = channels.to_be_bytes().to_vec();
    common.extend(((data.len() / frame) as u32).to_be_bytes());
    common.extend(bits.to_be_bytes());
    let shift = rate.leading_zeros();
    common.extend((16_383 + 31 - shift as u16).to_be_bytes());
    common.extend((rate << shift).to_be_bytes());
    common.extend([0; 4]);
    if let Some(compression) = compression {
        common.extend(compression);
        common.extend([0, 0]);
    }
    let mut body = if compression.is_some() { b"AIFC".to_vec() } else { b"AIFF".to_vec() };
    for (id, content) in [(b"COMM", common), (b"SSND", [&[0; 8], data].concat())] {
        body.extend(id);
        body.extend((content.len() as u32).to_be_bytes());
        body.extend(&content);
        if content.len() % 2 == 1 {
            body.push(0);
        }
    }
    [b"FORM", &(body.len() as u32).to_be_bytes()[..], &body].concat()
}
