//! What needs proxies and browsers of others, which Debian's packages install.

#[path = "../common/mod.rs"]
mod common;

mod lab;
#[path = "../pure/verdict/model.rs"]
mod model;
mod page;
#[path = "../common/story.rs"]
mod story;
