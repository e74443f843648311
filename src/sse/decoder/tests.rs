use super::*;

/// The items of a stream that comes in `pieces`.
fn items<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Decoded> {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    for piece in pieces {
        items.extend(decoder.feed(piece).map(Result::unwrap));
    }
    items
}

fn message(event: &str, data: &str, id: &str) -> Item {
    Item::Event(Message { event: event.to_owned(), data: data.to_owned(), last_event_id: id.to_owned() })
}

fn data(data: &str) -> Item {
    message("message", data, "")
}

fn comment(text: &str) -> Item {
    Item::Comment(text.to_owned())
}

/// What the standard says, an input with LF line endings for each sentence.
fn cases() -> Vec<(&'static str, Vec<Item>)> {
    vec![
        ("data: a\n\n", vec![data("a")]),
        ("data: a\ndata: b\n\n", vec![data("a\nb")]),
        ("data:a\n\n", vec![data("a")]),
        ("data:  a\n\n", vec![data(" a")]),
        ("data:\ta\n\n", vec![data("\ta")]),
        ("data\n\n", vec![data("")]),
        ("data:\n\n", vec![data("")]),
        ("data\ndata\n\n", vec![data("\n")]),
        ("data: a: b\n\n", vec![data("a: b")]),
        ("Data: a\n\n", vec![]),
        (" data: a\n\n", vec![]),
        ("data : a\n\n", vec![]),
        ("nonsense: a\ndata: b\n\n", vec![data("b")]),
        ("\n\n\ndata: a\n\n\n", vec![data("a")]),
        ("event: x\ndata: a\n\ndata: b\n\n", vec![message("x", "a", ""), data("b")]),
        ("event: x\n\ndata: b\n\n", vec![data("b")]),
        ("event: x\nevent\ndata: a\n\n", vec![data("a")]),
        ("event: x\nevent: y\ndata: a\n\n", vec![message("y", "a", "")]),
        ("id: 1\ndata: a\n\ndata: b\n\n", vec![message("message", "a", "1"), message("message", "b", "1")]),
        ("id: 1\n\ndata: a\n\n", vec![message("message", "a", "1")]),
        ("id: 1\n\nid\ndata: a\n\n", vec![data("a")]),
        ("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", vec![message("message", "a", "1"), message("message", "b", "1")]),
        ("data: a\0b\n\n", vec![data("a\0b")]),
        ("retry: 1500\n\n", vec![Item::Retry(1500)]),
        ("retry: 0015\n", vec![Item::Retry(15)]),
        ("retry: 99999999999999999999\n", vec![Item::Retry(u64::MAX)]),
        ("retry: -1\nretry: 1.5\nretry: 1s\nretry:\nretry: \u{661}\nretry:  1\n", vec![]),
        (":\n: a\n:b\n\n", vec![comment(""), comment(" a"), comment("b")]),
        ("data: a\n: c\ndata: b\n\n", vec![comment(" c"), data("a\nb")]),
        ("data: a\n", vec![]),
        ("data: a", vec![]),
        ("data: \u{1f600}\n\n", vec![data("\u{1f600}")]),
        ("\u{feff}data: a\n\n", vec![data("a")]),
        ("\u{feff}\u{feff}data: a\n\n", vec![]),
        ("data: a\n\n\u{feff}data: b\n\n", vec![data("a")]),
        ("\u{feff}\ndata: a\n\n", vec![data("a")]),
    ]
}

#[test]
fn every_sentence_of_the_standard_with_every_line_ending_in_every_split() {
    for (input, expected) in cases() {
        for ending in ["\n", "\r", "\r\n"] {
            let input = input.replace('\n', ending);
            let bytes = input.as_bytes();
            let plain = |items: Vec<Decoded>| items.into_iter().map(|item| item.item).collect::<Vec<_>>();
            assert_eq!(plain(items([bytes])), expected, "{input:?}");
            for size in [1, 2] {
                assert_eq!(plain(items(bytes.chunks(size))), expected, "{input:?} by {size}");
            }
            for at in 0..bytes.len() {
                assert_eq!(plain(items([&bytes[..at], &bytes[at..]])), expected, "{input:?} cut at {at}");
            }
        }
    }
}

