//! Answers of a public URL that are none of the origin's.

use std::time::Duration;

use sse_argo_tester::client::{Client, Redirects, Request, Settings};
use sse_argo_tester::shutdown::{Deadline, Stop};
use sse_argo_tester::tunnel::public::{Pace, PublicError, wait};

use crate::common::raw::{Raw, response};
use crate::common::{Origin, PATIENCE};

const QUICK: Duration = Duration::from_millis(10);

/// Waits for a server that gives `answers`, and then none.
fn wait_for(answers: &[String], within: Duration) -> (Result<(), PublicError>, Vec<String>) {
    let server = Raw::new();
    let request = Request::event_stream(&server.url(), None, &[], None);
    let mut told = Vec::new();
    let client = Client::new(&Settings { redirects: Redirects::Return, ..Settings::default() }).unwrap();
    let pace = Pace { first: Duration::ZERO, pause: QUICK, within };
    let deadline = Deadline::new(&Stop::new().unwrap(), None);
    let result = std::thread::scope(|scope| {
        scope.spawn(|| answers.iter().for_each(|answer| drop(server.answer(answer))));
        wait(&client, &request, pace, &deadline, &|| true, &mut |text| told.push(text.to_owned()))
    });
    (result, told)
}

fn cloudflare(status: &str, body: &str) -> String {
    response(status, "text/plain", body).replacen(
        "\r\n",
        "\r\nServer: cloudflare\r\nCf-Ray: 8a-TST\r\nConnection: close\r\n",
        1,
    )
}

fn ours() -> String {
    response("200 OK", "application/json", "{\"server\":\"sse-argo-tester/9\",\"now_us\":1}")
}

#[test]
fn it_waits_through_what_passes() {
    let down = cloudflare("530 <none>", "error code: 1033");
    let broken = cloudflare("502 Bad Gateway", "error code: 502");
    let other = response("200 OK", "application/json", "{\"server\":\"nginx\"}");
    let (result, told) = wait_for(&[down, broken, other, ours()], PATIENCE);
    result.unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("waiting for http://127.0.0.1:")
            && told[0].contains("530, Cloudflare can't reach the tunnel"),
        "{told:?}"
    );
    assert!(told[1].contains("502, "), "{told:?}");
    assert!(told[2].contains("200, JSON"), "{told:?}");
}

#[test]
fn it_says_what_answered_last() {
    for (answer, words, advice) in [
        (cloudflare("530 <none>", "error code: 1033"), "can't reach the tunnel", "is cloudflared running"),
        (cloudflare("502 Bad Gateway", "error code: 502"), "502", "the origin's address and port"),
    ] {
        let (result, _) = wait_for(&[answer], Duration::from_secs(2));
        let error = result.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, PublicError::TimeUp(..)) && text.contains("not within 2s"), "{text}");
        assert!(text.contains(words), "{text}");
        assert!(error.advice().contains(advice), "{}", error.advice());
    }
}

#[test]
fn a_login_in_between_is_not_waited_for() {
    let login = "HTTP/1.1 302 Found\r\nServer: cloudflare\r\nLocation: https://team.cloudflareaccess.com/cdn-cgi/access/login/x\r\nContent-Length: 0\r\n\r\n";
    let (result, _) = wait_for(&[login.to_owned()], PATIENCE);
    let error = result.unwrap_err();
    assert!(matches!(error, PublicError::Refused(..)) && error.to_string().contains("Cloudflare Access"), "{error}");
    assert!(error.advice().contains("CF-Access-Client-Id"), "{}", error.advice());
}

#[test]
fn nobody_there_and_a_stop() {
    // It holds its port, and does not listen.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let request = Request::event_stream(&format!("http://127.0.0.1:{port}/events"), None, &[], None);
    let client = Client::new(&Settings::default()).unwrap();
    let stop = Stop::new().unwrap();
    let deadline = Deadline::new(&stop, None);
    let pace = Pace { first: Duration::ZERO, pause: QUICK, within: PATIENCE };
    let mut told = String::new();
    let error = wait(&client, &request, pace, &deadline, &|| true, &mut |text| {
        told = text.to_owned();
        stop.trigger();
    });
    assert!(matches!(error, Err(PublicError::Stopped)), "{error:?}");
    assert!(told.contains("Connection refused"), "{told}");
}

#[test]
fn nothing_is_asked_before_the_first_pause_is_over() {
    let origin = Origin::start();
    let request = Request::event_stream(&format!("http://{}/events", origin.address), None, &[], None);
    let client = Client::new(&Settings::default()).unwrap();
    let deadline = Deadline::new(&Stop::new().unwrap(), Some(Duration::from_millis(50)));
    let pace = Pace { first: PATIENCE, ..Pace::default() };
    let error = wait(&client, &request, pace, &deadline, &|| true, &mut |_| panic!("nothing is there to tell"));
    assert!(matches!(error, Err(PublicError::TimeUp(_, _, None))), "{error:?}");
}
