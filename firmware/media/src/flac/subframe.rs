//! One channel of a frame (RFC 9639, 9.2).

use super::bits::{Bad, Bits};
use super::predict::{Sample, restore_fixed, restore_linear};

const MAX_ORDER: usize = 32;

/// Decodes a subframe of samples of `bits` bits (up to 33) into `samples`, whose length is the block's.
pub(super) fn decode<S: Sample>(reader: &mut Bits<'_>, bits: u32, samples: &mut [S]) -> Result<(), Bad> {
    if reader.read(1)? != 0 {
        return Err(Bad::Invalid("a subframe's padding isn't 0"));
    }
    let kind = reader.read(6)?;
    let wasted = if reader.read(1)? == 1 { reader.read_unary()? + 1 } else { 0 };
    let bits = bits.checked_sub(wasted).filter(|&bits| bits > 0).ok_or(Bad::Invalid("too many wasted bits"))?;
    match kind {
        0 => samples.fill(S::from_wide(reader.read_signed(bits)?)),
        1 => verbatim(reader, bits, samples)?,
        8..=12 => {
            let order = (kind - 8) as usize;
            warm_up(reader, bits, order, samples)?;
            residuals(reader, order, samples)?;
            restore_fixed(samples, order, bits);
        }
        32..=63 => linear(reader, bits, (kind - 31) as usize, samples)?,
        _ => return Err(Bad::Invalid("a reserved subframe type")),
    }
    if wasted > 0 {
        for sample in samples {
            *sample = S::from_wide(sample.wide() << wasted);
        }
    }
    Ok(())
}

fn verbatim<S: Sample>(reader: &mut Bits<'_>, bits: u32, samples: &mut [S]) -> Result<(), Bad> {
    for sample in samples {
        *sample = S::from_wide(reader.read_signed(bits)?);
    }
    Ok(())
}

/// The samples that the predictor starts from.
fn warm_up<S: Sample>(reader: &mut Bits<'_>, bits: u32, order: usize, samples: &mut [S]) -> Result<(), Bad> {
    let samples = samples.get_mut(..order).ok_or(Bad::Invalid("a block shorter than its predictor"))?;
    verbatim(reader, bits, samples)
}

fn linear<S: Sample>(reader: &mut Bits<'_>, bits: u32, order: usize, samples: &mut [S]) -> Result<(), Bad> {
    warm_up(reader, bits, order, samples)?;
    let precision = reader.read(4)? + 1;
    if precision == 16 {
        return Err(Bad::Invalid("a forbidden coefficient precision"));
    }
    let shift = u32::try_from(reader.read_signed(5)?).map_err(|_| Bad::Invalid("a negative prediction shift"))?;
    let mut coefficients = [0; MAX_ORDER];
    let coefficients = coefficients.get_mut(..order).unwrap_or_default();
    // They come with the one for the newest sample first.
    for coefficient in coefficients.iter_mut().rev() {
        *coefficient = reader.read_signed(precision)? as i32;
    }
    residuals(reader, order, samples)?;
    restore_linear(samples, coefficients, shift, bits, precision);
    Ok(())
}

/// The coded residuals behind the `order` samples of the warm-up (RFC 9639, 9.2.7).
fn residuals<S: Sample>(reader: &mut Bits<'_>, order: usize, samples: &mut [S]) -> Result<(), Bad> {
    let parameter_width = match reader.read(2)? {
        0 => 4,
        1 => 5,
        _ => return Err(Bad::Invalid("a reserved residual coding")),
    };
    let escape = (1 << parameter_width) - 1;
    let partition_order = reader.read(4)?;
    let partition = samples.len() >> partition_order;
    if partition << partition_order != samples.len() || partition < order {
        return Err(Bad::Invalid("partitions that don't fit the block"));
    }
    let mut rest = samples.get_mut(order..).unwrap_or_default();
    let mut length = partition - order;
    while !rest.is_empty() || length > 0 {
        let (samples, behind) = rest.split_at_mut_checked(length).ok_or(Bad::Invalid("partitions beyond the block"))?;
        let parameter = reader.read(parameter_width)?;
        if parameter == escape {
            let width = reader.read(5)?;
            for sample in samples {
                let value = if width == 0 { 0 } else { reader.read_signed(width)? };
                *sample = S::from_wide(value);
            }
        } else {
            reader.read_rices(parameter, samples)?;
        }
        rest = behind;
        length = if rest.is_empty() { 0 } else { partition };
    }
    Ok(())
}
