//! Lines that cloudflared really prints, of several versions, and what they mean.

use super::*;
use crate::tunnel::line::readable;

const LINES: [(&str, Option<Problem>); 42] = [
    // Nothing is wrong.
    (
        "2026-09-21T19:45:14Z INF Thank you for trying Cloudflare Tunnel. Doing so, without a Cloudflare account, is a quick way to experiment and try it out. However, be aware that these account-less Tunnels have no uptime guarantee, are subject to the Cloudflare Online Services Terms of Use (https://www.cloudflare.com/website-terms/), and Cloudflare reserves the right to investigate your use of Tunnels for violations of such terms.",
        None,
    ),
    ("2026-09-21T19:45:14Z INF Requesting new quick Tunnel on trycloudflare.com...", None),
    (
        "2026-09-21T19:45:20Z INF |  Your quick Tunnel has been created! Visit it at (it may take some time to be reachable):  |",
        None,
    ),
    (
        "2026-09-21T19:45:20Z INF |  https://monitored-poultry-favor-characteristic.trycloudflare.com                          |",
        None,
    ),
    ("2026-09-21T19:45:20Z ERR Configuration file /dev/null was empty", None),
    (
        "2026-09-21T19:45:20Z INF Cannot determine default configuration path. No file [config.yml config.yaml] in [~/.cloudflared ~/.cloudflare-warp ~/cloudflare-warp /etc/cloudflared /usr/local/etc/cloudflared]",
        None,
    ),
    (
        "2023-08-04T09:12:01Z ERR Cannot determine default origin certificate path. No file cert.pem in [~/.cloudflared ~/.cloudflare-warp ~/cloudflare-warp /etc/cloudflared /usr/local/etc/cloudflared]. You need to specify the origin certificate path by specifying the origincert option in the configuration file, or set TUNNEL_ORIGIN_CERT environment variable originCertPath=",
        None,
    ),
    ("2026-08-05T03:20:13Z INF Initial protocol quic", None),
    ("2026-08-05T03:20:13Z INF Starting metrics server on 127.0.0.1:20241/metrics", None),
    (
        "2026-08-05T03:20:13Z INF Tunnel connection curve preferences: [X25519MLKEM768 CurveID(65074) CurveP256] connIndex=0 event=0 ip=198.41.200.13",
        None,
    ),
    (
        "2026-08-05T03:20:14Z INF Registered tunnel connection connIndex=0 connection=feded4ec-2488-4c31-a627-e1f37908c834 event=0 ip=198.41.200.13 location=lax01 protocol=quic",
        None,
    ),
    (
        r#"{"connIndex":0,"connection":"0131df48-0000-0000-0000-000000000000","event":0,"ip":"198.41.200.23","level":"info","location":"lhr13","message":"Registered tunnel connection","protocol":"quic","time":"2026-09-21T19:45:31Z"}"#,
        None,
    ),
    (
        "2026-08-05T03:20:14Z WRN The user running cloudflared process has a GID (group ID) that is not within ping_group_range. You might need to add that user to a group within that range, or instead update the range to encompass a group the user is already in by modifying /proc/sys/net/ipv4/ping_group_range. Otherwise cloudflared will not be able to ping this network",
        None,
    ),
    (
        "2026-08-05T03:20:23Z INF |  UDP Connectivity  region1.v2.argotunnel.com  PASS    QUIC connection successful              |",
        None,
    ),
    ("2022-04-26T13:19:06Z INF Initiating graceful shutdown due to signal terminated ...", None),
    // Quick tunnels.
    (
        r#"2026-05-29T09:25:34Z ERR Error unmarshaling QuickTunnel response: error code: 1015 error="invalid character 'e' looking for beginning of value" status_code="429 Too Many Requests""#,
        Some(RateLimited),
    ),
    (
        r#"{"level":"error","error":"invalid character 'e' looking for beginning of value","status_code":"429 Too Many Requests","time":"2026-05-29T09:25:34Z","message":"Error unmarshaling QuickTunnel response: error code: 1015"}"#,
        Some(RateLimited),
    ),
    ("quick tunnel provisioning failed with status 429: error code: 1015", Some(RateLimited)),
    (
        r#"2026-05-09T16:02:05Z ERR Error unmarshaling QuickTunnel response: error code: 1101 error="invalid character 'e' looking for beginning of value" status_code="500 Internal Server Error""#,
        Some(ServiceDown),
    ),
    ("failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value", Some(ServiceDown)),
    ("failed to parse quick Tunnel ID: invalid UUID length: 0", Some(ServiceDown)),
    ("quick tunnel provisioning failed with status 403", Some(ServiceDown)),
    (
        r#"failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": dial tcp: lookup api.trycloudflare.com on 127.0.0.11:53: no such host"#,
        Some(Dns),
    ),
    (
        r#"failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": dial tcp: lookup api.trycloudflare.com on 192.168.1.1:53: read udp 192.168.1.5:40302->192.168.1.1:53: i/o timeout"#,
        Some(Dns),
    ),
    (
        r#"failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": dial tcp 176.53.43.44:443: connect: connection refused"#,
        Some(ServiceUnreachable),
    ),
    (
        r#"failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": context deadline exceeded (Client.Timeout exceeded while awaiting headers)"#,
        Some(ServiceUnreachable),
    ),
    (
        r#"failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": tls: failed to verify certificate: x509: certificate signed by unknown authority"#,
        Some(Intercepted),
    ),
    (
        r#"2026-09-22T08:00:00Z ERR Register tunnel error from server side error="Unauthorized: Tunnel not found" connIndex=0 event=0 ip=198.41.192.77"#,
        Some(TunnelGone),
    ),
    // Named tunnels.
    ("Provided Tunnel token is not valid.", Some(TokenRefused)),
    (
        r#"2021-08-02T13:44:44Z ERR Register tunnel error from server side error="Unauthorized: Invalid tunnel secret" connIndex=0"#,
        Some(TokenRefused),
    ),
    (
        r#"2024-09-11T21:31:09Z ERR Register tunnel error from server side error="Unauthorized: Failed to get tunnel" connIndex=0 event=0 ip=198.41.192.77"#,
        Some(TokenRefused),
    ),
    (
        r#""cloudflared tunnel run" requires the ID or name of the tunnel to run as the last command line argument or in the configuration file."#,
        Some(NoToken),
    ),
    (
        "error parsing tunnel ID: Error locating origin cert: client didn't specify origincert path",
        Some(OriginCertificate),
    ),
    (
        "2024-01-01T00:00:00Z WRN No ingress rules were defined in provided config (if any) nor from the cli, cloudflared will return 503 for all incoming HTTP requests",
        Some(NoRoute),
    ),
    (
        r#"2022-04-26T14:21:59Z ERR  error="Unable to reach the origin service. The service may be down or it may not be responding to traffic from cloudflared: EOF" cfRay=701ff7ce7840a3af-MRS ingressRule=0 originService=http://localhost:8080"#,
        Some(OriginDown),
    ),
    // Both.
    ("Incorrect Usage: flag provided but not defined: -metrics", Some(UnknownOption)),
    (
        "error parsing YAML in config file at /home/u/.cloudflared/config.yml: yaml: line 4: did not find expected '-' indicator",
        Some(Configuration),
    ),
    (
        r#"2026-10-03T12:00:00Z ERR Error opening metrics server listener error="listen tcp 127.0.0.1:20300: bind: address already in use""#,
        Some(MetricsPort),
    ),
    (
        r#"{"connIndex":0,"error":"failed to dial to edge with quic: timeout: no recent network activity","event":0,"ip":"198.41.200.33","level":"error","message":"Failed to dial a quic connection","time":"2026-07-23T07:15:56Z"}"#,
        Some(QuicBlocked),
    ),
    (
        "2022-04-26T13:57:23Z WRN If this log occurs persistently, and cloudflared is unable to connect to Cloudflare Network with `quic` protocol, then most likely your machine/network is getting its egress UDP to port 7844 (or others) blocked or dropped. Make sure to allow egress connectivity as per https://developers.cloudflare.com/cloudflare-one/connections/connect-apps/configuration/ports-and-ips/",
        Some(QuicBlocked),
    ),
    (
        r#"2022-12-07T07:52:13Z ERR Unable to establish connection with Cloudflare edge error="DialContext error: dial tcp 198.41.200.13:7844: i/o timeout" connIndex=0 ip=198.41.200.13"#,
        Some(EdgeUnreachable),
    ),
    (
        r#"2026-07-23T07:15:57Z ERR Failed to initialize DNS local resolver error="lookup region1.v2.argotunnel.com: i/o timeout""#,
        Some(Dns),
    ),
];

