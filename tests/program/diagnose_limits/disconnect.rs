use std::thread;
use std::time::Duration;

use sse_argo_tester::diagnose::disconnect::{Leaving, Noticed, measure};

use super::{Asking, events, proxy};
use crate::common::Origin;
use crate::common::relay::{Impairment, Relay};

/// Of what takes a millisecond, on a busy machine.
const AT_ONCE: Duration = Duration::from_millis(900);

fn leaving(url: &str) -> Leaving {
    let Asking { client, request, limits } = Asking::of(url);
    measure(&client, &request, &limits).unwrap()
}

#[test]
fn what_the_origin_is_told_of_clients_that_leave() {
    let origin = Origin::start();
    thread::scope(|scope| {
        for path in ["", "lag=200ms"] {
            let origin = &origin;
            scope.spawn(move || {
                let told = leaving(&events(&proxy(origin, path)));
                for noticed in [told.close, told.reset, told.idle] {
                    assert!(matches!(noticed, Some(Noticed::Within(time)) if time < AT_ONCE), "{path}: {told:?}");
                }
                assert!(told.disconnect_ms().is_some_and(|ms| (0.0..900.0).contains(&ms)), "{told:?}");
                assert!(told.error.unwrap() < AT_ONCE);
            });
        }
        scope.spawn(|| {
            let told = leaving(&events(&proxy(&origin, "keep-origin-open")));
            let never = Some(Noticed::Never);
            assert_eq!((told.close, told.reset, told.idle, told.disconnect_ms()), (never, never, never, None));
        });
        scope.spawn(|| {
            let relay = Relay::start(origin.address, Impairment::Deaf);
            let told = leaving(&relay.url("/events"));
            // What is written first behind a close is answered with a reset; behind a reset, it fails.
            assert_eq!((told.close, told.reset), (Some(Noticed::AtEvent(2)), Some(Noticed::AtEvent(1))));
            assert_eq!((told.idle, told.disconnect_ms()), (Some(Noticed::Never), None));
        });
        scope.spawn(|| {
            let relay = Relay::start(origin.address, Impairment::NoQuery);
            assert_eq!(leaving(&relay.url("/events")).close, None, "the stream is not the one that was asked for");
        });
    });
}
