//! How the server begins and ends, how its clients end, and what it does when the system gives it too little.

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod hangups;
mod limits;
mod shutdown;
mod vanished;

/// An id for the query, long enough, that begins with `name`.
fn id(name: &str) -> String {
    format!("{name}-0123456789abcdef")
}

/// What follows `key=` in a log line, up to the next space.
fn value<'a>(line: &'a str, key: &str) -> &'a str {
    let rest = line.split_once(&format!(" {key}=")).unwrap_or_else(|| panic!("no {key} in {line}")).1;
    rest.split(' ').next().unwrap()
}
