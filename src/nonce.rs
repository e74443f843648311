//! Names that nobody can guess.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// 128 random bits in hexadecimal digits, as a stream's id.
///
/// # Errors
/// When the system has no random numbers.
pub fn nonce() -> io::Result<String> {
    let mut bytes = [0_u8; 16];
    match getrandom(&mut bytes, GetRandomFlags::empty())? {
        16 => Ok(format!("{:032x}", u128::from_be_bytes(bytes))),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
