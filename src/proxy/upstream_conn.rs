//! The connection from a relay to its target.

use std::sync::Arc;

use super::poller::RelayPoller;
use super::target::Target;
use crate::client::Session;
use crate::server::connection::Connection;
use crate::shutdown::Stop;

/// The connection to the target, which one client's requests use one after another.
pub(super) struct UpstreamConn {
    pub(super) session: Session,
    pub(super) poller: Arc<RelayPoller>,
}

impl UpstreamConn {
    pub(super) fn new(target: &Target, connection: &Arc<Connection>, stop: &Stop) -> UpstreamConn {
        let poller = Arc::new(RelayPoller::new(connection, stop));
        UpstreamConn { session: target.client.session_with(Arc::clone(&poller) as Arc<_>), poller }
    }
}
