//! The guest's page on the host: TCP connections from the host's loopback into the guest's network.
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::network::GUEST;

/// How long a connection into the guest may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Listens on the host's loopback; `port` 0 takes any free one. To be called outside of the guest's network: a socket stays
/// in the network in which it was made.
///
/// # Errors
/// When the port is taken.
pub fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
        .with_context(|| format!("127.0.0.1:{port} can't be listened on; another --port, or none for any free one"))
}

/// Serves `listener` from inside the guest's network, until the process ends.
///
/// # Errors
/// When no thread can be started.
pub fn serve(listener: TcpListener) -> Result<()> {
    let accept = move || {
        for client in listener.incoming().flatten() {
            // A connection that fails is the client's to see; the next one may work.
            let _ = std::thread::Builder::new().name("proxy".into()).spawn(move || relay(&client));
        }
    };
    std::thread::Builder::new().name("proxy".into()).spawn(accept).context("starting the proxy")?;
    Ok(())
}

fn relay(client: &TcpStream) -> io::Result<()> {
    let guest = TcpStream::connect_timeout(&SocketAddr::from((GUEST, 80)), LIMIT)?;
    let (mut from, mut to) = (client.try_clone()?, guest.try_clone()?);
    let up = std::thread::Builder::new().name("proxy".into()).spawn(move || {
        let copied = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
        copied
    })?;
    let (mut from, mut to) = (&guest, client);
    let copied = io::copy(&mut from, &mut to);
    // Either side may have gone already.
    let _ = client.shutdown(Shutdown::Both);
    let _ = guest.shutdown(Shutdown::Both);
    let _ = up.join();
    copied.map(|_| ())
}
