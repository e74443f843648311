//! No false alarms, however busy the machine.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::common::Origin;
use crate::common::machine;
use crate::common::program::Program;

const RUNS: usize = 200;
const ABREAST: usize = 20;

#[test]
#[ignore = "takes 90 s of all processors"]
fn direct_runs_are_in_real_time_on_a_busy_machine() {
    let _alone = machine::alone();
    let origin = Origin::start();
    let url = format!("http://{}", origin.address);
    let is_over = AtomicBool::new(false);
    let run = || {
        let finished = Program::probe(&[&url]).finish();
        let last = finished.out.last().cloned().unwrap_or_default();
        (finished.code != Some(0) || !last.starts_with("VERDICT real-time ")).then(|| finished.out.join("\n"))
    };
    let alarms: Vec<String> = thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let abreast: Vec<_> = (0..ABREAST)
            .map(|_| scope.spawn(|| (0..RUNS / ABREAST).filter_map(|_| run()).collect::<Vec<_>>()))
            .collect();
        let alarms = abreast.into_iter().flat_map(|runs| runs.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        alarms
    });
    assert!(alarms.is_empty(), "{} of {RUNS}:\n{}", alarms.len(), alarms.join("\n\n"));
}
