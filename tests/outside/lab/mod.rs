//! The probe, and the diagnosis, through real proxies, each in a configuration of which is known what it does.
//!
//! With `RECORD_STORIES=1` what was seen is kept in `tests/stories/recorded-*.json`.

pub(crate) mod configs;
mod diagnose;
mod diagnoses;
mod haproxy;
mod nginx;
mod nginx_ends;
mod others;
pub(crate) mod proxy;
mod run;

use diagnose::diagnose_all;
use run::{Case, Machine, run_all};

#[test]
#[ignore = "needs nginx"]
fn nginx_that_holds() {
    run_all(nginx::HOLDS, Machine::Idle);
}

#[test]
#[ignore = "needs nginx"]
fn nginx_that_passes() {
    run_all(nginx::PASSES, Machine::Idle);
}

#[test]
#[ignore = "needs nginx"]
fn nginx_that_ends() {
    run_all(nginx_ends::ALL, Machine::Idle);
}

#[test]
#[ignore = "needs haproxy"]
fn haproxy() {
    run_all(haproxy::ALL, Machine::Idle);
}

#[test]
#[ignore = "needs lighttpd and apache"]
fn lighttpd_and_apache() {
    run_all(others::ALL, Machine::Idle);
}

#[test]
#[ignore = "needs nginx, haproxy, apache and lighttpd"]
fn diagnoses() {
    diagnose_all(&[diagnoses::NGINX, diagnoses::HAPROXY, diagnoses::OTHERS, diagnoses::CHAINS].concat());
}

#[test]
#[ignore = "needs nginx, haproxy and lighttpd"]
fn on_a_busy_machine() {
    let names = [
        "nginx-default",
        "nginx-buffers-16k",
        "nginx-gzip-buffered",
        "nginx-unbuffered",
        "nginx-1.1-chunked",
        "nginx-accel",
        "nginx-read-timeout",
        "nginx-limit-rate-tiny",
        "nginx-killed",
        "haproxy-one-pace",
        "apache-sed",
        "haproxy-default",
        "haproxy-no-delay",
        "haproxy-compression",
        "haproxy-compression-corked",
        "haproxy-inspect-1s",
        "haproxy-wait-4k",
        "lighttpd-default",
        "lighttpd-stream-1",
        "apache-rate",
    ];
    let all = [nginx::HOLDS, nginx::PASSES, nginx_ends::ALL, haproxy::ALL, others::ALL].concat();
    let cases: Vec<Case> = all.into_iter().filter(|case| names.contains(&case.name)).collect();
    assert_eq!(cases.len(), names.len());
    run_all(&cases, Machine::Busy);
}
