use super::*;

const LINE: &str = "AQEBAQEBAQEBAQEBAQEBAQ 1785000000 1942680000 AAAAAA";

fn key(number: u8) -> Key {
    Key {
        key: [number; 16],
        at: 1_785_000_000,
        end: 1_942_680_000,
        subject: [0; 4],
    }
}

fn numbered(number: usize) -> Key {
    let mut key = key(0);
    key.key[..8].copy_from_slice(&number.to_be_bytes());
    key
}

#[test]
fn a_line_is_a_redemption_and_anything_else_is_passed_over() {
    let two = format!("{LINE}\n{}", key(2).line());
    let table: [(&str, String, Vec<Key>); 17] = [
        ("nothing", String::new(), vec![]),
        ("one", LINE.to_owned(), vec![key(1)]),
        ("two", two.clone(), vec![key(1), key(2)]),
        ("a line end at the end", format!("{LINE}\n"), vec![key(1)]),
        (
            "line ends of Windows",
            two.replace('\n', "\r\n"),
            vec![key(1), key(2)],
        ),
        (
            "rubbish between",
            format!("{LINE}\nrubbish\n\n{}", key(2).line()),
            vec![key(1), key(2)],
        ),
        (
            "a key twice: the first",
            format!("{LINE}\n{}", LINE.replace("1785", "1786")),
            vec![key(1)],
        ),
        (
            "a short key",
            LINE.replace("AQEBAQEBAQEBAQEBAQEBAQ", "AQEBAQEBAQEBAQEBAQEB"),
            vec![],
        ),
        ("another alphabet", LINE.replacen("AQ", "-_", 1), vec![]),
        ("padding", LINE.replacen(' ', "== ", 1), vec![]),
        ("a negative time", LINE.replace("1785", "-785"), vec![]),
        ("a signed time", LINE.replace("1785", "+785"), vec![]),
        ("a zero in front", LINE.replace("1785", "0785"), vec![]),
        (
            "a time after all times",
            LINE.replace("1785000000", "253402300800"),
            vec![],
        ),
        ("no subject", LINE.replace(" AAAAAA", ""), vec![]),
        ("a field too many", format!("{LINE} x"), vec![]),
        ("two blanks", LINE.replacen(' ', "  ", 1), vec![]),
    ];
    for (name, message, expected) in table {
        assert_eq!(Keys::parse(&message).0, expected, "{name}");
    }
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let mut keys = Keys::default();
    for number in 0..MAX_KEYS {
        keys.push(numbered(number));
    }
    let message = keys.to_message();
    assert_eq!(Keys::parse(&message), keys);
    assert!(message.len() <= MAX_MESSAGE_BYTES / 2, "{}", message.len());
    assert_eq!(Keys::parse(LINE).to_message(), LINE);
}

#[test]
fn the_oldest_leaves_first() {
    let mut keys = Keys::default();
    for number in 0..MAX_KEYS + 2 {
        keys.push(numbered(number));
    }
    assert_eq!(keys.len(), MAX_KEYS);
    assert_eq!(keys.0.first(), Some(&numbered(2)));
    assert_eq!(keys.0.last(), Some(&numbered(MAX_KEYS + 1)));
}

#[test]
fn hostile_messages_are_read_in_bounded_time_and_room() {
    let lines: Vec<String> = (0..100_000).map(|number| numbered(number).line()).collect();
    for (name, message) in [
        ("many lines", lines.join("\n")),
        ("many line ends", "\n".repeat(1 << 20)),
        ("one long line", "A".repeat(1 << 20)),
        ("characters of several bytes", "ä".repeat(1 << 20)),
    ] {
        assert!(Keys::parse(&message).len() <= MAX_KEYS, "{name}");
    }
}
