//! The page in a real browser: its judging core against the Rust one, and what drives the browser.

mod answers;
mod away;
mod browser;
#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)]
#[path = "../lab/configs.rs"]
mod configs;
mod decoder;
mod diagnoses;
mod driver;
mod foreign;
mod live;
mod looks;
#[path = "../verdict/model.rs"]
mod model;
mod paths;
#[allow(dead_code)]
#[path = "../lab/proxy.rs"]
mod proxy;
mod random;
mod recordings;
mod share;
mod stories;
#[path = "../common/story.rs"]
mod story;
mod trouble;
