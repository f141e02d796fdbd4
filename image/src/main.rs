//! The host tool: assembles the appliance's image, boots it in QEMU and plays to it.
fn main() {}
