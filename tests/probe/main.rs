//! `probe`: the real program against the real origin, through a relay that impairs streams as real paths do.

#[path = "../common/mod.rs"]
mod common;

mod abreast;
mod foreign;
mod output;
mod verdicts;
