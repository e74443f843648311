//! One response, read line by line as its bytes come in.

/// One numbered event as the client saw it; times are Unix microseconds.
#[derive(Clone, Copy)]
pub(crate) struct Record {
    pub(crate) seq: u64,
    pub(crate) sent_us: u64,
    pub(crate) arrived_us: u64,
}

/// Where in the response the reader stands.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Status,
    Head,
    Body,
    End,
}

/// An incremental reader of a chunked event stream.
///
/// It looks at lines only. Both servers write each event as one chunk, so that a chunk's size stands on a line of its
/// own, which no event line resembles; that spares the client the work of taking chunks apart.
#[derive(Default)]
pub(crate) struct Reader {
    part: Part,
    tail: Vec<u8>,
    id: Option<u64>,
    sent_us: Option<u64>,
    named: bool,
    saw_event: bool,
    records: Vec<Record>,
}

impl Reader {
    /// Takes the bytes of one read, which returned at `arrived_us`.
    pub(crate) fn feed(&mut self, bytes: &[u8], arrived_us: u64) -> Result<(), String> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            if !piece.ends_with(b"\n") || !self.tail.is_empty() {
                self.tail.extend_from_slice(piece);
            }
            if !piece.ends_with(b"\n") {
                break;
            }
            if self.tail.is_empty() {
                self.line(piece.trim_ascii_end(), arrived_us)?;
            } else {
                let mut line = std::mem::take(&mut self.tail);
                self.line(line.trim_ascii_end(), arrived_us)?;
                line.clear();
                self.tail = line;
            }
        }
        Ok(())
    }

    /// Whether the first line of the first event (hello) has come.
    pub(crate) fn saw_event(&self) -> bool {
        self.saw_event
    }

    /// Whether the last chunk has come.
    pub(crate) fn is_complete(&self) -> bool {
        self.part == Part::End
    }

    /// The numbered events in the order of their arrival.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    fn line(&mut self, line: &[u8], arrived_us: u64) -> Result<(), String> {
        match self.part {
            Part::Status if line.starts_with(b"HTTP/1.1 200") => self.part = Part::Head,
            Part::Status => return Err(format!("the server answered `{}`", line.escape_ascii())),
            Part::Head if line.is_empty() => self.part = Part::Body,
            Part::Body => self.body_line(line, arrived_us),
            Part::Head | Part::End => {}
        }
        Ok(())
    }

    fn body_line(&mut self, line: &[u8], arrived_us: u64) {
        if line == b"0" {
            self.part = Part::End;
        } else if let Some(id) = line.strip_prefix(b"id: ") {
            self.saw_event = true;
            self.id = leading_number(id);
        } else if let Some(data) = line.strip_prefix(b"data: ") {
            self.saw_event = true;
            self.sent_us = number_after(data, b"\"sent_us\":");
        } else if line.starts_with(b"event: ") {
            self.saw_event = true;
            self.named = true;
        } else if line.is_empty() {
            self.dispatch(arrived_us);
        }
    }

    /// Ends an event. One with a name (hello) is not a tick and counts for nothing.
    fn dispatch(&mut self, arrived_us: u64) {
        let (id, sent_us) = (self.id.take(), self.sent_us.take());
        let named = std::mem::take(&mut self.named);
        if let (Some(seq), Some(sent_us), false) = (id, sent_us, named) {
            self.records.push(Record { seq, sent_us, arrived_us });
        }
    }
}

fn number_after(line: &[u8], name: &[u8]) -> Option<u64> {
    let at = line.windows(name.len()).position(|window| window == name)?;
    leading_number(&line[at + name.len()..])
}

fn leading_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}
