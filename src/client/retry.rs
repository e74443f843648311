//! When to ask again for a stream that has ended, and from where on.

use std::time::Duration;

use super::{ClientError, Ending};
use crate::escape::escaped;
use crate::units::format_duration;

/// The reconnection time until the origin sets another. The standard leaves it to the client, "probably in the region of
/// a few seconds"; this is Chrome's.
pub const RETRY: Duration = Duration::from_secs(3);

/// The shortest time before a reconnection, whatever the origin sets, so that one that ends at once is not hammered.
pub const RETRY_MIN: Duration = Duration::from_millis(100);

/// The longest time to which failures stretch it: "if the previous attempt failed, then user agents might introduce an
/// exponential backoff delay".
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Whether an error may pass, so that it is worth trying again.
pub fn is_passing(error: &ClientError) -> bool {
    use ClientError::{Connect, NoHead, Resolve, Tls};
    matches!(error, Resolve(..) | Connect(..) | Tls(..) | NoHead(..))
}

/// How long to wait before a reconnection, behind so many failures in a row.
pub fn wait_time(retry_ms: Option<u64>, failures: u32) -> Duration {
    let retry = retry_ms.map_or(RETRY, Duration::from_millis).max(RETRY_MIN);
    let stretched = retry.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    stretched.min(BACKOFF_MAX.max(retry))
}

/// What the log says of a wait before a reconnection.
pub fn announcement(time: Duration, last_event_id: &str) -> String {
    let behind = match last_event_id {
        "" => String::new(),
        id => format!(" behind the event with id {}", escaped(id)),
    };
    format!("reconnecting in {}{behind}", format_duration(time))
}

/// The value of the field that says how far a client got, if there is something to say.
pub fn field_value(last_event_id: &str) -> Option<&str> {
    if last_event_id.chars().any(|c| c.is_ascii_control() && c != '\t') {
        log::warn!("the last event ID {} can't be sent in a header field, and is left out", escaped(last_event_id));
        return None;
    }
    Some(last_event_id).filter(|id| !id.is_empty())
}

/// How a stream ended, as a sentence.
pub fn sentence(ending: &Ending) -> String {
    match ending {
        Ending::Clean => "the stream ended cleanly".to_owned(),
        Ending::Truncated => "the stream was cut: it ended in the middle of its framing".to_owned(),
        Ending::Reset => "the stream was cut: the connection was reset".to_owned(),
        Ending::Stopped => "the stream was ended here".to_owned(),
        Ending::Failed(text) => format!("the stream was cut: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnection_times_are_the_origins_stretched_by_failures() {
        let ms = |retry, failures| wait_time(retry, failures).as_millis();
        assert_eq!([ms(None, 0), ms(None, 1), ms(None, 2), ms(None, 3)], [3000, 3000, 6000, 12_000]);
        assert_eq!([ms(Some(0), 0), ms(Some(250), 0), ms(Some(250), 3)], [100, 250, 1000]);
        assert_eq!([ms(Some(250), u32::MAX), ms(Some(60_000), 5)], [30_000, 60_000]);
        assert_eq!(ms(Some(u64::MAX), 9), u128::from(u64::MAX));
    }
}
