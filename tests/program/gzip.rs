//! Compressed streams: each event can be read as soon as it has arrived.

use std::io::Write;

use crate::common::Origin;
use flate2::write::GzDecoder;

/// A decoder that gives back all that what came so far allows.
struct Incremental(GzDecoder<Vec<u8>>);

impl Incremental {
    fn new() -> Incremental {
        Incremental(GzDecoder::new(Vec::new()))
    }

    fn feed(&mut self, bytes: &[u8]) -> String {
        self.0.write_all(bytes).unwrap();
        self.0.flush().unwrap();
        String::from_utf8(std::mem::take(self.0.get_mut())).unwrap()
    }
}

#[test]
fn each_chunk_can_be_decompressed_to_one_whole_event_when_it_arrives() {
    let origin = Origin::start();
    for size in [0, 2000, 100_000] {
        let (mut client, head) = origin.open(&format!("/events?encoding=gzip&interval=20ms&count=5&size={size}"));
        assert_eq!(head.get("Content-Encoding"), Some("gzip"));
        let mut decoder = Incremental::new();
        let hello = decoder.feed(&client.read_chunk().unwrap().bytes);
        assert!(hello.starts_with("event: hello\ndata: {") && hello.ends_with("}\n\n"), "{hello}");
        for seq in 1..=5 {
            let event = decoder.feed(&client.read_chunk().unwrap().bytes);
            assert!(event.starts_with(&format!("id: {seq}\ndata: {{")) && event.ends_with("}\n\n"), "{event}");
            assert!(event.len() > size && event.matches("\n\n").count() == 1, "{event}");
        }
        let rest: Vec<u8> = client.read_chunks().into_iter().flat_map(|chunk| chunk.bytes).collect();
        assert_eq!(decoder.feed(&rest), "");
        decoder.0.finish().expect("length and checksum of the whole are there and right");
    }
}

#[test]
fn padding_and_heartbeats_are_compressed_with_the_events() {
    let origin = Origin::start();
    let query = "encoding=gzip&framing=close&pad=3000&heartbeat=100ms&heartbeat_pad=500&interval=1h&duration=700ms";
    let (mut client, _) = origin.open(&format!("/events?{query}"));
    let mut decoder = Incremental::new();
    let text = decoder.feed(&client.read_to_end());
    let (padding, rest) = text.split_at(3000);
    assert!(padding.lines().all(|line| line.starts_with(':')), "{padding}");
    let (hello, beats) = rest.split_once("\n\n").unwrap();
    assert!(hello.starts_with("event: hello\n"), "{hello}");
    assert!(!beats.is_empty());
    for beat in beats.split_terminator("\n\n") {
        let (padding, rest) = beat.split_at(500);
        assert!(padding.lines().all(|line| line.starts_with(':')) && rest == ": heartbeat", "{beats}");
    }
    decoder.0.finish().unwrap();
}

#[test]
fn a_compressed_follower_of_a_named_stream_gets_the_same_events() {
    let origin = Origin::start();
    let (mut plain, _) = origin.open("/events?stream=s&interval=20ms&size=300");
    plain.read_event();
    let (mut compressed, _) = origin.open("/events?stream=s&encoding=gzip&count=3");
    let mut decoder = Incremental::new();
    decoder.feed(&compressed.read_chunk().unwrap().bytes);
    for _ in 0..3 {
        let event = decoder.feed(&compressed.read_chunk().unwrap().bytes);
        let id = event.lines().next().unwrap();
        let same = (0..100).map(|_| plain.read_event()).find(|event| event.text().starts_with(id)).unwrap();
        assert_eq!(event, same.text());
    }
}
