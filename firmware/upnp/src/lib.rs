//! The UPnP protocols without I/O: SSDP, description, SOAP, GENA, LastChange, DIDL-Lite.
//!
//! Nothing here opens a socket, reads a clock or draws a random number: bytes, addresses, `Instant`s and random
//! numbers come in as arguments, values and text go out. So each rule of the protocol is a function that a test calls.
//!
//! What is offered is one table, [`service`]: it is published as the services' SCPDs, decides which SOAP requests are
//! valid, gives the order of the response's arguments and says which variables an event carries. An action that isn't
//! in it doesn't exist.
//!
//! Everything that is parsed comes from the network and is hostile: every parser is bounded in memory and time and
//! returns an error (or what could be had) instead of panicking; each has a fuzz target.
//!
//! Sources: *UDA* is the UPnP Device Architecture 1.1; *AVT*, *RCS* and *CM* are the AVTransport:1,
//! RenderingControl:1 and ConnectionManager:1 service templates, version 1.01, of 25 June 2002.
#![forbid(unsafe_code)]

pub mod description;
pub mod didl;
pub mod error;
pub mod gena;
pub mod last_change;
pub mod network;
pub mod protocol_info;
pub mod service;
pub mod soap;
pub mod ssdp;
pub mod time;
pub mod xml;
