//! What goes wrong, each told in a sentence, with what to try.

use std::time::Duration;

use sse_argo_tester::tunnel::cloudflared::{Cloudflared, Tunnel, TunnelError};
use sse_argo_tester::tunnel::problem::Problem;

use super::{Stage, TOKEN, ended};
use crate::common::PATIENCE;

/// What it says before it ends, what that means, and words of the sentence and of the advice.
const LAST_WORDS: [(&str, Problem, &str, &str); 5] = [
    (
        "2026-05-29T09:25:34Z ERR Error unmarshaling QuickTunnel response: error code: 1015 error=\"invalid character 'e' looking for beginning of value\" status_code=\"429 Too Many Requests\"\nfailed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value",
        Problem::RateLimited,
        "no more quick tunnels for now (429)",
        "named tunnel",
    ),
    (
        "quick tunnel provisioning failed with status 429: error code: 1015",
        Problem::RateLimited,
        "no more quick tunnels for now (429)",
        "wait for an hour",
    ),
    (
        "failed to request quick Tunnel: Post \"https://api.trycloudflare.com/tunnel\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
        Problem::Intercepted,
        "isn't Cloudflare's",
        "virus scanner",
    ),
    (
        "error parsing YAML in config file at /home/u/.cloudflared/config.yml: yaml: line 4: did not find expected '-' indicator",
        Problem::Configuration,
        "/home/u/.cloudflared/config.yml",
        "repair it",
    ),
    (
        "error parsing tunnel ID: Error locating origin cert: client didn't specify origincert path",
        Problem::OriginCertificate,
        "cloudflared login",
        "TUNNEL_TOKEN",
    ),
];

#[test]
fn what_lasts_is_told_at_once_and_not_tried_again() {
    for (says, problem, sentence, advice) in LAST_WORDS {
        let stage = Stage::quick(1).mode("fails:1").with("STAND_IN_SAYS", says);
        let error = stage.fail();
        let TunnelError::Problem(found) = &error else { panic!("{error:?}") };
        assert_eq!(found.problem, problem);
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(error.advice().contains(advice), "{}", error.advice());

        let cloudflared = stage.start();
        let ended = ended(&cloudflared);
        assert_eq!((ended.status.as_str(), ended.retry), ("exit status: 1", None));
        assert!(ended.to_string().contains(sentence), "{ended}");
        assert!(cloudflared.events().recv_timeout(PATIENCE).is_err_and(|error| !error.is_timeout()), "that is all");
    }
}

#[test]
fn what_passes_is_tried_again() {
    let says = "failed to request quick Tunnel: Post \"https://api.trycloudflare.com/tunnel\": dial tcp: lookup api.trycloudflare.com on 127.0.0.11:53: no such host";
    let stage = Stage::quick(1).mode("fails:1").with("STAND_IN_SAYS", says);
    let cloudflared = stage.start();
    let mut told = Vec::new();
    let error = cloudflared.wait_ready(Duration::from_secs(3), &mut |text| told.push(text.to_owned())).unwrap_err();
    let TunnelError::NotReady { found: Some(found), .. } = &error else { panic!("{error:?}") };
    assert_eq!(found.problem, Problem::Dns);
    let told = told.join("\n");
    assert!(told.contains("names can't be resolved") && told.contains("it is started again in 1s"), "{told}");
    assert!(error.to_string().contains("did not within 3s"), "{error}");
}

#[test]
fn tokens_that_are_no_good() {
    let of = |stage: Stage| {
        let error = stage.fail();
        let TunnelError::Problem(found) = &error else { panic!("{error:?}") };
        (found.problem, error.advice())
    };
    let (problem, advice) = of(Stage::named(1).with("TUNNEL_TOKEN", "abc"));
    assert!(problem == Problem::TokenRefused && advice.contains("copy the whole token again"), "{problem:?} {advice}");
    let (problem, advice) = of(Stage::named(1));
    assert!(problem == Problem::NoToken && advice.contains("set TUNNEL_TOKEN"), "{problem:?} {advice}");

    // Cloudflare refuses it, and cloudflared tries on and on.
    let says = "2021-08-02T13:44:44Z ERR Register tunnel error from server side error=\"Unauthorized: Invalid tunnel secret\" connIndex=0";
    let stage = Stage::named(1).with("TUNNEL_TOKEN", TOKEN).with("STAND_IN_SAYS", says).mode("unready");
    assert_eq!(of(stage).0, Problem::TokenRefused);
}

#[test]
fn an_option_that_it_does_not_know() {
    let mut stage = Stage::quick(1);
    stage.settings.args = vec!["--from-the-future".into()];
    let error = stage.fail();
    let text = error.to_string();
    assert!(text.contains("doesn't know an option") && text.contains("not defined: -from-the-future"), "{text}");
    assert!(error.advice().contains("update cloudflared"), "{}", error.advice());
}

#[test]
fn one_that_never_gets_connected() {
    let says = "{\"connIndex\":0,\"error\":\"failed to dial to edge with quic: timeout: no recent network activity\",\"level\":\"error\",\"message\":\"Failed to dial a quic connection\"}";
    let stage = Stage::quick(1).mode("unready").with("STAND_IN_SAYS", says);
    let cloudflared = stage.start();
    let mut told = Vec::new();
    let error = cloudflared.wait_ready(Duration::from_secs(3), &mut |text| told.push(text.to_owned())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("did not within 3s: QUIC doesn't get through"), "{text}");
    assert!(error.advice().contains("--protocol http2"), "{}", error.advice());
    assert_eq!(told.len(), 1, "it is told once: {told:?}");
}

#[test]
fn one_that_does_not_tell_its_name() {
    let error = Stage::quick(1).mode("nameless").fail();
    assert!(matches!(error, TunnelError::NoName) && error.advice().contains("update"), "{error:?}");
}

#[test]
fn one_that_is_not_there() {
    let mut stage = Stage::quick(1);
    stage.settings.program = "no-such-cloudflared".into();
    let error = Cloudflared::start(stage.settings, &stage.stop).unwrap_err();
    assert_eq!(error.to_string(), "start no-such-cloudflared: there is no such program, or it can't be executed");
    for system in ["apt ", "dnf ", "pacman ", "brew ", "Raspberry Pi", "cloudflare/cloudflared", "--cloudflared PATH"] {
        assert!(error.advice().contains(system), "{system}");
    }
}

#[test]
fn one_that_can_not_be_executed() {
    let mut stage = Stage::new(Tunnel::Quick { origin: 1 });
    let program = stage.file("cloudflared");
    // Written by another process, so that nothing here has it open while others fork.
    let made = format!("printf '\\177ELFother' > {0} && chmod +x {0}", program.display());
    assert!(std::process::Command::new("sh").args(["-c", &made]).status().unwrap().success());
    stage.settings.program = program;
    let error = stage.start().wait_ready(PATIENCE, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("it can't be executed") && error.advice().contains("uname -m"), "{error}");
}
