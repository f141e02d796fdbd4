//! What nobody may do, though it has nothing to do with time.

use super::{Knob, file};

const KERNEL: &str = "Documentation/admin-guide/sysctl/kernel.rst";
const FS: &str = "Documentation/admin-guide/sysctl/fs.rst";
const IP: &str = "Documentation/networking/ip-sysctl.rst";

pub(super) const KNOBS: &[Knob] = &[
    file(
        "kptr_restrict",
        "proc/sys/kernel/kptr_restrict",
        "2",
        "no program is shown where the kernel lies",
        "root's neither",
        KERNEL,
    ),
    file(
        "sysrq",
        "proc/sys/kernel/sysrq",
        "0",
        "a keyboard's magic key does nothing",
        "whoever has a keyboard isn't the owner yet",
        "Documentation/admin-guide/sysrq.rst",
    ),
    file(
        "protected_symlinks",
        "proc/sys/fs/protected_symlinks",
        "1",
        "a link in a directory for all is followed by its owner only",
        "nobody is led elsewhere",
        FS,
    ),
    file(
        "protected_hardlinks",
        "proc/sys/fs/protected_hardlinks",
        "1",
        "nobody links to a file that isn't his",
        "nobody keeps what its owner has removed",
        FS,
    ),
    file(
        "protected_fifos",
        "proc/sys/fs/protected_fifos",
        "2",
        "another one's pipe in a directory for all isn't opened",
        "nobody is led to write into it",
        FS,
    ),
    file(
        "protected_regular",
        "proc/sys/fs/protected_regular",
        "2",
        "another one's file in a directory for all isn't opened",
        "nobody is led to write into it",
        FS,
    ),
    file(
        "accept_redirects",
        "proc/sys/net/ipv4/conf/all/accept_redirects",
        "0",
        "no neighbour changes where packets go",
        "there is one network",
        IP,
    ),
    file(
        "accept_redirects.default",
        "proc/sys/net/ipv4/conf/default/accept_redirects",
        "0",
        "the same for a card that comes later",
        "there is one network",
        IP,
    ),
    file(
        "secure_redirects",
        "proc/sys/net/ipv4/conf/all/secure_redirects",
        "0",
        "not even the router does",
        "there is one network",
        IP,
    ),
    file(
        "send_redirects",
        "proc/sys/net/ipv4/conf/all/send_redirects",
        "0",
        "this machine tells nobody where to send",
        "it is nobody's router",
        IP,
    ),
    file(
        "accept_source_route",
        "proc/sys/net/ipv4/conf/all/accept_source_route",
        "0",
        "a packet doesn't choose its way back",
        "only an attacker would",
        IP,
    ),
];
