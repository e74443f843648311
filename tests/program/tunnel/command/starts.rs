//! What is in the way of a start: each has its sentence, what to try, and its exit code.

use super::{Set, TOKEN};
use crate::common::program::Program;

/// Runs it, and returns what it said; it printed nothing.
fn fails(set: &Set, code: i32, args: &[&str]) -> String {
    failed(set, set.start(args), code)
}

fn failed(set: &Set, program: Program, code: i32) -> String {
    let finished = set.finish(program);
    let said = finished.said();
    assert_eq!((finished.code, finished.out.as_slice()), (Some(code), &[][..]), "{said}");
    said
}

/// What cloudflared says before it ends, and words of what is said of it.
const LAST_WORDS: [(&str, [&str; 2]); 4] = [
    (
        "Error unmarshaling QuickTunnel response: error code: 1015 status_code=\"429 Too Many Requests\"",
        ["no more quick tunnels for now (429)", "wait for an hour"],
    ),
    (
        "failed to request quick Tunnel: Post \"https://api.trycloudflare.com/tunnel\": dial tcp: lookup api.trycloudflare.com: no such host",
        ["names can't be resolved", "is there a connection to the internet"],
    ),
    (
        "error parsing YAML in config file at /home/u/.cloudflared/config.yml: yaml: line 4",
        ["/home/u/.cloudflared/config.yml", "repair it"],
    ),
    (
        "panic: something that nobody knows",
        ["did not within 2s, and ended by itself", "panic: something that nobody knows"],
    ),
];

#[test]
fn one_that_ends() {
    let sets: Vec<Set> =
        LAST_WORDS.iter().map(|(says, _)| Set::new().mode("fails:1").with("STAND_IN_SAYS", says)).collect();
    let programs: Vec<Program> = sets.iter().map(|set| set.start(&["--ready-timeout", "2s"])).collect();
    for ((set, program), (_, parts)) in sets.iter().zip(programs).zip(LAST_WORDS) {
        let said = failed(set, program, 3);
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
    }
}

#[test]
fn as_json_it_is_an_object_too() {
    let set = Set::new();
    let finished = set.finish(Program::by(set.command(&["--cloudflared", "no-such-program", "--json"])));
    let json: serde_json::Value = serde_json::from_str(&finished.out.join("")).unwrap();
    assert_eq!((finished.code, &json["schema"], &json["tunnel"]), (Some(3), &1.into(), &serde_json::Value::Null));
    assert!(json["error"].as_str().unwrap().contains("there is no such program"), "{json}");
}

#[test]
fn one_that_is_not_installed() {
    let set = Set::new();
    let said = failed(&set, Program::by(set.command(&["--cloudflared", "no-such-program"])), 3);
    for part in ["start no-such-program: there is no such program", "apt install", "--cloudflared PATH"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn one_that_does_not_know_an_option() {
    let said = fails(&Set::new(), 3, &["--", "--from-the-future"]);
    assert!(said.contains("doesn't know an option") && said.contains("update cloudflared"), "{said}");
}

#[test]
fn what_stands_behind_two_dashes_is_handed_over() {
    let set = Set::new().mode("nameless");
    let said = fails(&set, 3, &["--log-level", "debug", "--", "--label", "a word"]);
    assert!(said.contains("cloudflared: info: label=a word"), "{said}");
    assert!(said.contains("it does not tell") && said.contains("too old"), "{said}");
}

#[test]
fn one_that_never_gets_connected() {
    let said = fails(&Set::new().mode("unready"), 3, &["--ready-timeout", "2s"]);
    assert!(said.contains("wait for cloudflared to connect: it did not within 2s"), "{said}");
}

#[test]
fn a_url_that_never_works() {
    let set = Set::new();
    let elsewhere = format!("{}:127.0.0.2", set.host());
    let said = fails(&set, 3, &["--ready-timeout", "6s", "--resolve", &elsewhere]);
    assert!(said.contains("waiting for https://") && said.contains("the last answer: "), "{said}");
    assert!(said.contains("Connection refused") && said.contains("not within "), "{said}");
}

#[test]
fn tokens_that_are_no_good() {
    let refused = Set::new().with("TUNNEL_TOKEN", "abc");
    let said = fails(&refused, 3, &["--hostname", &refused.host()]);
    assert!(said.contains("Cloudflare doesn't accept the token") && said.contains("copy the whole token"), "{said}");

    let missing = Set::new();
    let said = fails(&missing, 2, &["--hostname", &missing.host()]);
    assert!(said.contains("set TUNNEL_TOKEN, or TUNNEL_TOKEN_FILE"), "{said}");

    let shown = Set::new();
    let said = fails(&shown, 2, &["--hostname", &shown.host(), "--", "run", "--token", TOKEN]);
    assert!(said.contains("set TUNNEL_TOKEN instead") && !said.contains(TOKEN), "{said}");
}

#[test]
fn a_port_that_is_taken() {
    let set = Set::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let said = fails(&set, 3, &["--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(said.contains("Address already in use"), "{said}");
}

#[test]
fn what_can_not_be_meant() {
    let set = Set::new();
    for (args, part) in [
        (&["https://h"][..], "unexpected argument"),
        (&["--public-url", "https://h"], "leave --cloudflared out"),
        (&["--hostname", "https://h", "--", "run", "name"], "--hostname is a name"),
        (&["--protocol", "tcp"], "auto, quic, http2 and both"),
        (&["--", "-token", "x"], "a token on the command line"),
        (&["--", "--metrics=127.0.0.1:1"], "--metrics of cloudflared is set"),
        (&["--", "run", "name"], "give its public name with --hostname"),
        (&["--ready-timeout", "5"], "with its unit"),
        (&["--listen", "[::1]:0"], "a quick tunnel leads to 127.0.0.1"),
        (&["--report", "/no-such-folder/r.html"], "write /no-such-folder/r.html"),
        (&["-X", "HEAD"], "asks for no events"),
    ] {
        let said = fails(&set, 2, args);
        assert!(said.contains(part), "{args:?}: {said}");
    }
}
