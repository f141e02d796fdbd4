//! The host tool: assembles the appliance's image, boots it in QEMU and plays to it.
//!
//! What differs between [`board`]s is in one table and in `board/`. What is built lies in a [`cache`], each thing under a key of everything it was made from:
//!
//! ```text
//! apt ──▶ kernel (kconfig: kernel-config/, board/) ──────────────┐
//! cargo, base ────────▶ rootfs (overlays/) ─▶ initramfs ─────────┼─▶ slot ─┐
//! grub or pi (board/) ─▶ selector ───────────────────────────────────────────────┴─▶ disk
//! ```
//!
//! Or Buildroot makes kernel and root file system, and the rest is the same ([`assemble`]).
//!
//! [`session`] boots a copy of the disk image in a network of its own ([`network`]), and [`play`] plays to it: once
//! ([`once`]), in every format ([`formats`]), through a USB DAC ([`usb`]), while processes are killed ([`survival`]), and when
//! nothing is as it should be ([`trouble`]). [`slots`] tries slots and damages what says which is booted, [`inspect`] compares what
//! runs with what may run, [`measure`] proves the tuning, [`boot_time`] measures how long it takes to come up. Or it plays to a USB DAC and stays up ([`stay`]), writing down what that receives
//! ([`listen`]).
//! Nothing needs root, and nothing is linked into the appliance.
#![forbid(unsafe_code)]

pub mod announcement;
pub mod apt;
pub mod assemble;
pub mod base;
pub mod bios;
pub mod board;
pub mod boot_time;
pub mod build;
pub mod cache;
pub mod capture;
pub mod command;
pub mod disk;
pub mod dropouts;
pub mod environment;
pub mod formats;
pub mod initramfs;
pub mod inspect;
pub mod kconfig;
pub mod kernel;
pub mod listen;
pub mod machine;
pub mod measure;
pub mod network;
pub mod once;
pub mod options;
pub mod pi;
pub mod play;
pub mod proxy;
pub mod qmp;
pub mod recording;
pub mod release;
pub mod report;
pub mod rootfs;
pub mod selector;
pub mod session;
pub mod settings;
pub mod shell;
pub mod sizes;
pub mod slot;
pub mod slots;
pub mod stay;
pub mod stop;
pub mod survival;
pub mod track;
mod tracks;
pub mod trouble;
pub mod usb;

/// A run in which the sound card ran dry is repeated so often at most.
pub(crate) const ATTEMPTS: u32 = 3;

/// Why.
pub(crate) const RAN_DRY: &str = "the sound card ran dry: the host was too busy; once more";
