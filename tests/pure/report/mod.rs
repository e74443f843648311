//! What is printed about a path: for people, for programs and for CI.

mod golden;
mod page;
mod reports;
mod safety;
mod shape;
