//! Where audio comes from and how it is decoded: HTTP, containers, codecs.
