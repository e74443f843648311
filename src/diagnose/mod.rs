//! What a path does to streams that are quiet for long, that their clients leave, or that are many at a time.
//!
//! Each measurement asks an origin of ours for streams of its own, through the path, and for what it has seen of them.

pub mod crowd;
pub mod leaving;
pub mod patience;
mod reading;
