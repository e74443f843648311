//! Any data can be read for a stamp; what the origin writes is read back, and a changed filler is noticed.

#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::stamp::{Shape, Stamp, Stamped};

/// The times that a stamp can hold, of sixteen digits: from 2001 to 2286.
const TIMES: Range<u64> = 1_000_000_000_000_000..10_000_000_000_000_000;

fuzz_target!(|input: &[u8]| {
    let _ = Stamp::parse(&String::from_utf8_lossy(input));
    let Some((numbers, rest)) = input.split_first_chunk::<16>() else { return };
    let (seq, sent_us) = numbers.split_at(8);
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("there are eight"));
    let (seq, sent_us) = (number(seq), TIMES.start + number(sent_us) % (TIMES.end - TIMES.start));
    let shape = Shape { event: None, size: rest.len() * 8 };
    let mut stamped = Stamped::numbered(seq, &shape, &mut fastrand::Rng::with_seed(seq));
    stamped.stamp(sent_us);
    let event = String::from_utf8(stamped.piece().payload().to_vec()).expect("it is ASCII");
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).expect("it has data");
    assert_eq!(Stamp::parse(data), Some(Stamp { seq: Some(seq), sent_us, intact: true }));
    let fill = data.find("\"fill\":\"").expect("it has filler") + "\"fill\":\"".len();
    let len = data[fill..].find('"').expect("it ends");
    if let (Some(&[at, change]), 1..) = (rest.first_chunk::<2>(), len) {
        let mut changed = data.as_bytes().to_vec();
        changed[fill + usize::from(at) % len] ^= change.max(1);
        let read = Stamp::parse(&String::from_utf8_lossy(&changed));
        assert!(read.is_none_or(|stamp| !stamp.intact), "{}", String::from_utf8_lossy(&changed));
    }
});
