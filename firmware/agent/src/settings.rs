//! The owner's settings: kept on the data partition in two copies, and taken from a `tenuto.toml` that the owner puts on the
//! boot medium.
//!
//! | module | does |
//! |---|---|
//! | `value` | what each setting may be |
//! | `file` | reads `tenuto.toml` |
//! | `schema` | all settings, and the form in which they are kept |
//! | `record`, `copies` | two copies, of which a power cut leaves one |
//! | `medium`, `data` | the partitions: found, mounted while they are used, made and repaired |
//! | `import` | a `tenuto.toml`, once; its secrets are removed |
//! | `held`, `owner` | all that together, and when |
//! | `public` | what the other programs get of it |

mod copies;
mod data;
mod file;
mod held;
mod import;
mod medium;
mod owner;
mod public;
mod record;
mod schema;
mod value;

#[cfg(test)]
pub(crate) use held::Held;
pub(crate) use held::{Account, change, load_aside, reset, save_aside};
pub(crate) use owner::{News, Owner, wake_agent};
pub(crate) use public::{Names, current, engine_arguments, player_arguments, publish};
pub(crate) use schema::Settings;
pub(crate) use value::{Address, Subnet, is_host};
