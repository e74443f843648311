//! Configurations of which several tables make use: what stands in the skeletons where CONFIG is.

/// Of nginx.
pub(crate) mod nginx {
    pub(crate) const DEFAULT: &str = "";
    pub(crate) const HTTP_11: &str = "proxy_http_version 1.1;";
    pub(crate) const UNBUFFERED: &str = "proxy_buffering off;";
    pub(crate) const BUFFERS_64K: &str = "proxy_buffers 16 64k; proxy_buffer_size 64k; proxy_busy_buffers_size 128k;";
    pub(crate) const GZIP: &str = "gzip on; gzip_types text/event-stream; gzip_proxied any;";
    pub(crate) const GZIP_11: &str = "proxy_http_version 1.1; gzip on; gzip_types text/event-stream; gzip_proxied any;";
    pub(crate) const GZIP_UNBUFFERED: &str =
        "gzip on; gzip_types text/event-stream; gzip_proxied any; proxy_buffering off;";
    pub(crate) const READ_TIMEOUT: &str = "proxy_buffering off; proxy_read_timeout 10;";
    pub(crate) const READ_TIMEOUT_HELD: &str = "proxy_read_timeout 10;";
}

/// Of haproxy.
pub(crate) mod haproxy {
    pub(crate) const DEFAULT: &str = "";
    pub(crate) const NO_DELAY: &str = "option http-no-delay";
    pub(crate) const COMPRESSION: &str =
        "option http-no-delay\n compression algo gzip\n compression type text/event-stream";
    pub(crate) const COMPRESSION_CORKED: &str = "compression algo gzip\n compression type text/event-stream";
    pub(crate) const TIMEOUT: &str = "option http-no-delay\n timeout server 10s";
    pub(crate) const TIMEOUT_CORKED: &str = "timeout server 10s";
}

/// Of Apache.
pub(crate) mod apache {
    /// Reads these types, with the limits of the configuration that comes with it.
    macro_rules! mod_security {
        ($types:literal) => {
            concat!(
                "LoadModule unique_id_module /usr/lib/apache2/modules/mod_unique_id.so\n",
                "LoadModule security2_module /usr/lib/apache2/modules/mod_security2.so\n",
                "SecRuleEngine On\nSecDataDir {TEMP}\nSecTmpDir {TEMP}\n",
                "SecResponseBodyAccess On\nSecResponseBodyMimeType ",
                $types,
                "\nSecResponseBodyLimit 524288\nSecResponseBodyLimitAction ProcessPartial"
            )
        };
    }

    pub(crate) const DEFAULT: &str = "";
    pub(crate) const DEFLATE: &str = "AddOutputFilterByType DEFLATE text/event-stream";
    /// It reads event streams and plain text before it lets them go.
    pub(crate) const MOD_SECURITY: &str = mod_security!("text/event-stream text/plain");
    /// It reads event streams alone.
    pub(crate) const MOD_SECURITY_TYPE: &str = mod_security!("text/event-stream");
}

/// Of lighttpd.
pub(crate) mod lighttpd {
    pub(crate) const DEFAULT: &str = "";
    pub(crate) const STREAM: &str = "server.stream-response-body = 1";
    pub(crate) const DEFLATE: &str =
        "deflate.mimetypes = (\"text/event-stream\")\n deflate.allowed-encodings = (\"gzip\")";
    pub(crate) const DEFLATE_STREAM: &str = "server.stream-response-body = 1\n deflate.mimetypes = (\"text/event-stream\")\n deflate.allowed-encodings = (\"gzip\")";
}
