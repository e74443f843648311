//! From the start to the end, and once more.

use std::time::{Duration, Instant};

use sse_argo_tester::client::{Arrival, Ending};
use sse_argo_tester::tunnel::cloudflared::TunnelError;
use sse_argo_tester::tunnel::public::{Pace, PublicError, wait};

use super::{NAME, Stage, TOKEN, connected, ended, events, is_closed, port_of};
use crate::common::{Origin, PATIENCE};

/// How long a stop may take on a busy machine; what is not killed after 2 s would take 30 s.
const STOP_MAX: Duration = Duration::from_secs(10);

const PACE: Pace = Pace { first: Duration::ZERO, pause: Duration::from_millis(50), within: PATIENCE };

#[test]
fn a_quick_tunnel_leads_to_the_origin_until_it_is_stopped() {
    let origin = Origin::start();
    let stage = Stage::quick(origin.address.port());
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    assert!(url.as_str().starts_with(&format!("https://{NAME}:")), "{url}");
    assert!(cloudflared.serves(&url));

    let client = stage.client(&url);
    let request = events(&url, "?count=2&interval=1ms");
    wait(&client, &request, PACE, &stage.deadline(), &|| cloudflared.serves(&url), &mut |_| ()).unwrap();
    let mut response = client.session().open(&request).unwrap();
    assert_eq!(response.head.status, 200);
    let mut text = String::new();
    let ending = loop {
        match response.body.read() {
            Arrival::Bytes(_, bytes) => text += &String::from_utf8(bytes).unwrap(),
            Arrival::End(_, ending) => break ending,
        }
    };
    assert_eq!(ending, Ending::Clean);
    assert!(text.contains("trycloudflare.com") && text.contains("id: 2\n"), "{text}");

    cloudflared.stop(&stage.stop);
    assert!(is_closed(port_of(&url)), "nothing is left of it");
}

#[test]
fn a_named_tunnel_has_the_users_name_and_a_token_that_is_told_to_nobody() {
    let origin = Origin::start();
    let stage = Stage::named(origin.address.port()).with("TUNNEL_TOKEN", TOKEN);
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    assert!(url.as_str().starts_with(&format!("https://{NAME}:")), "{url}");
    let ended = stage.kill(&cloudflared, &url);
    let told = ended.last.join("\n");
    assert!(told.contains("token:[token]") && !told.contains(&TOKEN[..20]), "{told}");
}

#[test]
fn one_that_dies_is_told_of_and_started_again() {
    let origin = Origin::start();
    let stage = Stage::quick(origin.address.port());
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    let ended = stage.kill(&cloudflared, &url);
    assert_eq!((ended.status.as_str(), ended.retry), ("exit status: 2", Some(Duration::from_secs(1))));
    let text = ended.to_string();
    assert!(text.contains("nil pointer") && text.ends_with("it is started again in 1s"), "{text}");
    assert!(!cloudflared.serves(&url));

    let again = connected(&cloudflared);
    assert_ne!(again, url, "it is another tunnel");
    assert!(cloudflared.serves(&again) && !cloudflared.serves(&url));
    drop(cloudflared);
    assert!(is_closed(port_of(&url)) && is_closed(port_of(&again)));
}

#[test]
fn a_tunnel_that_is_gone_is_not_waited_for() {
    let origin = Origin::start();
    let stage = Stage::quick(origin.address.port());
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    let client = stage.client(&url);
    let error = wait(&client, &events(&url, ""), PACE, &stage.deadline(), &|| false, &mut |_| ()).unwrap_err();
    assert!(matches!(error, PublicError::Outdated(_)), "{error:?}");
}

#[test]
fn one_that_does_not_hear_is_killed() {
    let stage = Stage::quick(1).mode("deaf");
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    let begun = Instant::now();
    cloudflared.stop(&stage.stop);
    assert!(begun.elapsed() < STOP_MAX, "{:?}", begun.elapsed());
    assert!(is_closed(port_of(&url)));
}

#[test]
fn an_open_stream_does_not_hold_the_end_up() {
    let origin = Origin::start();
    let stage = Stage::quick(origin.address.port());
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    let mut response = stage.client(&url).session().open(&events(&url, "")).unwrap();
    assert!(matches!(response.body.read(), Arrival::Bytes(..)));
    let begun = Instant::now();
    cloudflared.stop(&stage.stop);
    assert!(begun.elapsed() < STOP_MAX, "{:?}", begun.elapsed());
    assert!(is_closed(port_of(&url)));
}

#[test]
fn a_stop_ends_every_wait() {
    let stage = Stage::quick(1).mode("unready");
    let cloudflared = stage.start();
    stage.stop.trigger();
    let error = cloudflared.wait_ready(PATIENCE, &mut |_| ()).unwrap_err();
    assert!(matches!(error, TunnelError::Stopped), "{error:?}");

    // Between two starts, too: nothing is started any more.
    let stage = Stage::quick(1).mode("fails:1");
    let cloudflared = stage.start();
    assert_eq!(ended(&cloudflared).retry, Some(Duration::from_secs(1)));
    stage.stop.trigger();
    assert!(cloudflared.events().recv_timeout(PATIENCE).is_err_and(|error| !error.is_timeout()), "it is over");
}

#[test]
fn a_tunnel_that_holds_answers_to_get_back_lets_post_pass() {
    let origin = Origin::start();
    let stage = Stage::quick(origin.address.port()).mode("hold");
    let cloudflared = stage.start();
    let url = connected(&cloudflared);
    let client = stage.client(&url);
    let begun = Instant::now();
    let mut held = client.session().open(&events(&url, "?count=2&interval=300ms")).unwrap();
    assert_eq!(held.head.status, 200, "the head comes at once");
    assert!(
        matches!(held.body.read(), Arrival::Bytes(at, _) if at - begun >= Duration::from_millis(600)),
        "the body with its end"
    );
    let mut post = events(&url, "");
    post.method = "POST".to_owned();
    let mut streamed = client.session().open(&post).unwrap();
    assert!(matches!(streamed.body.read(), Arrival::Bytes(..)), "its end is far");
}
