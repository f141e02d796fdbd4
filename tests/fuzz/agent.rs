//! The agent's modules: it is a program and has no library, so targets compile what they need of it.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "every target uses a part of it")]

#[path = "../../firmware/agent/src/settings"]
pub(crate) mod settings {
    pub(crate) mod file;
    pub(crate) mod record;
    pub(crate) mod schema;
    pub(crate) mod value;
}

#[path = "../../firmware/agent/src/time"]
pub(crate) mod time {
    pub(crate) mod sntp;
}

#[path = "../../firmware/agent/src/requests"]
pub(crate) mod requests {
    pub(crate) mod ask;
}
