//! What the player may ask the agent for: a small fixed set, over a unix socket. The agent can be asked for nothing else, and by nobody
//! from the network.
//!
//! One request ([`ask`]) is taken from each connection, in one piece; the answer is `{"done": true}`, or `{"done": false, "reason":
//! "…"}`, and a line's end. Who asks is told by the kernel (`SO_PEERCRED`), not by himself.

pub(crate) mod ask;
mod rate;

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::{
        fs::{PermissionsExt as _, chown},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::{
        signal::{Signal, kill},
        socket::{getsockopt, sockopt},
    },
    unistd::{Group, Pid, Uid, User},
};

use self::{
    ask::{Ask, LONGEST},
    rate::Rate,
};
use crate::{root::Root, settings};

/// Below the root.
const SOCKET: &str = "run/tenuto/agent.sock";
/// Who may ask, beside root, and the group that may connect.
const USER: &str = "tenuto-player";
const GROUP: &str = "tenuto";
/// How long a connection may say nothing: others wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// For the answer to get to the page before the end begins.
const BEFORE_THE_END: Duration = Duration::from_millis(500);

/// What is to be done behind the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Nothing,
    /// By a signal to init, which tells all to end, and then does as the signal says (busybox's init).
    Tell(Signal),
}

/// Starts the thread that answers.
///
/// # Errors
/// The socket can't be made.
pub(crate) fn start(root: Root) -> Result<()> {
    let user = User::from_name(USER)?.with_context(|| format!("no user {USER} in /etc/passwd"))?.uid;
    let group = Group::from_name(GROUP)?.with_context(|| format!("no group {GROUP} in /etc/group"))?.gid;
    let path = root.path(SOCKET);
    let listener = listen(&path, group.as_raw()).with_context(|| path.display().to_string())?;
    thread::Builder::new().name("requests".to_owned()).spawn(move || serve(&root, &listener, user))?;
    Ok(())
}

/// Nobody but root can connect before it has its group: new sockets are nobody else's to write to (umask 027).
fn listen(path: &Path, group: u32) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    chown(path, None, Some(group))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

fn serve(root: &Root, listener: &UnixListener, user: Uid) {
    let mut rate = Rate::new(Instant::now());
    loop {
        let peer = match listener.accept() {
            Ok((peer, _)) => peer,
            Err(error) => {
                tracing::warn!("requests: {error}");
                thread::sleep(PATIENCE);
                continue;
            }
        };
        if let After::Tell(signal) = answer(root, peer, user, &mut rate) {
            thread::sleep(BEFORE_THE_END);
            if let Err(error) = kill(Pid::from_raw(1), signal) {
                tracing::error!("init can't be told: {error}");
            }
        }
    }
}

/// Takes a request and answers it.
fn answer(root: &Root, mut peer: UnixStream, user: Uid, rate: &mut Rate) -> After {
    let (answer, after) = match taken(root, &mut peer, user, rate) {
        Ok(after) => (serde_json::json!({ "done": true }), after),
        Err(reason) => {
            tracing::warn!("a request was refused: {reason}");
            (serde_json::json!({ "done": false, "reason": reason }), After::Nothing)
        }
    };
    // One who doesn't wait for his answer gets none.
    let _ = peer.set_write_timeout(Some(PATIENCE)).and_then(|()| writeln!(peer, "{answer}"));
    after
}

