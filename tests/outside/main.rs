//! What needs proxies and browsers of others, which Debian's packages install.

#[path = "../common/mod.rs"]
mod common;

mod lab;
mod page;
#[path = "../common/story.rs"]
mod story;
