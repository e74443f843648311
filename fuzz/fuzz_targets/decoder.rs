//! Whatever a stream holds and however it is cut, the decoder gives what the standard's algorithm gives on the whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_argo_tester::sse::decoder::{Decoded, Decoder, Item, Message, TooLong};

/// Sizes of pieces at the start of the input, to be used again and again.
const SIZES: usize = 4;

fuzz_target!(|input: &[u8]| {
    let Some((&limit, rest)) = input.split_first() else { return };
    let Some((sizes, stream)) = rest.split_at_checked(SIZES) else { return };
    let whole = decode(usize::MAX, [stream]);
    let model = Model::of(stream);
    assert_eq!(whole.0.iter().map(|decoded| &decoded.item).collect::<Vec<_>>(), model.items.iter().collect::<Vec<_>>());
    assert_eq!((whole.1, whole.2.as_str()), (Ok(()), model.last_event_id.as_str()));
    check_places(&whole.0, stream.len());
    assert_eq!(decode(usize::MAX, pieces(stream, sizes)), whole);
    assert_eq!(decode(usize::MAX, stream.chunks(1)), whole);

    let limit = usize::from(limit);
    let limited = decode(limit, [stream]);
    assert_eq!(limited.1.is_err(), model.longest > limit, "{:?}, longest {}", limited.1, model.longest);
    assert_eq!(limited.0, whole.0[..limited.0.len()]);
    assert_eq!(limited.0.len() < whole.0.len() && limited.1.is_ok(), false);
    assert_eq!(decode(limit, pieces(stream, sizes)), limited);
    assert_eq!(decode(limit, stream.chunks(1)), limited);
});

/// The items, how it ended, and the last event ID.
fn decode<'a>(limit: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Decoded>, Result<(), TooLong>, String) {
    let mut decoder = Decoder::new(limit);
    let mut items = Vec::new();
    let fed = pieces.into_iter().try_for_each(|piece| {
        decoder.feed(piece).try_for_each(|item| {
            items.push(item?);
            Ok(())
        })
    });
    let last_event_id = decoder.last_event_id().to_owned();
    (items, fed, last_event_id)
}

/// The stream in pieces of these sizes, empty ones as well.
fn pieces<'a>(stream: &'a [u8], sizes: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    for size in sizes.iter().cycle().take(stream.len()) {
        let (piece, behind) = rest.split_at(rest.len().min(usize::from(*size)));
        pieces.push(piece);
        rest = behind;
    }
    pieces.push(rest);
    pieces
}

fn check_places(items: &[Decoded], len: usize) {
    assert!(items.iter().all(|item| item.start < item.end && item.end <= len as u64));
    assert!(items.windows(2).all(|pair| pair[0].end < pair[1].end));
}

/// The standard's algorithm in its plainest form, over the stream as a whole.
#[derive(Default)]
struct Model {
    items: Vec<Item>,
    last_event_id: String,
    /// The longest line in bytes, or the longest data of an event.
    longest: usize,
}

impl Model {
    fn of(stream: &[u8]) -> Model {
        let longest = stream.split(|byte| b"\r\n".contains(byte)).map(<[u8]>::len).max();
        let mut model = Model { longest: longest.unwrap_or_default(), ..Model::default() };
        let text = String::from_utf8_lossy(stream);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
        let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
        let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
        for line in complete.split_terminator('\n') {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                _ if line.is_empty() => {
                    model.last_event_id.clone_from(&id);
                    let (data, event) = (std::mem::take(&mut data), std::mem::take(&mut event));
                    let Some(data) = data.strip_suffix('\n') else { continue };
                    let event = if event.is_empty() { "message".to_owned() } else { event };
                    let message = Message { event, data: data.to_owned(), last_event_id: id.clone() };
                    model.items.push(Item::Event(message));
                }
                "" => model.items.push(Item::Comment(line[1..].to_owned())),
                "event" => event = value.to_owned(),
                "data" => {
                    data += value;
                    model.longest = model.longest.max(data.len());
                    data += "\n";
                }
                "id" if !value.contains('\0') => id = value.to_owned(),
                "retry" if !value.is_empty() && value.chars().all(|digit| digit.is_ascii_digit()) => {
                    model.items.push(Item::Retry(value.parse().unwrap_or(u64::MAX)));
                }
                _ => {}
            }
        }
        model
    }
}
