//! The signals that end the program.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::stop::Stop;

/// The user's wish to end the program.
#[derive(Debug)]
pub struct Interrupts {
    /// Triggered by the first of the signals: end cleanly.
    pub stop: Stop,
    /// Triggered by the second: end at once.
    pub hurry: Stop,
}

impl Interrupts {
    /// Takes over SIGINT, SIGTERM, and SIGHUP unless it is ignored, for the rest of the process's life.
    ///
    /// # Errors
    /// When no descriptor or thread is left for it.
    pub fn install() -> io::Result<Interrupts> {
        let interrupts = Interrupts { stop: Stop::new()?, hurry: Stop::new()? };
        let (stop, hurry) = (interrupts.stop.clone(), interrupts.hurry.clone());
        let hangup = Some(SIGHUP).filter(|_| !is_hangup_ignored());
        let mut signals = Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if stop.is_triggered() { hurry.trigger() } else { stop.trigger() }
            }
        })?;
        Ok(interrupts)
    }
}

/// Whether whoever started the process wants it to outlive its terminal, as nohup does.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}
