//! A connection to QEMU.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::locked;
use super::wire::{self, Packet};
use crate::clock::FEEDBACK_INTERVAL;
use crate::descriptors::{DATA, FEEDBACK, MAX_PACKET, STREAMING};
use crate::device::{Answer, Device, Setup};
use crate::model::Model;

/// Endpoints that the protocol has room for: 16 out, 16 in.
const ENDPOINTS: usize = 32;
/// Where an endpoint to the host stands among them.
const IN: usize = 16;
/// Kinds of endpoints.
const CONTROL: u8 = 0;
const ISOCHRONOUS: u8 = 1;
const NONE: u8 = 255;
/// High speed.
const HIGH: u8 = 2;

/// The device, and whom it is connected to.
#[derive(Debug)]
pub(super) struct Shared {
    device: Device,
    /// Where answers go, once both ends have said hello.
    connection: Option<Connection>,
    plugged: bool,
    /// How often it was plugged in or out.
    changes: u64,
    /// How often it was plugged in while QEMU was there.
    plugs: usize,
    /// When it was so last.
    plugged_at: Duration,
    /// Feedback was asked for.
    feedback: bool,
    /// What packets' times count from.
    since: Instant,
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    long_ids: bool,
}

impl Connection {
    fn send(&mut self, kind: u32, id: u64, body: &[u8]) -> io::Result<()> {
        self.stream.write_all(&wire::packet(kind, id, body, self.long_ids))
    }
}

/// Serves QEMU until it goes.
///
/// # Errors
/// When what it sent has been read to its end, or brings what is no packet.
pub(super) fn serve(shared: &Arc<Mutex<Shared>>, mut stream: UnixStream) -> io::Result<()> {
    stream.write_all(&wire::hello())?;
    let mut from = BufReader::with_capacity(1 << 18, stream.try_clone()?);
    let hello = wire::read(&mut from, false)?;
    if hello.kind != wire::HELLO {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no hello"));
    }
    let long_ids = wire::has_long_ids(&hello.body);
    locked(shared).connected(Connection { stream, long_ids })?;
    loop {
        let packet = wire::read(&mut from, long_ids)?;
        let mut now = locked(shared);
        // QEMU may be gone: then answers are lost, and what it had sent before is not.
        let _ = now.take(&packet);
        if let Some(away) = now.device.vanishes() {
            let _ = now.unplug();
            return_after(shared, away, now.changes)?;
        }
    }
}

/// Plugs the device in again after so long, unless somebody has plugged since then.
fn return_after(shared: &Arc<Mutex<Shared>>, away: Duration, changes: u64) -> io::Result<()> {
    let shared = Arc::clone(shared);
    let back = move || {
        thread::sleep(away);
        let mut now = locked(&shared);
        if now.changes == changes {
            // QEMU may be gone.
            let _ = now.plug(None);
        }
    };
    thread::Builder::new().name("usb-dac: away".to_owned()).spawn(back).map(drop)
}

impl Shared {
    pub(super) fn new(device: Device, plugged: bool) -> Self {
        let (since, plugged_at) = (Instant::now(), Duration::ZERO);
        Self { device, connection: None, plugged, changes: 0, plugs: 0, plugged_at, feedback: false, since }
    }

    pub(super) fn device(&mut self) -> &mut Device {
        &mut self.device
    }

