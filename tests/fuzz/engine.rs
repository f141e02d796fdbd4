//! The engine's modules: it is a program and has no library, so targets compile what they need of it.
#![allow(dead_code, unused_imports, unexpected_cfgs, unreachable_pub, reason = "every target uses a part of it")]

#[path = "../../firmware/engine/src"]
mod source {
    pub(crate) mod clock;
    pub(crate) mod options;
    pub(crate) mod output;
    pub(crate) mod rules;
    pub(crate) mod sanitizer;
    pub(crate) mod wake;
}

pub(crate) use source::*;
