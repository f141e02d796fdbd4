//! The renderer: UPnP, HTTP, decoding, queue, page.
mod transport;
fn main() {}
