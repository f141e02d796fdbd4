//! The memory that player and engine share: wire-format audio, marks, status page, and the messages between them.
