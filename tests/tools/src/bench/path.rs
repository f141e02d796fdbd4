//! The whole path, file over HTTP to null sink, against programs that do the same: CPU time, and memory in real time.
//!
//! As fast as it goes, all take turns, each a process of its own; in real time they play at the same time.
use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Context as _;
use support::media_server::MediaServer;

use super::Line;

mod bare;
mod fast;
mod gmediarender;
mod material;
mod mpd;
mod ours;
mod real_time;

pub use bare::decode;
pub use ours::hash;

/// The network interface of `tests/control-points/in-namespace`: libupnp doesn't serve loopback.
const INTERFACE: (&str, Ipv4Addr) = ("lan0", Ipv4Addr::new(10, 77, 0, 1));

/// Where programs lie that are told not to use the CPU's SHA instructions: `bench` and `engine`.
const SOFT: &str = "TENUTO_BENCH_SOFT_SHA";

/// What all contestants have.
struct Place {
    directory: PathBuf,
    server: MediaServer,
    /// As [`SOFT`], if they were built.
    soft: Option<PathBuf>,
}

/// Lines about the whole path; peers that aren't installed are left out.
///
/// # Errors
/// When our own side can't be measured.
pub fn lines() -> anyhow::Result<Vec<Line>> {
    let directory = tempfile::tempdir().context("no temporary directory")?;
    let server = MediaServer::start((INTERFACE.1, 0).into(), None)
        .with_context(|| format!("no interface with {}: tests/bench makes it", INTERFACE.1))?;
    let soft = std::env::var_os(SOFT).map(PathBuf::from);
    let place = Place { directory: directory.path().to_path_buf(), server, soft };
    let mut lines = fast::lines(&place)?;
    lines.extend(real_time::lines(&place)?);
    Ok(lines)
}
