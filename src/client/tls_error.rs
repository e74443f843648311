//! Why TLS could not be set up, in plain words, and what to try about it.

use std::error::Error as _;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error};

/// Why TLS could not be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// The cause as the library words it.
    text: String,
    fault: Option<TlsFault>,
}

/// A cause that there are plain words for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TlsFault {
    UnknownIssuer,
    BadSignature,
    /// A certificate that signs others is the server's own.
    CaCertificate,
    OtherName,
    NotYetValid,
    Expired,
    NotTls,
    ProtocolVersion,
    Parameters,
    UnknownName,
}

impl TlsError {
    /// An error that is not one of TLS itself, such as a timeout.
    pub(super) fn other(text: &str) -> TlsError {
        TlsError { text: text.to_owned(), fault: None }
    }

    /// The error of a handshake, which wraps that of TLS if there is one; `text` is what is said of it.
    pub(super) fn of_io(error: &io::Error, text: String) -> TlsError {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        TlsError { text, fault: inner.and_then(TlsFault::of) }
    }

    /// What went wrong in plain words, and what to try, where that is known.
    fn explanation(&self) -> Option<(&'static str, &'static str)> {
        self.fault.map(TlsFault::explanation)
    }

    /// What the user may try; empty where nothing is known.
    pub(super) fn advice(&self) -> &'static str {
        self.explanation().map_or("", |(_, advice)| advice)
    }
}

impl From<&Error> for TlsError {
    fn from(error: &Error) -> TlsError {
        TlsError { text: error.to_string(), fault: TlsFault::of(error) }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.explanation() {
            Some((plain, _)) => write!(f, "{plain} ({})", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl TlsFault {
    fn of(error: &Error) -> Option<TlsFault> {
        match error {
            Error::InvalidCertificate(error) => TlsFault::of_certificate(error),
            Error::InvalidMessage(_) => Some(TlsFault::NotTls),
            Error::AlertReceived(AlertDescription::ProtocolVersion) => Some(TlsFault::ProtocolVersion),
            Error::AlertReceived(AlertDescription::HandshakeFailure) => Some(TlsFault::Parameters),
            Error::AlertReceived(AlertDescription::UnrecognisedName) => Some(TlsFault::UnknownName),
            _ => None,
        }
    }

    fn of_certificate(error: &CertificateError) -> Option<TlsFault> {
        use CertificateError::{
            BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
            NotValidYetContext, Other, UnknownIssuer,
        };
        match error {
            UnknownIssuer => Some(TlsFault::UnknownIssuer),
            BadSignature => Some(TlsFault::BadSignature),
            NotValidForName | NotValidForNameContext { .. } => Some(TlsFault::OtherName),
            NotValidYet | NotValidYetContext { .. } => Some(TlsFault::NotYetValid),
            Expired | ExpiredContext { .. } => Some(TlsFault::Expired),
            Other(other) => {
                let inner = other.source().and_then(|inner| inner.downcast_ref::<webpki::Error>());
                (inner == Some(&webpki::Error::CaUsedAsEndEntity)).then_some(TlsFault::CaCertificate)
            }
            _ => None,
        }
    }

    fn explanation(self) -> (&'static str, &'static str) {
        match self {
            TlsFault::UnknownIssuer => (
                "its certificate is signed by nobody who is trusted here",
                "--cacert FILE trusts the certificates in a file, -k accepts any",
            ),
            TlsFault::BadSignature => (
                "its certificate is not signed by whom it names",
                "is it an old or a forged one? --cacert FILE trusts the certificates in a file, -k accepts any",
            ),
            TlsFault::CaCertificate => (
                "its certificate is one for signing others, and signed by itself perhaps",
                "-k accepts any certificate",
            ),
            TlsFault::OtherName => (
                "its certificate is for another name",
                "is the host right? --resolve HOST:PORT:ADDR asks ADDR for HOST, -k accepts any certificate",
            ),
            TlsFault::NotYetValid => {
                ("its certificate is not valid yet", "is this machine's clock right? -k accepts any certificate")
            }
            TlsFault::Expired => (
                "its certificate has expired",
                "it must be renewed, unless this machine's clock is wrong; -k accepts any certificate",
            ),
            TlsFault::NotTls => ("what came is no TLS", "that port seems to speak something else: try http://"),
            TlsFault::ProtocolVersion => ("it has no TLS version in common with us", "TLS 1.2 or 1.3 is needed"),
            TlsFault::Parameters => {
                ("it has no parameters in common with us", "TLS 1.2 or 1.3 is needed, with current ciphers")
            }
            TlsFault::UnknownName => {
                ("it doesn't know this name", "is the host right, and does the server have a certificate for it?")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_put_into_plain_words_with_the_librarys_own_after_them() {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let text = "its certificate is signed by nobody who is trusted here (invalid peer certificate: UnknownIssuer)";
        let from_handshake = TlsError::of_io(&io::Error::other(unknown.clone()), unknown.to_string());
        for error in [TlsError::from(&unknown), from_handshake] {
            assert_eq!(error.to_string(), text);
            assert!(error.advice().contains("--cacert"));
        }
        let ca = rustls::OtherError(std::sync::Arc::new(webpki::Error::CaUsedAsEndEntity));
        let ca = TlsError::from(&Error::InvalidCertificate(CertificateError::Other(ca)));
        assert!(ca.to_string().starts_with("its certificate is one for signing others"), "{ca}");
        let alert = TlsError::from(&Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert!(alert.to_string().starts_with("it has no parameters in common"), "{alert}");
        let reset = TlsError::of_io(&io::Error::from(io::ErrorKind::ConnectionReset), "reset".to_owned());
        assert_eq!((reset.to_string().as_str(), reset.advice()), ("reset", ""));
    }
}
