//! What tests and the image tool share: test material, a media server, a control point.
