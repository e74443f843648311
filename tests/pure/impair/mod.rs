//! What a path does to a stream on purpose, with given times.

mod cures;
mod endings;
mod holds;
mod profiles;
mod properties;
mod specs;
mod story;
