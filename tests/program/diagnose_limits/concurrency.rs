use std::collections::BTreeMap;
use std::thread;

use sse_argo_tester::diagnose::concurrency::{Crowd, STREAMS, measure};

use super::{Asking, events, proxy};
use crate::common::Origin;
use crate::common::relay::{Impairment, Relay};

fn crowd(url: &str) -> Crowd {
    let Asking { client, request, limits } = Asking::of(url);
    measure(&client, &request, STREAMS, &limits).unwrap()
}

#[test]
fn a_path_passes_all_or_refuses_some_or_keeps_some_back() {
    let origin = Origin::start();
    thread::scope(|scope| {
        scope.spawn(|| {
            let all = Crowd { asked: STREAMS, at_once: STREAMS, ..Crowd::default() };
            assert_eq!(crowd(&events(&proxy(&origin, ""))), all);
            assert_eq!(crowd(&events(&proxy(&origin, "hold-until-close"))), all, "lumps are none of its business");
        });
        scope.spawn(|| {
            let few = Origin::proxy(&events(&origin), &["--max-connections", "10"]);
            let refused = BTreeMap::from([(503, STREAMS - 10)]);
            assert_eq!(crowd(&events(&few)), Crowd { asked: STREAMS, at_once: 10, refused, ..Crowd::default() });
        });
        scope.spawn(|| {
            let relay = Relay::start(origin.address, Impairment::Abreast(6));
            let kept_back = Crowd { asked: STREAMS, at_once: 6, kept_back: STREAMS - 6, ..Crowd::default() };
            assert_eq!(crowd(&relay.url("/events")), kept_back);
        });
        scope.spawn(|| {
            let closed = Crowd { asked: STREAMS, failed: STREAMS, ..Crowd::default() };
            assert_eq!(crowd("http://127.0.0.1:1/events"), closed);
        });
    });
}
