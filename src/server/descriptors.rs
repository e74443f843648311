//! How many descriptors the process may have, and room for them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for everything but public connections: standard streams, listeners, signals, log,
/// watcher, admin connections, and connections that are turned away.
pub(crate) const DESCRIPTORS_RESERVED: u64 = 40;

/// Makes room for the descriptors of so many connections now, while the process has one thread. Later, each
/// doubling of the table makes accept stand still for 8 to 20 ms, because the kernel waits until no thread looks at the
/// old one.
///
/// To be called first, if at all.
pub fn grow_descriptor_table(connections: usize) {
    let wanted = (connections as u64).saturating_add(DESCRIPTORS_RESERVED);
    let highest = wanted.min(raise_descriptor_limit().saturating_sub(1));
    let Ok(highest) = i32::try_from(highest) else { return };
    // Where this fails, connections are accepted more slowly for a moment.
    let _ = rustix::io::fcntl_dupfd_cloexec(std::io::stderr(), highest);
}

/// Raises the soft limit on descriptors to the hard one; returns what it is then.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    now.unwrap_or(u64::MAX)
}
