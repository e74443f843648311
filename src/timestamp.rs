//! Unix microseconds and their RFC 3339 form, written at a fixed width into a buffer that is already there.
//!
//! The event loop patches both into an event just before it is written. It does so without the formatting machinery,
//! which would touch two more pages of every stream's stack.

/// Digits of a Unix time in microseconds between 2001 and 2286.
pub const US_LEN: usize = 16;

/// Length of `2026-11-21T11:29:57.123456Z`.
pub const RFC3339_LEN: usize = 27;

/// Writes `us`, Unix microseconds, as exactly [`US_LEN`] digits, padded with zeros in front.
pub fn write_us(out: &mut [u8; US_LEN], us: u64) {
    write_digits(out, us);
}

/// Writes `us`, Unix microseconds, as RFC 3339 in UTC with six decimals.
///
/// Years up to 9999 have the right width; later ones keep their last four digits.
pub fn write_rfc3339(out: &mut [u8; RFC3339_LEN], us: u64) {
    let seconds = us / 1_000_000;
    let (year, month, day) = civil_from_days(seconds / 86_400);
    out.copy_from_slice(b"0000-00-00T00:00:00.000000Z");
    write_digits(&mut out[0..4], year);
    write_digits(&mut out[5..7], month);
    write_digits(&mut out[8..10], day);
    write_digits(&mut out[11..13], seconds / 3600 % 24);
    write_digits(&mut out[14..16], seconds / 60 % 60);
    write_digits(&mut out[17..19], seconds % 60);
    write_digits(&mut out[20..26], us % 1_000_000);
}

fn write_digits(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
///
/// Counts in eras of 400 years (146 097 days) that start on a first of March, so that the leap day comes last
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn rfc3339(us: u64) -> String {
        let mut out = [0; RFC3339_LEN];
        write_rfc3339(&mut out, us);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn known_instants() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(951_782_400_000_001), "2000-02-29T00:00:00.000001Z");
        assert_eq!(rfc3339(4_107_542_399_999_999), "2100-02-28T23:59:59.999999Z");
        assert_eq!(rfc3339(4_107_542_400_000_000), "2100-03-01T00:00:00.000000Z");
    }

    #[test]
    fn microseconds_have_a_fixed_width() {
        let mut out = [0; US_LEN];
        write_us(&mut out, 42);
        assert_eq!(&out, b"0000000000000042");
        write_us(&mut out, 1_763_724_597_123_456);
        assert_eq!(&out, b"1763724597123456");
    }

    proptest::proptest! {
        /// The HTTP date of the same instant, made by another hand, names the same day and time.
        #[test]
        fn agrees_with_httpdate(seconds in 0_u64..253_402_300_800) {
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
            let ours = rfc3339(seconds * 1_000_000);
            proptest::prop_assert_eq!(&ours[11..19], &date[17..25]);
            proptest::prop_assert_eq!(&ours[8..10], &date[5..7]);
            proptest::prop_assert_eq!(&ours[0..4], &date[12..16]);
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            proptest::prop_assert_eq!(months[ours[5..7].parse::<usize>().unwrap() - 1], &date[8..11]);
        }
    }
}
