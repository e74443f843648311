//! Names of header fields and query parameters whose values let somebody in.

/// Parts of such names, in lower case, with dashes for underscores.
const PARTS: [&str; 15] = [
    "api-key",
    "apikey",
    "assertion",
    "auth",
    "cookie",
    "credential",
    "csrf",
    "jwt",
    "password",
    "secret",
    "session",
    "signature",
    "ticket",
    "token",
    "xsrf",
];

/// Whole names of such query parameters, too short to be parts.
const PARAMETERS: [&str; 6] = ["code", "key", "pass", "passwd", "pwd", "sig"];

/// Whether the value of a header field may let somebody in.
pub(crate) fn is_secret_field(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    PARTS.iter().any(|part| name.contains(part))
}

/// Whether the value of a query parameter may let somebody in.
pub(crate) fn is_secret_parameter(name: &str) -> bool {
    is_secret_field(name) || PARAMETERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}
