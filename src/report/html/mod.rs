//! Reports as pages to be passed on: everything in one file, no script, nothing fetched.
//!
//! A page is HTML that is well-formed XML as well. Whatever a server said is text in it. What may be a secret is left out:
//! credentials in URLs, values of cookies and of fields that carry tokens. It takes less than 1 MB.

pub(super) mod diagnosis;
mod figure;
mod markup;
mod matrix;
mod parts;
mod probe;
mod secrets;
mod sections;
mod shell;

pub use probe::html;
