//! The page in a real browser: its judging core against the Rust one, and what drives the browser.

mod answers;
mod away;
mod decoder;
mod diagnoses;
mod driver;
mod foreign;
mod live;
mod looks;
mod paths;
mod share;
mod stories;
mod trouble;
