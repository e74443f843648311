//! What the kernel tells of a process: threads, descriptors, memory, time on the processors.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

use super::eventually;

/// The unit of times in /proc, whatever the kernel's own is.
const TICKS_PER_SECOND: u64 = 100;

/// Threads that the inner server may keep for its next requests.
const POOL: usize = 4;

/// What a process holds for its clients.
#[derive(Debug, Clone, Copy)]
pub struct Holdings {
    threads: usize,
    descriptors: usize,
}

/// A running process, looked at through /proc.
#[derive(Debug, Clone, Copy)]
pub struct Gauge(pub Pid);

impl Gauge {
    pub fn threads(self) -> usize {
        fs::read_dir(self.path("task")).unwrap().count()
    }

    pub fn descriptors(self) -> usize {
        fs::read_dir(self.path("fd")).unwrap().count()
    }

    /// Resident memory now, in KiB.
    pub fn memory(self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most memory that was ever resident, in KiB.
    pub fn peak_memory(self) -> u64 {
        self.status("VmHWM:")
    }

    /// Time on the processors, of all threads, those that ended included.
    pub fn cpu(self) -> Duration {
        let stat = fs::read_to_string(self.path("stat")).unwrap();
        let behind_name = stat.rsplit_once(')').unwrap().1;
        // utime and stime, the 14th and 15th field of proc_pid_stat(5); the name is the second.
        let ticks: u64 =
            behind_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
    }

    pub fn holdings(self) -> Holdings {
        Holdings { threads: self.threads(), descriptors: self.descriptors() }
    }

    /// Waits until the process holds no more than it did before.
    pub fn wait_for(self, before: Holdings) {
        eventually(|| {
            let now = self.holdings();
            (now.threads <= before.threads + POOL && now.descriptors <= before.descriptors).then_some(())
        });
    }

    fn path(self, file: &str) -> String {
        format!("/proc/{}/{file}", self.0.as_raw_nonzero())
    }

    fn status(self, field: &str) -> u64 {
        let status = fs::read_to_string(self.path("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

/// Lets this process have as many descriptors as the system allows; returns how many those are.
pub fn raise_descriptor_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    limit.maximum.unwrap_or(u64::MAX)
}
