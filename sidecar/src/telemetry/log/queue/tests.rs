use std::sync::{Condvar, Mutex};
use std::time::Instant;

use proptest::prelude::*;

use super::*;

/// An output that takes some bytes and then nothing, until it is opened.
#[derive(Clone)]
struct Valve(Arc<(Mutex<State>, Condvar)>);

struct State {
    written: Vec<u8>,
    /// Bytes that it takes before it blocks; absent when it is open.
    capacity: Option<usize>,
    /// Error when it cannot take more.
    full: Full,
}

#[derive(Clone, Copy, Debug)]
enum Full {
    Blocks,
    WouldBlock,
}

impl Valve {
    fn new(capacity: usize, full: Full) -> Self {
        let state = State {
            written: Vec::new(),
            capacity: Some(capacity),
            full,
        };
        Self(Arc::new((Mutex::new(state), Condvar::new())))
    }

    fn open(&self) {
        self.0.0.lock().unwrap().capacity = None;
        self.0.1.notify_all();
    }

    fn lines(&self) -> Vec<String> {
        let written = self.0.0.lock().unwrap().written.clone();
        let text = String::from_utf8(written).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Valve {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, opened) = &*self.0;
        let mut state = state.lock().unwrap();
        loop {
            let room = state.capacity.unwrap_or(usize::MAX);
            let room = room.min(state.written.len() + bytes.len());
            let count = room.saturating_sub(state.written.len());
            if count > 0 {
                state.written.extend_from_slice(&bytes[..count]);
                return Ok(count);
            }
            match state.full {
                Full::WouldBlock => return Err(ErrorKind::WouldBlock.into()),
                Full::Blocks => state = opened.wait(state).unwrap(),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A queue that says what it dropped in a line of its own.
fn queue(output: Valve) -> (Queue, Counter) {
    let dropped = Counter::default();
    let own: Arc<Mutex<Option<Queue>>> = Arc::default();
    let announcer = Arc::clone(&own);
    let resumed = move |lines: u64| {
        let queue = announcer.lock().unwrap().clone().unwrap();
        queue.push(format!("dropped {lines}\n").as_bytes());
    };
    let queue = Queue::start(output, dropped.clone(), resumed).unwrap();
    *own.lock().unwrap() = Some(queue.clone());
    (queue, dropped)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every line is written whole and in its order, or counted and reported.
    #[test]
    fn an_output_that_blocks_after_any_number_of_bytes_holds_nobody_up(
        capacity in 0_usize..200_000,
        lengths in prop::collection::vec(1_usize..9_000, 1..400),
        blocks in any::<bool>(),
    ) {
        let output = Valve::new(capacity, if blocks { Full::Blocks } else { Full::WouldBlock });
        let (queue, dropped) = queue(output.clone());
        let line = |number: usize, length: usize| format!("{number} {}\n", "x".repeat(length));
        for (number, length) in lengths.iter().enumerate() {
            queue.push(line(number, *length).as_bytes());
        }
        let before = dropped.get();
        output.open();
        queue.flush_within(Duration::from_mins(1));
        // The first line after the gap.
        queue.push(b"end\n");
        queue.flush_within(Duration::from_mins(1));
        queue.flush_within(Duration::from_mins(1));

        let lines = output.lines();
        let number = |line: &String| line.strip_prefix("dropped ").map(|n| n.parse::<u64>().unwrap());
        let reported: u64 = lines.iter().filter_map(number).sum();
        let written: Vec<_> = lines.iter().filter(|line| number(line).is_none()).collect();
        prop_assert_eq!(reported, dropped.get());
        prop_assert_eq!(dropped.get(), before);
        let (end, written) = written.split_last().unwrap();
        prop_assert_eq!(end.as_str(), "end");
        prop_assert_eq!(written.len() as u64 + before, lengths.len() as u64);
        let numbers: Vec<usize> = written
            .iter()
            .map(|line| line.split(' ').next().unwrap().parse().unwrap())
            .collect();
        prop_assert!(numbers.is_sorted());
        for (number, written) in numbers.iter().zip(written) {
            let expected = line(*number, lengths[*number]);
            prop_assert_eq!(written.as_str(), expected.trim_end());
        }
    }
}

#[test]
fn what_waits_for_an_output_that_blocks_is_bounded() {
    let (queue, dropped) = queue(Valve::new(0, Full::Blocks));
    let line = [b'x'; 1000];
    for _ in 0..5_000 {
        queue.push(&line);
    }
    assert!(queue.waiting.load(Ordering::SeqCst) <= MAX_WAITING);
    // One line may be on its way.
    let expected = 5_000 - MAX_WAITING as u64 / 1000;
    assert!(dropped.get().abs_diff(expected) <= 1, "{}", dropped.get());
}

#[test]
fn the_wait_for_an_output_that_blocks_is_bounded() {
    let (queue, _) = queue(Valve::new(0, Full::Blocks));
    queue.push(b"line\n");
    let begun = Instant::now();
    queue.flush_within(Duration::from_millis(20));
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[test]
fn an_output_that_fails_costs_its_lines_and_no_more() {
    struct Failing(Valve, usize);
    impl Write for Failing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.1 == 0 {
                return self.0.write(bytes);
            }
            self.1 -= 1;
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let valve = Valve::new(0, Full::Blocks);
    valve.open();
    let dropped = Counter::default();
    let queue = Queue::start(Failing(valve.clone(), 2), dropped.clone(), |_| {}).unwrap();
    for line in ["a\n", "b\n", "c\n"] {
        queue.push(line.as_bytes());
    }
    queue.flush_within(Duration::from_mins(1));
    assert_eq!(valve.lines(), ["c"]);
    assert_eq!(dropped.get(), 2);
}
