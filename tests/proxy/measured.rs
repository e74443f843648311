//! The program measures itself: what a probe says of a path that the proxy is on.

use super::common::Origin;
use super::common::program::Program;
use super::proxy;

#[test]
fn a_probe_through_the_proxy_is_real_time() {
    let origin = Origin::start();
    let proxy = proxy(&format!("http://{}/events", origin.address));
    let finished = Program::probe(&[&format!("http://{}/events", proxy.address), "--json"]).finish();
    let found = finished.end();
    assert_eq!((found["verdict"].as_str(), finished.code), (Some("real-time"), Some(0)), "{found}");
    assert_eq!(found["end"]["how"], "clean", "{found}");
    assert!(found["clock"].is_object(), "the origin's clock is asked through the proxy: {found}");
    assert_eq!(found["events"]["missing"], 0, "{found}");
}
