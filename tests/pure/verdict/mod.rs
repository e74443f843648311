//! The verdict, proven on a model of the path.

mod matrix;
mod model;
mod random;
mod stories;
