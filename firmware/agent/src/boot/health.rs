//! Whether the appliance does what it is for, asked from outside of engine and player.
//!
//! *Answering* is asked for the hardware watchdog, every few seconds and network or not: the player serves its page to this
//! machine itself, and the engine says on its socket that a player is connected. *Well* is asked before a trial is committed,
//! and says more. Each question has a limit in time and in bytes: both programs may be broken in any way.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::fd::AsRawFd as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::{
    socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, setsockopt, socket, sockopt},
    time::TimeVal,
};

use crate::root::Root;

/// Where the player serves HTTP, to this machine too.
const PLAYER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 80);
/// Where the engine listens, below the root.
const ENGINE: &str = "run/tenuto/engine.sock";
/// How long an answer may take. A busy machine is not a broken one.
const PATIENCE: Duration = Duration::from_secs(3);
/// What a status document may have; with a hundred tracks it has a few dozen KiB.
const MOST: u64 = 512 << 10;
/// Taints of a kernel that has gone wrong (Documentation/admin-guide/tainted-kernels.rst): bad page, oops, soft lock-up.
const BROKEN: u64 = 1 << 5 | 1 << 7 | 1 << 14;

/// Both programs answer.
///
/// # Errors
/// Which doesn't, and how.
pub(super) fn answering(root: &Root) -> Result<()> {
    engine_answers(root).context("the engine does not answer")?;
    let head = ask("HEAD", "/", 64).context("the player does not answer")?;
    ensure!(head.starts_with(b"HTTP/1.1 200 "), "the player's page answers {:?}", String::from_utf8_lossy(&head));
    Ok(())
}

/// All is as it has to be for a trial to be committed: beside [`answering`], the engine's thread has its scheduling class and
/// its core, a sound card is used if there is one, and the kernel is sound.
///
/// # Errors
/// What isn't.
pub(super) fn well(root: &Root, core: Option<u32>, has_card: bool) -> Result<()> {
    answering(root)?;
    let answer = ask("GET", "/status.json", MOST).context("the player's status")?;
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").map(|head| &answer[head + 4..]);
    let status = serde_json::from_slice(body.unwrap_or_default()).context("the player's status")?;
    judge(&status, core, has_card)?;
    let taint: u64 = root.text("proc/sys/kernel/tainted").context("the kernel's taint")?.parse()?;
    ensure!(taint & BROKEN == 0, "the kernel has gone wrong (tainted {taint})");
    Ok(())
}

/// What is needed of the player's status.
#[derive(serde::Deserialize)]
struct Status {
    engine: Engine,
}

#[derive(serde::Deserialize)]
struct Engine {
    #[serde(default)]
    class: Option<String>,
    #[serde(default)]
    core: Option<u32>,
    #[serde(default)]
    output: Option<String>,
}

fn judge(status: &Status, core: Option<u32>, has_card: bool) -> Result<()> {
    let Engine { class, core: on, output } = &status.engine;
    ensure!(class.as_deref() == Some("FIFO"), "the engine's thread is not one of SCHED_FIFO");
    ensure!(core.is_none() || *on == core, "the engine's thread is on core {on:?}, not on {core:?}");
    ensure!(!has_card || output.as_ref().is_some_and(|name| !name.is_empty()), "the engine uses no sound card");
    Ok(())
}

/// The engine lets one player in and tells any other that it is busy. Both need a player that has greeted it; a connection
/// that says nothing, as this one, keeps nobody out.
fn engine_answers(root: &Root) -> Result<()> {
    let path = root.path(ENGINE);
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)?;
    let patience = TimeVal::new(PATIENCE.as_secs().cast_signed(), 0);
    setsockopt(&socket, sockopt::ReceiveTimeout, &patience)?;
    setsockopt(&socket, sockopt::SendTimeout, &patience)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(&path)?).with_context(|| path.display().to_string())?;
    let mut answer = [0; 64];
    match recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()) {
        Ok(0) => bail!("it has closed the connection"),
        Ok(_) => Ok(()),
        Err(error) => Err(error).context("no player is connected to it, or it hangs"),
    }
}

/// The first `most` bytes of the player's answer.
fn ask(method: &str, path: &str, most: u64) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&PLAYER, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())?;
    read(&mut stream, most)
}

/// To its end or to `most` bytes, whichever comes first, in time.
fn read(stream: &mut TcpStream, most: u64) -> Result<Vec<u8>> {
    let (deadline, mut answer) = (Instant::now() + PATIENCE, Vec::new());
    let mut piece = [0; 4096];
    while (answer.len() as u64) < most {
        let left = deadline.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "no whole answer within {} s", PATIENCE.as_secs());
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => break,
            length => answer.extend_from_slice(&piece[..length]),
        }
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn judged(json: &str, core: Option<u32>, has_card: bool) -> Result<()> {
        judge(&serde_json::from_str(json)?, core, has_card)
    }

    #[test]
    fn class_core_and_card_are_asked_for() {
        let good = r#"{"name": "x", "engine": {"class": "FIFO", "core": 3, "output": "USB DAC", "xruns": 0}}"#;
        assert!(judged(good, Some(3), true).is_ok() && judged(good, None, false).is_ok());
        assert!(judged(good, Some(2), true).unwrap_err().to_string().contains("core"));
        let without = r#"{"engine": {"class": "FIFO", "core": null, "output": ""}}"#;
        assert!(judged(without, None, false).is_ok());
        assert!(judged(without, None, true).unwrap_err().to_string().contains("sound card"));
        assert!(judged(r#"{"engine": {"class": "OTHER"}}"#, None, false).unwrap_err().to_string().contains("FIFO"));
        assert!(judged(r#"{"engine": {"state": "gone"}}"#, None, false).is_err());
        assert!(judged("{}", None, false).is_err() && judged("[]", None, false).is_err());
    }

    #[test]
    fn an_answer_is_cut_at_its_limit() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            // More than is read; it ends when the reader has gone.
            while peer.write_all(&[b'x'; 4096]).is_ok() {}
        });
        let answer = read(&mut stream, 8192).unwrap();
        drop(stream);
        server.join().unwrap();
        assert!((8192..=8192 + 4096).contains(&answer.len()));
    }

    #[test]
    fn an_engine_that_is_not_there_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert!(engine_answers(&root).unwrap_err().to_string().contains("engine.sock"));
    }

    #[test]
    fn a_busy_engine_answers() {
        use nix::sys::socket::{Backlog, accept, bind, listen, send};
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        std::fs::create_dir_all(root.path("run/tenuto")).unwrap();
        let engine = socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
        bind(engine.as_raw_fd(), &UnixAddr::new(&root.path(ENGINE)).unwrap()).unwrap();
        listen(&engine, Backlog::new(1).unwrap()).unwrap();
        thread::spawn(move || {
            let peer = accept(engine.as_raw_fd()).unwrap();
            send(peer, b"busy", MsgFlags::empty()).unwrap();
        });
        engine_answers(&root).unwrap();
    }
}
