//! What passes along a chain.

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// As the framing says: complete.
    Clean,
    /// The connection ends before the body is complete.
    Truncated,
    /// The connection is reset.
    Reset,
}

impl BodyEnd {
    /// The word of a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            BodyEnd::Clean => "clean",
            BodyEnd::Truncated => "truncated",
            BodyEnd::Reset => "reset",
        }
    }
}

/// Bytes of a body, framing removed, that came or go together; or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Some bytes.
    Bytes(Vec<u8>),
    /// The end.
    End(BodyEnd),
}
