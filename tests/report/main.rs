//! What is printed about a path: for people, for programs and for CI.

#[path = "../common/story.rs"]
mod story;

mod golden;
mod page;
mod reports;
mod safety;
mod shape;
