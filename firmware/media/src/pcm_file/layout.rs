//! How samples lie in a container, and how they become planes.

use pcm::{Cpu, Interleaved, MAX_CHANNELS, Number, Planes, Samples, Speakers, Splitter};

use crate::fault::Fault;

/// What a sample's bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// Two's complement.
    Signed,
    /// Offset binary, as 8-bit WAV has it.
    Unsigned,
    /// IEEE 754, 32 or 64 bits.
    Float,
}

/// Byte order inside a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

/// The layout of interleaved samples. An integer sample is left-justified in its container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) rate: u32,
    pub(crate) channels: u16,
    /// Bytes that a sample takes: 1 to 4 for integers, 4 or 8 for floats.
    pub(crate) container: usize,
    /// Significant bits; those below are declared unused, and are taken as 0 whatever they hold.
    pub(crate) bits: u16,
    pub(crate) coding: Coding,
    pub(crate) order: Order,
    /// As [`Stream::speakers`](crate::stream::Stream::speakers).
    pub(crate) speakers: Option<Speakers>,
}

impl Layout {
    /// Takes what a header says, if it makes sense.
    pub(crate) fn checked(self) -> Result<Self, Fault> {
        let Self { rate, channels, container, bits, coding, .. } = self;
        if rate == 0 || channels == 0 {
            return Err(Fault::corrupt(format!("{rate} Hz, {channels} channels")));
        }
        if usize::from(channels) > MAX_CHANNELS {
            return Err(Fault::unsupported(format!("{channels} channels; at most {MAX_CHANNELS} are played")));
        }
        let fits = match coding {
            Coding::Float => matches!((container, bits), (4, 32) | (8, 64)),
            Coding::Signed | Coding::Unsigned => {
                (1..=4).contains(&container) && bits >= 1 && usize::from(bits) <= container * 8
            }
        };
        if fits { Ok(self) } else { Err(Fault::unsupported(format!("{bits} bits in {container} bytes, {coding:?}"))) }
    }

    pub(crate) fn frame_bytes(&self) -> usize {
        self.container * usize::from(self.channels)
    }

    pub(crate) fn is_float(&self) -> bool {
        self.coding == Coding::Float
    }
}

/// A block of samples, one vector per channel, in the type that suits the layout.
#[derive(Default)]
pub(crate) struct Planar {
    s16: [Vec<i16>; MAX_CHANNELS],
    s32: [Vec<i32>; MAX_CHANNELS],
    f32: [Vec<f32>; MAX_CHANNELS],
}

impl Planar {
    /// Takes whole frames apart.
    pub(crate) fn fill(&mut self, layout: &Layout, bytes: &[u8]) {
        let highest_first = layout.order == Order::Big;
        if let (Coding::Float, 8) = (layout.coding, layout.container) {
            return narrow(
                &mut self.f32,
                layout,
                bytes,
                if highest_first { f64::from_be_bytes } else { f64::from_le_bytes },
            );
        }
        let interleaved = Interleaved {
            channels: layout.channels.into(),
            bytes: layout.container,
            bits: layout.bits,
            highest_first,
            is_unsigned: layout.coding == Coding::Unsigned,
        };
        // A layout that was checked has one.
        let Some(splitter) = Splitter::new(interleaved, Cpu::detect()) else { return };
        match layout.coding {
            Coding::Float => split(&mut self.f32, &splitter, layout, bytes),
            _ if layout.bits <= 16 => split(&mut self.s16, &splitter, layout, bytes),
            _ => split(&mut self.s32, &splitter, layout, bytes),
        }
    }

    /// What [`fill`](Self::fill) took apart.
    pub(crate) fn samples(&self, layout: &Layout) -> Option<Samples<'_>> {
        let channels = usize::from(layout.channels);
        match layout.coding {
            Coding::Float => planes(&self.f32, channels).map(Samples::F32),
            _ if layout.bits <= 16 => planes(&self.s16, channels).map(Samples::S16),
            _ => planes(&self.s32, channels).map(Samples::S32),
        }
    }
}

fn split<T: Number + Default>(planes: &mut [Vec<T>; MAX_CHANNELS], splitter: &Splitter, layout: &Layout, bytes: &[u8]) {
    let frames = bytes.len() / layout.frame_bytes().max(1);
    for plane in planes.iter_mut().take(layout.channels.into()) {
        plane.resize(frames, T::default());
    }
    splitter.split(bytes, &mut planes.each_mut().map(Vec::as_mut_slice));
}

/// The same of floats of 64 bits, which are rounded to 32.
fn narrow(planes: &mut [Vec<f32>; MAX_CHANNELS], layout: &Layout, bytes: &[u8], convert: impl Fn([u8; 8]) -> f64) {
    let (channels, (samples, _)) = (usize::from(layout.channels), bytes.as_chunks());
    for (channel, plane) in planes.iter_mut().take(channels).enumerate() {
        plane.clear();
        plane.extend(samples.iter().skip(channel).step_by(channels.max(1)).map(|&sample| convert(sample) as f32));
    }
}

fn planes<T>(planes: &[Vec<T>; MAX_CHANNELS], channels: usize) -> Option<Planes<'_, T>> {
    Planes::new(planes.iter().take(channels).map(Vec::as_slice)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(layout: Layout, bytes: &[u8]) -> i64 {
        let mut planar = Planar::default();
        planar.fill(&layout, bytes);
        match planar.samples(&layout).unwrap() {
            Samples::S16(planes) => i64::from(planes.iter().next().unwrap()[0]),
            Samples::S32(planes) => i64::from(planes.iter().next().unwrap()[0]),
            Samples::F32(_) | Samples::Dsd(_) => panic!("integers expected"),
        }
    }

    #[test]
    fn bits_that_are_declared_unused_are_zero() {
        let layout = Layout {
            rate: 1,
            channels: 1,
            container: 3,
            bits: 20,
            coding: Coding::Signed,
            order: Order::Little,
            speakers: None,
        };
        assert_eq!(first(layout, &[0xff, 0xff, 0x7f]), 0x7fff_f000);
        let layout = Layout { container: 2, bits: 12, order: Order::Big, ..layout };
        assert_eq!(first(layout, &[0x80, 0x0f]), -0x8000);
    }

    #[test]
    fn eight_bit_wav_is_offset_binary() {
        let layout = Layout {
            rate: 1,
            channels: 1,
            container: 1,
            bits: 8,
            coding: Coding::Unsigned,
            order: Order::Little,
            speakers: None,
        };
        assert_eq!(first(layout, &[0x80]), 0);
        assert_eq!(first(layout, &[0x00]), -0x8000);
        assert_eq!(first(layout, &[0xff]), 0x7f00);
    }

    #[test]
    fn headers_that_make_no_sense_are_refused() {
        let good = Layout {
            rate: 44_100,
            channels: 2,
            container: 2,
            bits: 16,
            coding: Coding::Signed,
            order: Order::Little,
            speakers: None,
        };
        assert!(good.checked().is_ok());
        for bad in [
            Layout { rate: 0, ..good },
            Layout { channels: 0, ..good },
            Layout { channels: 9, ..good },
            Layout { bits: 17, ..good },
            Layout { bits: 0, ..good },
            Layout { container: 5, ..good },
            Layout { coding: Coding::Float, ..good },
        ] {
            assert!(bad.checked().is_err(), "{bad:?}");
        }
    }
}
