//! Targets over TLS.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::proxy_with;
use crate::common::raw::{CHUNKED, CLOSED, LAST, chunk};

const NAME: &str = "sse.example";

/// What a server needs, and the certificate of who has signed its own.
fn credentials() -> (Arc<ServerConfig>, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    (Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap()), authority.pem())
}

/// A server of one connection that sends `response`, and leaves with or without a word.
fn serve(config: Arc<ServerConfig>, response: Vec<u8>, with_a_word: bool) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let socket = listener.accept().unwrap().0;
        let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_exact(&mut byte).is_err() {
                return String::new();
            }
            head.push(byte[0]);
        }
        stream.write_all(&response).unwrap();
        if with_a_word {
            stream.conn.send_close_notify();
        }
        stream.flush().unwrap();
        String::from_utf8(head).unwrap()
    });
    (port, serving)
}

#[test]
fn streams_over_tls_and_their_ends() {
    let (config, authority) = credentials();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("authority.pem");
    std::fs::write(&file, authority).unwrap();
    let closed = [CLOSED.as_bytes(), b"data: a\n\n"].concat();
    for (response, with_a_word, whole) in [
        ([CHUNKED.into(), chunk("data: a\n\n"), LAST.into()].concat(), true, true),
        ([CHUNKED.into(), chunk("data: a\n\n")].concat(), true, false),
        (closed.clone(), true, true),
        (closed, false, false),
    ] {
        let (port, serving) = serve(Arc::clone(&config), response, with_a_word);
        let resolve = format!("{NAME}:{port}:127.0.0.1");
        let args = ["--cacert", file.to_str().unwrap(), "--resolve", &resolve];
        let proxy = proxy_with(&format!("https://{NAME}:{port}/sse"), &args);
        let mut client = proxy.open("/events").0;
        assert_eq!(client.read_chunk().unwrap().bytes, b"data: a\n\n");
        if whole {
            assert!(client.read_chunk().is_none(), "the end is passed on");
        } else {
            assert!(client.is_at_end(), "there is no end");
        }
        assert!(serving.join().unwrap().contains(&format!("host: {NAME}:{port}")));
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_told() {
    let (config, _) = credentials();
    let (port, serving) = serve(Arc::clone(&config), Vec::new(), true);
    let proxy = proxy_with(&format!("https://localhost:{port}/sse"), &["-4"]);
    let (head, body) = proxy.fetch("/events");
    assert!(head.status == 502 && body.contains("set up TLS with") && body.contains("-k"), "{body}");
    assert_eq!(serving.join().unwrap(), "", "nothing is asked of it");
    let (port, serving) = serve(config, [CHUNKED.as_bytes(), LAST.as_bytes()].concat(), true);
    let insecure = proxy_with(&format!("https://localhost:{port}/sse"), &["-4", "-k"]);
    assert!(insecure.open("/events").0.read_chunk().is_none());
    serving.join().unwrap();
}
