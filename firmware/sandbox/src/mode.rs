//! Whether a program is to be confined.

/// `--confine`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As far as this machine's kernel can; what it can't is said, and the program goes on.
    #[default]
    Auto,
    /// Wholly, or the program doesn't start.
    On,
    /// Not at all: for debuggers.
    Off,
}

impl Mode {
    /// By its name on the command line.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}
