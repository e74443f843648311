mod common;
use common::Origin;

#[test]
fn smoke() {
    let origin = Origin::with(&["--admin", "127.0.0.1:0"]);
    let mut client = origin.get("/events?count=2&interval=50ms");
    let head = client.read_head();
    assert_eq!(head.status, 200);
    assert_eq!(client.read_event().field("event"), Some("hello"));
    assert_eq!(client.read_event().field("id"), Some("1"));
    assert_eq!(client.read_event().json()["seq"], 2);
    assert!(client.read_chunk().is_none());
    origin.wait_log(&["stream closed", "by=count"]);
}