    pub(super) fn now(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    pub(super) fn plugs(&self) -> usize {
        self.plugs
    }

    pub(super) fn plugged_at(&self) -> Duration {
        self.plugged_at
    }

    fn connected(&mut self, connection: Connection) -> io::Result<()> {
        self.connection = Some(connection);
        if self.plugged { self.appear() } else { Ok(()) }
    }

    pub(super) fn disconnected(&mut self) {
        self.connection = None;
        self.device.reset();
    }

    pub(super) fn unplug(&mut self) -> io::Result<()> {
        self.plugged = false;
        self.changes += 1;
        self.device.reset();
        self.send(wire::DISCONNECT, 0, &[])
    }

    pub(super) fn plug(&mut self, model: Option<Model>) -> io::Result<()> {
        if let Some(model) = model {
            self.device = Device::new(model);
        }
        self.device.switched_on();
        self.plugged = true;
        self.plugged_at = self.now();
        self.changes += 1;
        if self.connection.is_none() {
            return Ok(());
        }
        self.plugs += 1;
        self.appear()
    }

    fn send(&mut self, kind: u32, id: u64, body: &[u8]) -> io::Result<()> {
        let connection = self.connection.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        connection.send(kind, id, body)
    }

    /// Tells QEMU what is plugged in.
    fn appear(&mut self) -> io::Result<()> {
        let mut interfaces = 2_u32.to_le_bytes().to_vec();
        // Number, class, subclass and protocol of each.
        for values in [[0, STREAMING], [1, 1], [1, 2], [0x20, 0x20]] {
            interfaces.extend(values);
            interfaces.resize(interfaces.len() + ENDPOINTS - values.len(), 0);
        }
        self.send(wire::INTERFACES, 0, &interfaces)?;
        self.endpoints()?;
        let model = self.device.model();
        let mut device = vec![HIGH, 0xef, 2, 1];
        device.extend([model.vendor(), model.product_id(), 0x0100].into_iter().flat_map(u16::to_le_bytes));
        self.send(wire::CONNECT, 0, &device)
    }

    /// Tells QEMU which endpoints there are, which depends on the setting.
    fn endpoints(&mut self) -> io::Result<()> {
        let mut kinds = [NONE; ENDPOINTS];
        let (mut intervals, mut interfaces, mut sizes) = ([0; ENDPOINTS], [0; ENDPOINTS], [0_u16; ENDPOINTS]);
        for place in [0, IN] {
            (kinds[place], sizes[place]) = (CONTROL, 64);
        }
        if self.device.alternate() > 0 {
            let feedback = IN + usize::from(FEEDBACK & 0x0f);
            for (place, interval, size) in [(DATA.into(), 1, MAX_PACKET), (feedback, FEEDBACK_INTERVAL, 4)] {
                (kinds[place], intervals[place], interfaces[place], sizes[place]) =
                    (ISOCHRONOUS, interval, STREAMING, size);
            }
        }
        let sizes = sizes.map(u16::to_le_bytes);
        self.send(wire::ENDPOINTS, 0, &[&kinds, &intervals, &interfaces, sizes.as_flattened()].concat())
    }

    fn take(&mut self, packet: &Packet) -> io::Result<()> {
        let Packet { kind, id, body } = packet;
        match (*kind, body.as_slice()) {
            (wire::ISOCHRONOUS, [endpoint, _, _, _, payload @ ..]) if *endpoint == DATA => {
                let due = self.device.packet(payload, self.since.elapsed());
                due.filter(|_| self.feedback).map_or(Ok(()), |value| self.send_feedback(value))
            }
            (wire::CONTROL, body) => self.control(*id, body),
            (wire::SET_CONFIGURATION, [configuration, ..]) => {
                if self.standard(9, *configuration, 0) == Answer::Silence {
                    return Ok(());
                }
                self.endpoints()?;
                self.send(wire::CONFIGURATION_STATUS, *id, &[wire::SUCCESS, *configuration])
            }
            (wire::GET_CONFIGURATION, _) => self.send(wire::CONFIGURATION_STATUS, *id, &[wire::SUCCESS, 1]),
            (wire::SET_ALTERNATE, [interface, alternate, ..]) => {
                let answer = self.standard(11, *alternate, *interface);
                let status = match answer {
                    Answer::Silence => return Ok(()),
                    Answer::Stall => wire::STALL,
                    Answer::Data(_) | Answer::Done => wire::SUCCESS,
                };
                self.endpoints()?;
                self.send(wire::ALTERNATE_STATUS, *id, &[status, *interface, *alternate])
            }
            (wire::GET_ALTERNATE, [interface, ..]) => {
                let alternate = if *interface == STREAMING { self.device.alternate() } else { 0 };
                self.send(wire::ALTERNATE_STATUS, *id, &[wire::SUCCESS, *interface, alternate])
            }
            (wire::START_ISOCHRONOUS, [endpoint, in_urb, urbs, ..]) => {
                if *endpoint == FEEDBACK {
                    self.feedback = true;
                    // QEMU hands none to the guest before it has as many as it asked for.
                    for _ in 0..u32::from(*in_urb) * u32::from(*urbs) {
                        let value = self.device.feedback();
                        self.send_feedback(value)?;
                    }
                }
                self.send(wire::ISOCHRONOUS_STATUS, *id, &[wire::SUCCESS, *endpoint])
            }
            (wire::STOP_ISOCHRONOUS, [endpoint, ..]) => {
                self.feedback &= *endpoint != FEEDBACK;
                self.send(wire::ISOCHRONOUS_STATUS, *id, &[wire::SUCCESS, *endpoint])
            }
            (wire::RESET, _) => {
                self.device.reset();
                Ok(())
            }
            // What was withdrawn has been answered, and filters are for others.
            _ => Ok(()),
        }
    }

    fn send_feedback(&mut self, value: [u8; 4]) -> io::Result<()> {
        self.send(wire::ISOCHRONOUS, 0, &[&[FEEDBACK, wire::SUCCESS, 4, 0], value.as_slice()].concat())
    }

    /// A standard request that QEMU has a packet of its own for.
    fn standard(&mut self, request: u8, value: u8, index: u8) -> Answer {
        self.device.request(Setup { kind: 0, request, value: value.into(), index: index.into(), length: 0 }, &[])
    }

    fn control(&mut self, id: u64, body: &[u8]) -> io::Result<()> {
        let Some((setup, data)) = wire::setup(body) else { return Ok(()) };
        let body = match self.device.request(setup, data) {
            Answer::Data(bytes) => wire::control(&setup, wire::SUCCESS, bytes.len() as u16, &bytes),
            Answer::Done => wire::control(&setup, wire::SUCCESS, setup.length, &[]),
            Answer::Stall => wire::control(&setup, wire::STALL, 0, &[]),
            Answer::Silence => return Ok(()),
        };
        self.send(wire::CONTROL, id, &body)
    }
}
