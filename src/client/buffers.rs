//! The buffers of a connection: one for what comes, as long as the connection lasts, and one for what is sent, only while
//! something is.

use ureq::unversioned::transport::Buffers;

/// Room that ureq wants for reading a request's body before it is sent.
const SCRATCH_MIN: usize = 10 * 1024;

/// Buffers of a size each.
#[derive(Debug)]
pub(super) struct Pair {
    size: usize,
    output_size: usize,
    /// Bytes that the input has room for, until a read fills it: then twice as many.
    room: usize,
    /// Unconsumed bytes stand in `start..end`.
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    /// The newest consumption took something.
    progress: bool,
}

impl Pair {
    /// Buffers of `size` and `output_size` bytes, which are not there before they are needed. The input is one of `first`
    /// bytes, until more come at once.
    pub(super) fn new(first: usize, size: usize, output_size: usize) -> Pair {
        Pair {
            size,
            output_size,
            room: first.min(size),
            input: Vec::new(),
            start: 0,
            end: 0,
            output: Vec::new(),
            progress: false,
        }
    }

    /// Gives the memory for what was sent back.
    pub(super) fn release_output(&mut self) {
        self.output = Vec::new();
    }

    /// Brings the input to the front, and makes room for `free` bytes behind it.
    fn make_room(&mut self, free: usize) {
        self.input.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let len = self.room.max(self.end + free);
        if self.input.len() < len {
            self.input.resize(len, 0);
        }
    }
}

impl Buffers for Pair {
    fn output(&mut self) -> &mut [u8] {
        self.output.resize(self.output_size, 0);
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.start..self.end]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room(0);
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.end += amount;
        if self.end >= self.room {
            self.room = self.size.min(2 * self.room);
        }
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.start += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_room(SCRATCH_MIN);
        self.output.resize(self.output_size, 0);
        (&mut self.input[self.end..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.start < self.end && self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_there_until_it_is_consumed() {
        let mut pair = Pair::new(8, 8, 8);
        for round in 0..3 {
            pair.input_append_buf()[..6].copy_from_slice(b"abcdef");
            pair.input_appended(6);
            assert_eq!((pair.input(), pair.can_use_input()), (&b"abcdef"[..], round > 0));
            pair.input_consume(5);
            assert_eq!((pair.input(), pair.can_use_input()), (&b"f"[..], true));
            assert_eq!(pair.input_append_buf().len(), 7);
            assert_eq!(pair.input(), b"f");
            pair.input_consume(1);
            assert!(!pair.can_use_input());
        }
        pair.input_consume(0);
        pair.input_append_buf()[0] = b'x';
        pair.input_appended(1);
        assert!(!pair.can_use_input(), "nothing could be made of the input before");
    }

    #[test]
    fn a_full_buffer_has_no_room() {
        let mut pair = Pair::new(4, 4, 4);
        pair.input_append_buf().copy_from_slice(b"abcd");
        pair.input_appended(4);
        assert!(pair.input_append_buf().is_empty());
        let (scratch, output) = pair.tmp_and_output();
        assert!(scratch.len() >= SCRATCH_MIN && output.len() == 4);
        assert_eq!(pair.input(), b"abcd");
    }

    #[test]
    fn the_input_grows_when_it_was_full() {
        let mut pair = Pair::new(2, 7, 7);
        for room in [2, 4, 7, 7] {
            let free = pair.input_append_buf().len();
            assert_eq!(free, room);
            pair.input_appended(free);
            pair.input_consume(free);
        }
    }

    #[test]
    fn memory_for_the_output_goes_when_it_is_sent() {
        let mut pair = Pair::new(4, 4, 4);
        assert_eq!(pair.output().len(), 4);
        pair.release_output();
        assert_eq!(pair.output.capacity(), 0);
    }
}