/// Takes a request and carries it out, but for what comes behind the answer.
fn taken(root: &Root, peer: &mut UnixStream, user: Uid, rate: &mut Rate) -> Result<After, String> {
    // Read first: what is left unread when a connection is closed breaks it before the answer is read (unix(7)). One byte more than is allowed, so that a longer request is seen.
    let mut bytes = [0; LONGEST + 1];
    let read = peer.set_read_timeout(Some(PATIENCE)).and_then(|()| peer.read(&mut bytes));
    let length = read.map_err(|error| format!("nothing came: {error}"))?;
    let asks = getsockopt(peer, sockopt::PeerCredentials).map_err(|error| error.to_string())?;
    let asks = Uid::from_raw(asks.uid());
    if !asks.is_root() && asks != user {
        return Err(format!("user {asks} may not ask"));
    }
    if !rate.allows(Instant::now()) {
        return Err("asked too often; wait two seconds".to_owned());
    }
    let ask = Ask::parse(bytes.get(..length).unwrap_or_default())?;
    tracing::info!("request: {}", said(&ask));
    match ask {
        Ask::Restart {} => Ok(After::Tell(Signal::SIGTERM)),
        Ask::PowerOff {} => Ok(After::Tell(Signal::SIGUSR2)),
        Ask::Set { key, value } => {
            settings::change(root, &key, &value.to_string()).map_err(|error| format!("{error:#}"))?;
            Ok(After::Nothing)
        }
        Ask::FactoryReset {} => {
            settings::reset(root).map_err(|error| format!("{error:#}"))?;
            Ok(After::Tell(Signal::SIGTERM))
        }
    }
}

/// For the log.
fn said(ask: &Ask) -> String {
    match ask {
        Ask::Restart {} => "restart".to_owned(),
        Ask::PowerOff {} => "power off".to_owned(),
        Ask::Set { key, .. } => format!("set {key}"),
        Ask::FactoryReset {} => "factory reset".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(root: &Root, user: Uid, rate: &mut Rate, request: &str) -> (After, serde_json::Value) {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let after = answer(root, server, user, rate);
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        (after, serde_json::from_str(&text).unwrap())
    }

    fn machine() -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for name in ["run/tenuto", "data"] {
            fs::create_dir_all(root.path(name)).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn settings_are_changed_and_forgotten() {
        let (_keep, root) = machine();
        let mut rate = Rate::new(Instant::now());
        let mut ask = |request: &str| asked(&root, Uid::current(), &mut rate, request);
        let done = serde_json::json!({ "done": true });
        let name = || settings::Held::read(&root, |_| ()).settings.friendly_name().map(str::to_owned);
        assert_eq!(ask(r#"{"request": "set", "key": "name", "value": "Kitchen"}"#), (After::Nothing, done.clone()));
        assert_eq!(name().as_deref(), Some("Kitchen"));
        let (after, refused) = ask(r#"{"request": "set", "key": "volume", "value": "loud"}"#);
        assert_eq!((after, &refused["done"]), (After::Nothing, &false.into()));
        assert!(refused["reason"].as_str().unwrap().starts_with("volume: "), "{refused}");
        assert_eq!(ask(r#"{"request": "factory-reset"}"#), (After::Tell(Signal::SIGTERM), done.clone()));
        assert_eq!(name(), None);
        assert_eq!(ask(r#"{"request": "power-off"}"#), (After::Tell(Signal::SIGUSR2), done));
    }

    #[test]
    fn whoever_asks_too_often_or_is_somebody_else_is_refused() {
        let (_keep, root) = machine();
        // None comes back while this runs.
        let mut rate = Rate::new(Instant::now() + Duration::from_secs(3600));
        let refusals = (0..7).filter(|_| {
            let (after, answer) =
                asked(&root, Uid::current(), &mut rate, r#"{"request": "set", "key": "name", "value": null}"#);
            after == After::Nothing && answer["reason"].as_str().is_some_and(|reason| reason.contains("too often"))
        });
        assert_eq!(refusals.count(), 2);
        if !Uid::current().is_root() {
            let somebody = Uid::from_raw(Uid::current().as_raw() + 1);
            let (_, answer) = asked(&root, somebody, &mut Rate::new(Instant::now()), r#"{"request": "restart"}"#);
            assert!(answer["reason"].as_str().unwrap().contains("may not ask"), "{answer}");
        }
    }

    #[test]
    fn the_socket_is_the_groups_and_nobody_elses() {
        use std::os::unix::fs::MetadataExt as _;
        let (_keep, root) = machine();
        let path = root.path(SOCKET);
        let group = nix::unistd::Gid::current().as_raw();
        drop(listen(&path, group).unwrap());
        // What a dead agent has left is replaced.
        let _listener = listen(&path, group).unwrap();
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.mode() & 0o777, found.gid()), (0o660, group));
    }
}
