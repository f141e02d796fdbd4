//! Packets of the protocol: a header with type, length and id, and what belongs to the type; all little-endian.

use std::io::{self, Read};

use crate::device::Setup;

/// What this end can do: tells the device's version, acknowledges disconnection, packet sizes of endpoints, ids of 64 bits
/// and lengths of bulk packets of 32 (without which xHCI refuses it).
const CAPABILITIES: u32 = 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6;
/// The capability that makes ids, and so headers, longer.
const LONG_IDS: u32 = 1 << 5;
/// Bytes of the version text of a hello.
const VERSION: usize = 64;
/// No packet of this protocol is longer.
const LONGEST: u32 = 1 << 20;

/// Results of a request.
pub(super) const SUCCESS: u8 = 0;
pub(super) const STALL: u8 = 4;

/// Types.
pub(super) const HELLO: u32 = 0;
pub(super) const CONNECT: u32 = 1;
pub(super) const DISCONNECT: u32 = 2;
pub(super) const RESET: u32 = 3;
pub(super) const INTERFACES: u32 = 4;
pub(super) const ENDPOINTS: u32 = 5;
pub(super) const SET_CONFIGURATION: u32 = 6;
pub(super) const GET_CONFIGURATION: u32 = 7;
pub(super) const CONFIGURATION_STATUS: u32 = 8;
pub(super) const SET_ALTERNATE: u32 = 9;
pub(super) const GET_ALTERNATE: u32 = 10;
pub(super) const ALTERNATE_STATUS: u32 = 11;
pub(super) const START_ISOCHRONOUS: u32 = 12;
pub(super) const STOP_ISOCHRONOUS: u32 = 13;
pub(super) const ISOCHRONOUS_STATUS: u32 = 14;
pub(super) const CONTROL: u32 = 100;
pub(super) const ISOCHRONOUS: u32 = 102;

/// A packet that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) kind: u32,
    pub(super) id: u64,
    pub(super) body: Vec<u8>,
}

/// The packet that opens a connection.
pub(super) fn hello() -> Vec<u8> {
    let mut body = vec![0; VERSION];
    let name = b"tenuto usb-dac";
    body[..name.len()].copy_from_slice(name);
    body.extend(CAPABILITIES.to_le_bytes());
    packet(HELLO, 0, &body, false)
}

/// Whether ids are long from this hello on: both ends must be able to.
pub(super) fn has_long_ids(hello: &[u8]) -> bool {
    let word = hello.get(VERSION..VERSION + 4).and_then(|word| word.try_into().ok());
    word.is_some_and(|word| u32::from_le_bytes(word) & LONG_IDS != 0)
}

/// A packet as it is sent.
pub(super) fn packet(kind: u32, id: u64, body: &[u8], long_ids: bool) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + body.len());
    bytes.extend(kind.to_le_bytes());
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(&id.to_le_bytes()[..if long_ids { 8 } else { 4 }]);
    bytes.extend(body);
    bytes
}

/// Reads a packet.
///
/// # Errors
/// When the connection ends, or a packet is longer than there are any.
pub(super) fn read(from: &mut impl Read, long_ids: bool) -> io::Result<Packet> {
    let (mut header, mut id) = ([0; 8], [0; 8]);
    from.read_exact(&mut header)?;
    from.read_exact(&mut id[..if long_ids { 8 } else { 4 }])?;
    let [a, b, c, d, e, f, g, h] = header;
    let length = u32::from_le_bytes([e, f, g, h]);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a packet of {length} bytes")));
    }
    let mut body = vec![0; length as usize];
    from.read_exact(&mut body)?;
    Ok(Packet { kind: u32::from_le_bytes([a, b, c, d]), id: u64::from_le_bytes(id), body })
}

/// The request in the body of a [`CONTROL`] packet, and what the host sends with it. None: it is too short.
pub(super) fn setup(body: &[u8]) -> Option<(Setup, &[u8])> {
    let (&[_, request, kind, _, v0, v1, i0, i1, l0, l1], data) = body.split_first_chunk()?;
    let [value, index, length] = [[v0, v1], [i0, i1], [l0, l1]].map(u16::from_le_bytes);
    Some((Setup { kind, request, value, index, length }, data))
}

/// The body that answers a [`CONTROL`] packet.
pub(super) fn control(request: &Setup, status: u8, length: u16, data: &[u8]) -> Vec<u8> {
    let endpoint = request.kind & 0x80;
    let mut body = vec![endpoint, request.request, request.kind, status];
    body.extend([request.value, request.index, length].into_iter().flat_map(u16::to_le_bytes));
    body.extend(data);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_they_were_written() {
        for long_ids in [false, true] {
            let bytes = [packet(CONTROL, 7, &[1, 2, 3], long_ids), packet(RESET, 8, &[], long_ids)].concat();
            let mut from = bytes.as_slice();
            assert_eq!(read(&mut from, long_ids).unwrap(), Packet { kind: CONTROL, id: 7, body: vec![1, 2, 3] });
            assert_eq!(read(&mut from, long_ids).unwrap().id, 8);
            assert!(read(&mut from, long_ids).is_err(), "the connection has ended");
        }
        let huge = [CONTROL.to_le_bytes(), u32::MAX.to_le_bytes(), [0; 4]].concat();
        assert!(read(&mut huge.as_slice(), false).is_err());
        assert!(has_long_ids(&hello()[12..]) && !has_long_ids(&[0; 70]) && !has_long_ids(&[]));
    }

    #[test]
    fn requests_are_read() {
        let body = [0, 1, 0x21, 0, 0x00, 0x01, 0x00, 0x29, 4, 0, 9, 9, 9, 9];
        let expected = Setup { kind: 0x21, request: 1, value: 0x100, index: 0x2900, length: 4 };
        assert_eq!(setup(&body), Some((expected, [9; 4].as_slice())));
        assert_eq!(setup(&body[..9]), None);
        assert_eq!(control(&expected, STALL, 0, &[]), [0, 1, 0x21, 4, 0x00, 0x01, 0x00, 0x29, 0, 0]);
    }
}
