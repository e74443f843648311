//! What measures time, processors or memory, and must be alone for it: these tests run one after another.

#[path = "../common/mod.rs"]
mod common;

mod busy;
mod costs;
mod crowds;
mod own_error;
mod page_hour;
mod relay;