#[test]
fn a_blank_line_that_ends_in_a_bare_cr_dispatches_at_once() {
    let mut decoder = Decoder::default();
    let mut items = Vec::new();
    items.extend(decoder.feed(b"data: a\r\r").map(Result::unwrap));
    assert_eq!(items, [Decoded { item: data("a"), start: 0, end: 9 }]);
    items.extend(decoder.feed(b"\ndata: b\r\n\r").map(Result::unwrap));
    assert_eq!(items[1], Decoded { item: data("b"), start: 10, end: 20 });
}

#[test]
fn mixed_line_endings() {
    let stream = b"data: a\r\ndata: b\rdata: c\n\rdata: d\n\r\n";
    let found: Vec<Item> = items([stream.as_slice()]).into_iter().map(|item| item.item).collect();
    assert_eq!(found, [data("a\nb\nc"), data("d")]);
}

#[test]
fn invalid_utf8_is_replaced() {
    let stream = b"data: \xff\xe2\x82\n\n";
    assert_eq!(items([stream.as_slice()])[0].item, data("\u{fffd}\u{fffd}"));
}

#[test]
fn an_id_takes_effect_with_its_blank_line() {
    let mut decoder = Decoder::resuming("0");
    assert_eq!(decoder.feed(b"id: 1\n").count(), 0);
    assert_eq!(decoder.last_event_id(), "0");
    assert_eq!(decoder.feed(b"\n").count(), 0);
    assert_eq!(decoder.last_event_id(), "1");
}

#[test]
fn places_are_those_of_fields_not_comments() {
    let found = items([b": c\nid: 1\ndata: a\n\n: d\n".as_slice()]);
    let places: Vec<_> = found.iter().map(|item| (item.start, item.end)).collect();
    assert_eq!(places, [(0, 4), (4, 19), (19, 23)]);
}

#[test]
fn what_is_too_long_is_an_error() {
    let mut decoder = Decoder::new(10);
    assert!(decoder.feed(b"data: 6789\n\n").all(|item| item.is_ok()));
    let found: Vec<_> = decoder.feed(b"data: 67890").collect();
    assert_eq!(found, [Err(TooLong { limit: 10, start: 12 })]);
    let mut decoder = Decoder::new(10);
    let found: Vec<_> = decoder.feed(b"data: 1234\ndata: 1234\ndata: 1234\n").collect();
    assert_eq!(found, [Err(TooLong { limit: 10, start: 0 })]);
}

#[test]
fn other_fields_do_not_add_to_the_data() {
    let mut decoder = Decoder::new(12);
    let found = decoder.feed(b"data:1234567\nevent:abcdef\nid:123456789\n\n").map(|item| item.map(|item| item.item));
    assert_eq!(found.collect::<Vec<_>>(), [Ok(message("abcdef", "1234567", "123456789"))]);
}

proptest::proptest! {
    /// Whatever comes, cut wherever: the same items as when it comes whole, with the same places.
    #[test]
    fn cuts_change_nothing(
        words in proptest::collection::vec(proptest::sample::select(vec![
            &b"data"[..], b"id", b"event", b"retry", b": ", b":", b" ", b"\r", b"\n", b"\r\n", b"1", b"x", b"\0",
            b"\xef\xbb\xbf", b"\xf0\x9f\x98\x80", b"\xff", b"\n\n",
        ]), 0..60),
        sizes in proptest::collection::vec(1_usize..9, 1..40),
    ) {
        let stream = words.concat();
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for size in sizes.iter().cycle() {
            let (piece, behind) = rest.split_at(rest.len().min(*size));
            pieces.push(piece);
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        proptest::prop_assert_eq!(items(pieces), items([stream.as_slice()]));
    }
}
