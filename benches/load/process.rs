//! What `/proc` tells about a server.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::now_us;

/// How long counts must stand still to be the idle ones, and how long to wait for that.
const STILL: Duration = Duration::from_millis(100);
const STILL_DEADLINE: Duration = Duration::from_secs(5);

/// Threads and descriptors of a process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) threads: usize,
    pub(crate) descriptors: usize,
}

/// Processor time of every thread of a process.
pub(crate) struct CpuReading {
    /// The middle of the time that the reading took.
    pub(crate) at_us: u64,
    threads: HashMap<String, ThreadTime>,
}

#[derive(Clone, Copy, Default)]
struct ThreadTime {
    on_cpu_ns: u64,
    times_scheduled: u64,
}

/// Processor time between two readings.
pub(crate) struct CpuUse {
    pub(crate) on_cpu_ns: u64,
    pub(crate) times_scheduled: u64,
}

impl CpuReading {
    /// What the threads of `later` used since this reading. A thread that ended in between is left out: by then it
    /// had been idle, and subtracting its whole past would be wrong.
    pub(crate) fn until(&self, later: &Self) -> CpuUse {
        let mut total = CpuUse { on_cpu_ns: 0, times_scheduled: 0 };
        for (thread, end) in &later.threads {
            let start = self.threads.get(thread).copied().unwrap_or_default();
            total.on_cpu_ns += end.on_cpu_ns.saturating_sub(start.on_cpu_ns);
            total.times_scheduled += end.times_scheduled.saturating_sub(start.times_scheduled);
        }
        total
    }
}

/// The server's end of one connection: the links in `/proc/PID/fd` that lead to its socket.
pub(crate) struct Descriptors {
    links: Vec<PathBuf>,
    target: String,
}

impl Descriptors {
    /// Whether the server has closed all of them. It compares the target too, for a number is soon used again.
    pub(crate) fn are_closed(&self) -> bool {
        !self.links.iter().any(|link| fs::read_link(link).is_ok_and(|target| target.as_os_str() == &*self.target))
    }
}

/// A running process.
pub(crate) struct Process {
    folder: PathBuf,
}

impl Process {
    pub(crate) fn new(pid: u32) -> Self {
        Self { folder: PathBuf::from(format!("/proc/{pid}")) }
    }

    /// Proportional set size in KiB.
    pub(crate) fn pss_kib(&self) -> Result<f64, String> {
        Ok(self.field("smaps_rollup", "Pss:")? as f64)
    }

    pub(crate) fn counts(&self) -> Result<Counts, String> {
        let threads = self.field("status", "Threads:")?;
        Ok(Counts { threads, descriptors: self.descriptor_count()? })
    }

    /// The counts once they have stood still for a moment.
    pub(crate) fn settled_counts(&self) -> Result<Counts, String> {
        let began = Instant::now();
        let mut last = (self.counts()?, began);
        while last.1.elapsed() < STILL {
            if began.elapsed() > STILL_DEADLINE {
                return Err(format!("the idle server's threads still change after {STILL_DEADLINE:?}"));
            }
            thread::sleep(Duration::from_millis(1));
            let counts = self.counts()?;
            if counts != last.0 {
                last = (counts, Instant::now());
            }
        }
        Ok(last.0)
    }

