//! The machine: what it is, and how many streams it allows.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::SPARE_CONNECTIONS;

/// Descriptors and threads beyond one a stream, on either side.
const MARGIN: u64 = SPARE_CONNECTIONS as u64 + 100;
/// Mappings that one thread may cost: its stack and its signal stack, each with a guard page.
const MAPPINGS_PER_THREAD: u64 = 4;

/// Raises the soft limit of descriptors to the hard one; children inherit it.
pub(crate) fn raise_descriptor_limit() -> Result<(), String> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .map_err(|error| format!("raise the limit of descriptors: {error}"))
}

/// Makes the table of descriptors large enough for `streams` while there is one thread only. In a process with
/// several, each doubling waits for an RCU grace period, for which the client would stand still 10 to 30 ms.
pub(crate) fn grow_descriptor_table(streams: usize) -> Result<(), String> {
    let wanted = (streams as u64 + MARGIN).min(descriptor_limit() - 1);
    let number = i32::try_from(wanted).map_err(|_| format!("{streams} streams are too many"))?;
    rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), number)
        .map(drop)
        .map_err(|error| format!("grow the table of descriptors: {error}"))
}

/// Why this machine does not allow so many streams, if it does not.
pub(crate) fn obstacle(streams: usize) -> Option<String> {
    let streams = streams as u64;
    let needed = streams + MARGIN;
    let threads = needed + threads_in_use();
    let mappings = streams * MAPPINGS_PER_THREAD + MARGIN;
    let limits = [
        ("descriptors", needed, descriptor_limit(), "the hard limit of `ulimit -n`"),
        ("threads", threads, kernel_number("kernel/pid_max"), "kernel.pid_max"),
        ("threads", threads, kernel_number("kernel/threads-max"), "kernel.threads-max"),
        ("memory mappings", mappings, kernel_number("vm/max_map_count"), "vm.max_map_count"),
    ];
    let (what, needed, allowed, name) = limits.into_iter().find(|(_, needed, allowed, _)| needed > allowed)?;
    Some(format!("{streams} streams need {needed} {what}, and {name} is {allowed}"))
}

/// Lines that name the machine.
pub(crate) fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = field("/proc/cpuinfo", "model name");
    let kernel = text("/proc/sys/kernel/osrelease");
    let memory = field("/proc/meminfo", "MemTotal");
    let load = text("/proc/loadavg");
    let command: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "machine: {cores} cores, {model}, {memory} of memory, Linux {}\nload before: {}\narguments: {}\n",
        kernel.trim_end(),
        load.trim_end(),
        command.join(" ")
    )
}

fn descriptor_limit() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// The kernel tells it as the second half of the fourth word, `running/all`.
fn threads_in_use() -> u64 {
    let load = text("/proc/loadavg");
    let all = load.split_whitespace().nth(3).and_then(|word| word.rsplit('/').next());
    all.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A limit of the kernel; one that cannot be read limits nothing.
fn kernel_number(name: &str) -> u64 {
    text(&format!("/proc/sys/{name}")).trim_end().parse().unwrap_or(u64::MAX)
}

fn field(path: &str, name: &str) -> String {
    let text = text(path);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    value.map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
