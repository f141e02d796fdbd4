//! Which capabilities (capabilities(7)) a service may have, each with what for. All others are taken out of its bounding set before it
//! starts, so that not even root has them, nor anything that it starts.

use crate::sys;

/// A capability that is left: its number in linux/capability.h, and its name and what it is for.
pub(crate) type Right = (libc::c_int, &'static str);

/// CAP_CHECKPOINT_RESTORE, the last one that the kernel has.
const LAST: libc::c_int = 40;

/// The agent's, its DHCP clients' and their script's.
pub(crate) const AGENT: &[Right] = &[
    (0, "CHOWN: sound cards' nodes get their group"),
    (1, "DAC_OVERRIDE: a data partition from elsewhere has files of any owner"),
    (5, "KILL: services of other users are told to end"),
    (10, "NET_BIND_SERVICE: the DHCP client's port is 68"),
    (12, "NET_ADMIN: addresses, routes, what a network driver is set to"),
    (13, "NET_RAW: DHCP without an address, and whether anybody has one already (ARP)"),
    (21, "SYS_ADMIN: the host's name, mounting the data partition and the boot medium"),
    (22, "SYS_BOOT: restarting into a trial, and out of one"),
    (23, "SYS_NICE: other threads' priorities and cores"),
    (25, "SYS_TIME: the clock"),
];

/// The engine's until it leaves root. What it does then it has the limits for (RLIMIT_RTPRIO, RLIMIT_MEMLOCK).
pub(crate) const ENGINE: &[Right] = &[
    (0, "CHOWN: its socket gets the player's group"),
    (6, "SETGID: leaving root's groups"),
    (7, "SETUID: leaving root"),
    (14, "IPC_LOCK: all memory locked, ring and buffers included"),
    (23, "SYS_NICE: SCHED_FIFO"),
];

/// Whoever isn't root from the first instruction on.
pub(crate) const NONE: &[Right] = &[];

/// Gives up all the others, for good. What this process itself holds it keeps until it becomes another user or program.
pub(crate) fn keep_only(rights: &[Right], service: &str) {
    for capability in others(rights) {
        if let Err(error) = sys::never_have(capability) {
            tracing::warn!("{service}: capability {capability} could not be given up: {error}");
        }
    }
}

fn others(rights: &[Right]) -> impl Iterator<Item = libc::c_int> {
    (0..=LAST).filter(|number| !rights.iter().any(|(right, _)| right == number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_has_a_reason_and_is_there_once() {
        for rights in [AGENT, ENGINE] {
            assert!(rights.iter().all(|(_, why)| why.contains(": ")));
            assert!(rights.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert_eq!(others(rights).count() + rights.len(), 41);
        }
        assert_eq!(others(NONE).count(), 41);
    }

    #[test]
    fn nobody_may_trace_load_modules_or_reach_the_hardware() {
        for never in [16, 17, 19, 38, 39] {
            assert!(others(AGENT).any(|number| number == never) && others(ENGINE).any(|number| number == never));
        }
    }
}