    /// Time on the processors of all threads, those that ended included, in ticks of 10 ms.
    pub(crate) fn cpu_of_all(&self) -> Result<Duration, String> {
        const TICK: Duration = Duration::from_millis(10);
        let path = self.folder.join("stat");
        let stat = fs::read_to_string(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
        // utime and stime, the 14th and 15th field of proc_pid_stat(5); the name is the second, in brackets.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap_or(0));
        Ok(TICK * ticks.sum::<u32>())
    }

    /// Reads `task/*/schedstat`: nanoseconds on a processor, and how often the thread got onto one.
    ///
    /// `/proc/PID/stat` has the same sum, but in ticks of 10 ms: at 100 streams that is a fifth of the result. One file
    /// a thread costs 0.1 s at 10 000 threads, which is why readings stand outside the measured window.
    pub(crate) fn cpu(&self) -> Result<CpuReading, String> {
        let began_us = now_us();
        let folder = self.folder.join("task");
        let mut threads = HashMap::new();
        for entry in fs::read_dir(&folder).map_err(|error| format!("list {}: {error}", folder.display()))? {
            let entry = entry.map_err(|error| format!("list {}: {error}", folder.display()))?;
            // A thread may end between the listing and this; its file is gone then.
            if let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) {
                let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
                let [on_cpu_ns, _waited_ns, times_scheduled] = numbers[..] else {
                    return Err(format!("schedstat has no three numbers: `{}`", text.trim_end()));
                };
                let name = entry.file_name().to_string_lossy().into_owned();
                threads.insert(name, ThreadTime { on_cpu_ns, times_scheduled });
            }
        }
        Ok(CpuReading { at_us: began_us.midpoint(now_us()), threads })
    }

    /// The server's descriptors of the connections from `ports`, in their order.
    ///
    /// The kernel's table of connections gives the inode of the server's end, the listing of its descriptors the
    /// numbers that lead there. Both are read once, before anything is measured.
    pub(crate) fn descriptors_of(&self, server: SocketAddr, ports: &[u16]) -> Result<Vec<Descriptors>, String> {
        let inodes = inodes_by_peer_port(server)?;
        let folder = self.folder.join("fd");
        let mut links: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for entry in fs::read_dir(&folder).map_err(|error| format!("list {}: {error}", folder.display()))?.flatten() {
            if let Ok(target) = fs::read_link(entry.path()) {
                links.entry(target.to_string_lossy().into_owned()).or_default().push(entry.path());
            }
        }
        ports
            .iter()
            .map(|port| {
                let target = inodes.get(port).map(|inode| format!("socket:[{inode}]"));
                let found = target.and_then(|target| links.remove_entry(&target));
                let (target, links) = found.ok_or_else(|| format!("the server has no connection from port {port}"))?;
                Ok(Descriptors { links, target })
            })
            .collect()
    }

    /// Since Linux 6.2 the size of the folder is the count, at no cost; before, it is 0.
    fn descriptor_count(&self) -> Result<usize, String> {
        let folder = self.folder.join("fd");
        let failed = |error| format!("read {}: {error}", folder.display());
        match fs::metadata(&folder).map_err(failed)?.len() {
            0 => Ok(fs::read_dir(&folder).map_err(failed)?.count()),
            count => Ok(usize::try_from(count).expect("a count of descriptors fits")),
        }
    }

    fn field(&self, file: &str, name: &str) -> Result<usize, String> {
        let path = self.folder.join(file);
        let text = fs::read_to_string(&path).map_err(|error| format!("read {}: {error}", path.display()))?;
        let value =
            text.lines().find_map(|line| line.strip_prefix(name)).and_then(|rest| rest.split_whitespace().next());
        value.and_then(|word| word.parse().ok()).ok_or_else(|| format!("{} has no {name}", path.display()))
    }
}

/// Of each connection to `server`: the client's port and the inode of the server's socket.
fn inodes_by_peer_port(server: SocketAddr) -> Result<HashMap<u16, String>, String> {
    let table = if server.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let text = fs::read_to_string(table).map_err(|error| format!("read {table}: {error}"))?;
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    let row = |line: &str| {
        // Slot, local and remote address, state, queues, timer, retransmits, user, timeout, inode.
        let columns: Vec<&str> = line.split_whitespace().collect();
        (port(columns.get(1)?)? == server.port()).then_some(())?;
        Some((port(columns.get(2)?)?, (*columns.get(9)?).to_owned()))
    };
    Ok(text.lines().skip(1).filter_map(row).collect())
}
