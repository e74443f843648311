//! What broken and hostile clients get: a clear refusal or a close, and never an effect on anybody else.

mod bodies;
mod garbage;
mod heads;
mod parameters;
mod plans;
mod slow;
mod streams;

use crate::common::Client;

/// Reads a refusal, behind which the connection must end. Returns its status and its reason.
fn refusal(client: &mut Client) -> (u16, String) {
    let (head, reason) = client.read_response();
    assert_eq!(head.get("Connection"), Some("close"), "{}", head.text);
    assert!(client.is_at_end(), "something comes behind the refusal {reason:?}");
    assert_is_one_line(&reason);
    (head.status, reason)
}

/// Whether a text is one line that a terminal shows as it is.
fn assert_is_one_line(text: &str) {
    let line = text.strip_suffix('\n').unwrap_or_else(|| panic!("{text:?} has no end of line"));
    assert!(!line.is_empty() && line.bytes().all(|b| (0x20..0x7f).contains(&b)), "{text:?}");
}
