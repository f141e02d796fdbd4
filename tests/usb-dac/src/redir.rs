//! The DAC behind QEMU's `usb-redir` device, over a unix socket.
//!
//! The bus is QEMU's, and so is its clock: each microframe that the guest's driver has filled arrives as a packet, and nothing is
//! answered to it. Feedback is sent as often as the bus wants it, counted by those packets.
//!
//! Source: USB Network Redirection protocol description, version 0.7.1.

mod session;
mod wire;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::device::Device;
use crate::model::Model;
use session::Shared;

/// Between two looks at whether QEMU is still there.
const TICK: Duration = Duration::from_millis(10);

/// A DAC that listens for QEMU. It goes on in a thread of its own until the process ends.
#[derive(Debug, Clone)]
pub struct Dac {
    shared: Arc<Mutex<Shared>>,
}

impl Dac {
    /// Switches a DAC on that QEMU finds at this path: `-chardev socket,path=PATH,id=dac -device usb-redir,chardev=dac`. That
    /// is its port; it is `plugged` in or lies beside it.
    ///
    /// # Errors
    /// When the socket can't be made.
    pub fn listen(model: Model, path: &Path, plugged: bool) -> io::Result<Self> {
        let listener = UnixListener::bind(path)?;
        let shared = Arc::new(Mutex::new(Shared::new(Device::new(model), plugged)));
        let dac = Self { shared: Arc::clone(&shared) };
        thread::Builder::new().name("usb-dac".to_owned()).spawn(move || {
            for connection in listener.incoming() {
                // A connection that breaks has ended: QEMU is gone, and may come again.
                let _ = connection.and_then(|connection| session::serve(&shared, connection));
                locked(&shared).disconnected();
            }
        })?;
        Ok(dac)
    }

    /// Looks at the device, which gets no packets meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&mut Device) -> T) -> T {
        look(locked(&self.shared).device())
    }

    /// The time now, as [`Packet::at`](crate::Packet::at) has it.
    #[must_use]
    pub fn now(&self) -> Duration {
        locked(&self.shared).now()
    }

    /// How often it was plugged in since QEMU came. What was plugged in before isn't counted.
    #[must_use]
    pub fn plugs(&self) -> usize {
        locked(&self.shared).plugs()
    }

    /// When it was plugged in last, as [`Packet::at`](crate::Packet::at) has it; zero: it was from the start.
    #[must_use]
    pub fn plugged_at(&self) -> Duration {
        locked(&self.shared).plugged_at()
    }

    /// Waits until QEMU is gone, and all that it sent before has arrived; returns whether it is within `limit`. The end of QEMU isn't
    /// that yet: what it sent may still be on its way to the device.
    pub fn wait_for_end(&self, limit: Duration) -> bool {
        let start = Instant::now();
        while locked(&self.shared).is_connected() {
            if start.elapsed() > limit {
                return false;
            }
            thread::sleep(TICK);
        }
        true
    }

    /// Pulls it out.
    ///
    /// # Errors
    /// When QEMU is gone.
    pub fn unplug(&self) -> io::Result<()> {
        locked(&self.shared).unplug()
    }

    /// Puts it back in, or, as `model`, another one in its place.
    ///
    /// # Errors
    /// When QEMU is gone.
    pub fn plug(&self, model: Option<Model>) -> io::Result<()> {
        locked(&self.shared).plug(model)
    }
}

/// What a thread that has panicked has left is still what has arrived.
fn locked(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
