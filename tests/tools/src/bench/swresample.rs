//! libswresample (FFmpeg 5.1 or later, Debian's), opened at run time: nothing of it is needed to build.
//!
//! `libswresample/swresample.h`, `libavutil/{samplefmt,channel_layout,opt}.h`.
use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use kernels::Buffer;
use libloading::Library;

/// Pairs of libraries that belong together: Debian 12's and 13's.
const VERSIONS: [(&str, &str); 2] =
    [("libswresample.so.4", "libavutil.so.57"), ("libswresample.so.5", "libavutil.so.59")];

/// `AVSampleFormat`; `P`: a plane for each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Format {
    S16 = 1,
    S32 = 2,
    S16P = 6,
    S32P = 7,
    FltP = 8,
}

impl Format {
    fn is_planar(self) -> bool {
        matches!(self, Self::S16P | Self::S32P | Self::FltP)
    }

    fn bytes(self) -> usize {
        match self {
            Self::S16 | Self::S16P => 2,
            Self::S32 | Self::S32P | Self::FltP => 4,
        }
    }
}

/// `SWR_DITHER_TRIANGULAR`.
const TRIANGULAR: i64 = 2;
const CHANNELS: usize = 2;
const RATE: c_int = 192_000;

/// `AVChannelLayout`.
#[repr(C)]
struct Layout {
    order: c_int,
    channels: c_int,
    mask_or_map: u64,
    opaque: *mut c_void,
}

type Context = *mut c_void;

#[derive(Clone, Copy)]
struct Functions {
    default_layout: unsafe extern "C" fn(*mut Layout, c_int),
    set_int: unsafe extern "C" fn(Context, *const c_char, i64, c_int) -> c_int,
    set_double: unsafe extern "C" fn(Context, *const c_char, f64, c_int) -> c_int,
    allocate: unsafe extern "C" fn(
        *mut Context,
        *const Layout,
        c_int,
        c_int,
        *const Layout,
        c_int,
        c_int,
        c_int,
        *mut c_void,
    ) -> c_int,
    init: unsafe extern "C" fn(Context) -> c_int,
    convert: unsafe extern "C" fn(Context, *const *mut u8, c_int, *const *const u8, c_int) -> c_int,
    free: unsafe extern "C" fn(*mut Context),
}

/// The loaded library.
#[derive(Clone)]
pub(super) struct Swresample {
    functions: Functions,
    /// Keeps the functions where they are.
    _libraries: Arc<[Library; 2]>,
}

impl Swresample {
    /// Loads it.
    ///
    /// # Errors
    /// It isn't there, or is older than 5.1.
    pub(super) fn load() -> anyhow::Result<Self> {
        // SAFETY: FFmpeg's libraries have no initialisers that would ask anything of us.
        let open = |name| unsafe { Library::new(name).ok() };
        let both = |(resample, util)| Some([open(resample)?, open(util)?]);
        let libraries = VERSIONS.into_iter().find_map(both).context("no libswresample: apt-get install ffmpeg")?;
        let [resample, util] = &libraries;
        #[expect(clippy::multiple_unsafe_ops_per_block, reason = "one argument for all of them")]
        // SAFETY: the types are those of the headers, the same in all of VERSIONS; the libraries live as long as `Self`.
        let functions = unsafe {
            Functions {
                default_layout: *util.get(b"av_channel_layout_default\0")?,
                set_int: *util.get(b"av_opt_set_int\0")?,
                set_double: *util.get(b"av_opt_set_double\0")?,
                allocate: *resample.get(b"swr_alloc_set_opts2\0")?,
                init: *resample.get(b"swr_init\0")?,
                convert: *resample.get(b"swr_convert\0")?,
                free: *resample.get(b"swr_free\0")?,
            }
        };
        Ok(Self { functions, _libraries: Arc::new(libraries) })
    }
}

/// A conversion of stereo, with its buffers.
pub(super) struct Conversion {
    library: Swresample,
    context: Context,
    from: Format,
    to: Format,
    source: Buffer<u8>,
    out: Buffer<u8>,
    frames: usize,
}

impl Conversion {
    /// From `source`, all planes one behind the other or interleaved, to `to`; with dither if asked for, and a gain if it isn't 1.
    ///
    /// # Errors
    /// The library doesn't want to.
    pub(super) fn new(
        library: &Swresample,
        (from, to): (Format, Format),
        source: &[u8],
        dither: bool,
        gain: f64,
    ) -> anyhow::Result<Self> {
        let frames = source.len() / CHANNELS / from.bytes();
        let (source, out) = (Buffer::new(source.len(), |n| source[n]), Buffer::empty(frames * CHANNELS * to.bytes()));
        let mut layout = Layout { order: 0, channels: 0, mask_or_map: 0, opaque: null_mut() };
        let mut conversion = Self { library: library.clone(), context: null_mut(), from, to, source, out, frames };
        let Functions { default_layout, set_int, set_double, allocate, init, .. } = library.functions;
        // SAFETY: `layout` is an `AVChannelLayout` that may be overwritten.
        unsafe { default_layout(&raw mut layout, CHANNELS as c_int) };
        let (to, from) = (to as c_int, from as c_int);
        // SAFETY: the layouts are only read; the context is ours until `swr_free`.
        let mut status = unsafe {
            allocate(
                &raw mut conversion.context,
                &raw const layout,
                to,
                RATE,
                &raw const layout,
                from,
                RATE,
                0,
                null_mut(),
            )
        };
        let context = conversion.context;
        if context.is_null() {
            bail!("swr_alloc_set_opts2: {status}");
        }
        if dither {
            // SAFETY: an allocated context, and a name that ends with 0.
            status = status.min(unsafe { set_int(context, c"dither_method".as_ptr(), TRIANGULAR, 0) });
        }
        if (gain - 1.0).abs() > f64::EPSILON {
            // SAFETY: as above.
            status = status.min(unsafe { set_double(context, c"rematrix_volume".as_ptr(), gain, 0) });
        }
        // SAFETY: an allocated context.
        status = status.min(unsafe { init(context) });
        if status < 0 {
            bail!("libswresample says {status}");
        }
        Ok(conversion)
    }

    /// What the last call wrote.
    pub(super) fn out(&self) -> &[u8] {
        &self.out
    }

    /// One call.
    ///
    /// # Panics
    /// It doesn't convert all that it is given.
    pub(super) fn run(&mut self) {
        let second = |format: Format, length: usize| if format.is_planar() { length / CHANNELS } else { 0 };
        let source = self.source.as_ptr();
        let out = self.out.as_mut_ptr();
        // Each has as many planes as its format has; the second isn't looked at where there is none.
        let sources: [*const u8; CHANNELS] = [source, source.wrapping_add(second(self.from, self.source.len()))];
        let outs: [*mut u8; CHANNELS] = [out, out.wrapping_add(second(self.to, self.out.len()))];
        let frames = self.frames as c_int;
        // SAFETY: the planes are as long as `frames` of the formats that the context was made with.
        let converted =
            unsafe { (self.library.functions.convert)(self.context, outs.as_ptr(), frames, sources.as_ptr(), frames) };
        assert_eq!(converted, frames, "all at once");
    }
}

impl Drop for Conversion {
    fn drop(&mut self) {
        // SAFETY: allocated by `swr_alloc_set_opts2`, or null, and not used again.
        unsafe { (self.library.functions.free)(&raw mut self.context) };
    }
}
