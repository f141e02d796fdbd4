//! `--listen`: what the USB DAC receives goes to files as it comes, one for each stream: PCM to WAV, raw DSD to DSF.
//! Nothing is left out, the silence before and behind the music included.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use usb_dac::{Format, Sink, Stream};

use crate::command::progress;

mod container;
mod growing;

use container::Container;
use growing::Growing;

/// Whoever writes the files. They are numbered on from those that are there.
#[derive(Debug)]
pub struct Listener {
    directory: PathBuf,
    /// Of the last file.
    number: u32,
    /// What is written to at present.
    file: Option<Growing>,
}

impl Listener {
    /// Writes into this directory, which is made if it isn't there.
    ///
    /// # Errors
    /// When it can't be made, or written to.
    pub fn new(directory: &Path) -> Result<Self> {
        let named = || format!("{}: nothing can be written there", directory.display());
        fs::create_dir_all(directory).with_context(named)?;
        tempfile::tempfile_in(directory).with_context(named)?;
        let mut number = 0;
        for entry in fs::read_dir(directory).with_context(named)? {
            let name = entry.with_context(named)?.file_name();
            let of = name.to_str().and_then(|name| name.split('-').next()?.parse().ok());
            number = number.max(of.unwrap_or(0));
        }
        let directory = directory.canonicalize().with_context(named)?;
        Ok(Self { directory, number, file: None })
    }

    /// Where the files go.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The next file, as `001-44100-pcm32.wav` or `002-2822400-dsd.dsf`.
    fn path(&mut self, stream: &Stream) -> PathBuf {
        self.number += 1;
        let bits = 8 * u32::from(stream.setting.bytes);
        let rest = match stream.setting.format {
            Format::Pcm => format!("{}-pcm{bits}.wav", stream.rate),
            Format::Raw => format!("{}-dsd.dsf", stream.rate * bits),
        };
        self.directory.join(format!("{:03}-{rest}", self.number))
    }
}

impl Sink for Listener {
    fn begin(&mut self, stream: &Stream) {
        let path = self.path(stream);
        match Growing::create(&path, Container::of(stream.setting, stream.rate)) {
            Ok(file) => {
                progress(&format!("the DAC receives {}", path.display()));
                self.file = Some(file);
            }
            Err(error) => progress(&format!("{}: {error}; this stream is not written", path.display())),
        }
    }

    fn packet(&mut self, payload: &[u8]) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.push(payload) {
            let frames = file.frames();
            progress(&format!("{}: {error}; it ends after {frames} frames", file.path().display()));
            self.file = None;
        }
    }

    fn end(&mut self, stream: &Stream) {
        let Some(mut file) = self.file.take() else { return };
        let done = file.finish();
        let (path, frames) = (file.path().display(), file.frames());
        match done {
            Ok(()) => {
                let seconds = frames as f64 / f64::from(stream.rate);
                progress(&format!("complete: {path}, {frames} frames, {seconds:.1} s"));
            }
            Err(error) => progress(&format!("{path}: {error}; it ends after {frames} frames")),
        }
    }
}

#[cfg(test)]
mod tests;
