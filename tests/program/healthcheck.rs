//! `healthcheck`, through the real program: what counts as well, and what is said of the rest.

use std::process::{Command, Output};

use crate::common::Origin;
use crate::common::raw::{Raw, field, response};

fn check(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse-argo-tester"));
    // Nobody may come between: a proxy that is not there would make every check fail.
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
    command.arg("healthcheck").args(args).output().unwrap()
}

/// Checks, while `server` answers.
fn check_answered(server: Raw, answer: impl AsRef<[u8]>) -> (Output, String) {
    let url = server.url();
    let checking = std::thread::spawn(move || check(&[&url]));
    let head = server.answer(answer);
    (checking.join().unwrap(), head)
}

/// What it says of an origin that is not well, in one line.
fn trouble(output: &Output) -> &str {
    let said = std::str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty() && said.lines().count() == 1, "{said}");
    said.strip_prefix("sse-argo-tester: check the health of http://").unwrap_or_else(|| panic!("{said}"))
}

fn assert_well(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said, &output.stdout[..]), (Some(0), "", &b""[..]));
}

#[test]
fn an_origin_that_runs_is_well() {
    let origin = Origin::start();
    let address = origin.address;
    for url in [format!("http://{address}/healthz"), format!("http://{address}"), format!("{address}/events?count=1")] {
        assert_well(&check(&[&url]));
    }
}

#[test]
fn a_base_path_is_that_of_the_url() {
    let origin = Origin::with(&["--base-path", "/sse"]);
    let address = origin.address;
    assert_well(&check(&[&format!("http://{address}/sse/healthz")]));
    assert_well(&check(&[&format!("http://{address}/sse/")]));
    let elsewhere = check(&[&format!("http://{address}/healthz")]);
    let said = trouble(&elsewhere);
    for part in ["/healthz: ", "404", "base path"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_relay_is_asked_the_same_way() {
    let origin = Origin::proxy("http://127.0.0.1:1/", &[]);
    assert_well(&check(&[&format!("http://{}/", origin.address)]));
}

#[test]
fn nobody_on_the_port() {
    let port = Raw::new().port();
    let output = check(&[&format!("http://127.0.0.1:{port}/healthz")]);
    let said = trouble(&output);
    for part in [&format!("127.0.0.1:{port}/healthz: connect to "), "refused", "is the origin running"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn it_asks_once_and_plainly() {
    let server = Raw::new();
    let (output, head) = check_answered(server, response("200 OK", "text/plain", "ok\n"));
    assert_well(&output);
    assert!(head.starts_with("GET /healthz HTTP/1.1\r\n"), "{head}");
    assert!(field(&head, "accept").is_none_or(|accept| !accept.contains("event-stream")), "{head}");
}

#[test]
fn answers_that_are_not_well() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    for (answer, part) in [
        (response("404 Not Found", "text/plain", "nothing here"), "404"),
        (response("503 Service Unavailable", "text/plain", ""), "503"),
        (response("204 No Content", "text/plain", ""), "204"),
        (redirect.to_owned(), "302"),
        // A page for every path, as development servers have it, on the very port that is ours by default.
        (response("200 OK", "text/html", "<html>ok</html>"), "which program"),
        (response("200 OK", "text/plain", ""), "which program"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok".to_owned(), "cut"),
        (String::new(), "closed"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "HTTP"),
    ] {
        let (output, _) = check_answered(Raw::new(), &answer);
        let said = trouble(&output);
        assert!(said.contains(part), "{answer:?}: {said}");
    }
}

#[test]
fn a_server_that_hangs_is_not_waited_for() {
    let server = Raw::new();
    // It has not even accepted the connection, or says nothing, or does not end what it says.
    for answer in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"] {
        let url = server.url();
        let checking = std::thread::spawn(move || check(&[&url, "--max-time", "300ms"]));
        let (mut client, _) = server.request();
        client.send(answer);
        let output = checking.join().unwrap();
        let said = trouble(&output);
        assert!(said.contains("no answer within 300ms; ") && said.contains("--max-time"), "{answer:?}: {said}");
    }
}

#[test]
fn an_endless_answer_is_not_read() {
    let server = Raw::new();
    let url = server.url();
    let checking = std::thread::spawn(move || check(&[&url, "--max-time", "20"]));
    let mut client = server.stream();
    client.send("5\r\ndata:\r\n");
    assert!(trouble(&checking.join().unwrap()).contains("which program"));
}

#[test]
fn wrong_usage_is_told_from_an_origin_that_is_not_well() {
    for args in [&["http://"][..], &["ftp://localhost/"], &["--max-time", "soon"], &["--nonsense"], &["a", "b"]] {
        let output = check(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
