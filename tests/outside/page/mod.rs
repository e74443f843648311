//! The page in a real browser, and what drives the browser.

mod away;
mod decoder;
mod driver;
mod foreign;
mod live;
mod looks;
mod paths;
mod share;
mod trouble;
