//! What may make a path stream: the ids of cures, who can apply them, and how.

use serde::{Deserialize, Serialize};

macro_rules! cures {
    ($($(#[$doc:meta])* $id:ident $name:literal $place:ident $line:literal $text:literal;)*) => {
        /// The ids of cures, those first that cost least. They are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum CureId {
            $($(#[$doc])* #[serde(rename = $name)] $id,)*
        }

        impl CureId {
            /// All of them, those first that cost least.
            pub const ALL: &'static [CureId] = &[$(CureId::$id,)*];

            fn entry(self) -> (&'static str, Place, &'static str, &'static str) {
                match self {
                    $(CureId::$id => ($name, Place::$place, $line, $text),)*
                }
            }
        }
    };
}

cures! {
    /// The origin says `X-Accel-Buffering: no`.
    AccelNo "accel-no" Origin "X-Accel-Buffering: no" "a header field of the origin's response";
    /// The origin says `Cache-Control: no-transform`.
    NoTransform "no-transform" Origin "Cache-Control: no-transform" "a header field of the origin's response";
    /// The origin says `Cache-Control: no-store`.
    NoStore "no-store" Origin "Cache-Control: no-store" "a header field of the origin's response";
    /// The origin says `Content-Encoding: identity`.
    EncodingIdentity "encoding-identity" Origin "Content-Encoding: identity"
        "a header field of the origin's response; it tells compressors that the response is coded already";
    /// The origin sends a comment when it has been quiet.
    Heartbeat "heartbeat" Origin ":" "a line with a colon and an empty line, sent by the origin whenever it has been quiet for a while";
    /// The origin sends a first byte at once.
    EarlyByte "early-byte" Origin ":" "a line with a colon and an empty line, sent by the origin as soon as it is asked";
    /// The origin sends chunks.
    Chunked "chunked" Origin "Transfer-Encoding: chunked" "the framing of the origin's response: chunks, not the end of the connection";
    /// The origin ends the response by closing the connection.
    CloseFraming "close-framing" Origin "Connection: close"
        "the framing of the origin's response: neither Transfer-Encoding nor Content-Length, ended by the connection's end";
    /// The client doesn't accept gzip.
    Identity "identity" Client "Accept-Encoding: identity" "a header field of the request; browsers don't let a page set it";
    /// The client accepts gzip.
    Gzip "gzip" Client "Accept-Encoding: gzip" "a header field of the request, as browsers send it";
    /// The origin begins with 4 KiB of comments.
    Pad4k "pad-4k" Origin ": (4096 bytes)" "a comment of that length, sent by the origin before the first event";
    /// The origin begins with 16 KiB of comments.
    Pad16k "pad-16k" Origin ": (16384 bytes)" "a comment of that length, sent by the origin before the first event";
    /// The origin begins with 64 KiB of comments.
    Pad64k "pad-64k" Origin ": (65536 bytes)" "a comment of that length, sent by the origin before the first event";
    /// The origin fills each event up.
    BigEvents "big-events" Origin ": (32768 bytes)" "a comment of that length, sent by the origin with each event";
    /// The client sends a POST.
    Post "post" Client "POST" "the request's method; EventSource can't, fetch() can";
    /// The origin calls it plain text.
    PlainType "plain-type" Origin "Content-Type: text/plain"
        "a header field of the origin's response; EventSource refuses it, fetch() doesn't";
    /// Somebody changes the configuration of what is in between.
    ProxyConfig "proxy-config" ProxyConfig "" "the configuration of what is in between";
}

/// Who can apply a cure, those first that are the easiest to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The origin.
    Origin,
    /// The client.
    Client,
    /// Whoever configures what is in between.
    ProxyConfig,
}

impl CureId {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// Who can apply it.
    pub fn place(self) -> Place {
        self.entry().1
    }

    /// What is sent: a header field, a method, a comment; empty if that depends on the product.
    pub fn line(self) -> &'static str {
        self.entry().2
    }

    /// Where that goes.
    pub fn text(self) -> &'static str {
        self.entry().3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for id in CureId::ALL {
            assert_eq!(serde_json::to_value(id).unwrap(), id.as_str());
        }
        assert!(CureId::ALL.is_sorted());
    }
}
