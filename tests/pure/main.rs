//! What needs no process and no socket: rules, words, and the source itself.

mod architecture;
mod impair;
mod judge;
mod reasoning;
mod report;
mod source;
mod stories;
#[path = "../common/story.rs"]
mod story;
mod verdict;