#[test]
fn lines_tell_of_problems() {
    for (line, problem) in LINES {
        assert_eq!(Problem::of_line(&readable(line)), problem, "{line}");
    }
}

#[test]
fn each_problem_is_explained() {
    for (_, problem) in MARKS {
        assert!(!problem.advice().is_empty() && !problem.to_string().ends_with('.'), "{problem:?}");
    }
    assert!(QuicBlocked.advice().contains("--protocol http2"));
}

#[test]
fn the_first_cause_counts_until_there_is_a_connection() {
    let mut diary = Diary::default();
    let of = |problem, line: &str| Some(Found { problem, line: line.to_owned() });
    let down = "failed to unmarshal quick Tunnel: invalid character";
    assert_eq!(diary.read(down), of(ServiceDown, down));
    assert_eq!(diary.read(down), None, "it is told once");
    let limited = "status_code=\"429 Too Many Requests\"";
    assert_eq!(diary.read(limited), of(RateLimited, limited));
    assert_eq!(diary.read("Failed to dial a quic connection").map(|found| found.problem), Some(QuicBlocked));
    assert_eq!(diary.cause().map(|found| found.problem), Some(RateLimited));
    assert_eq!(diary.read("2026-08-05T03:20:14Z INF Registered tunnel connection connIndex=0"), None);
    assert_eq!(diary.cause(), None);
    assert_eq!(diary.read(down), of(ServiceDown, down));
}
