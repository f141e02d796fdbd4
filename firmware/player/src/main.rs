//! The renderer: UPnP, HTTP, decoding, queue, page.
fn main() {}
