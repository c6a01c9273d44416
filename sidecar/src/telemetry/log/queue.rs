//! Lines on their way to an output that may block: a bounded queue, and a thread that writes.
//!
//! ```text
//! push -> queue, at most 1 MiB -> thread -> output
//!      -> dropped and counted, when the queue is full
//! ```
//!
//! Nobody who logs waits: a terminal that was stopped, a full pipe or a full disk must not stop the
//! service. The number of missing lines is logged when the output goes on.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

/// The way into the queue. The thread ends with the last clone.
#[derive(Clone)]
pub(super) struct Queue {
    entries: Sender<Entry>,
    /// Bytes of the lines that wait.
    waiting: Arc<AtomicUsize>,
    dropped: Counter,
}

impl Queue {
    /// Starts the thread. `resumed` is called on it with the number of lines that were dropped since
    /// the last call, when the output takes lines again; what it pushes follows those that wait.
    ///
    /// # Errors
    /// There can be no other thread.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        dropped: Counter,
        resumed: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (entries, received) = channel();
        let queue = Self {
            entries,
            waiting: Arc::default(),
            dropped,
        };
        let (waiting, dropped) = (Arc::clone(&queue.waiting), queue.dropped.clone());
        let run = move || write_each(&received, output, &waiting, &dropped, resumed);
        thread::Builder::new().name("log".to_owned()).spawn(run)?;
        Ok(queue)
    }

    /// Adds a line, or drops it when the queue is full. Never waits.
    pub(super) fn push(&self, line: &[u8]) {
        let before = self.waiting.fetch_add(line.len(), Ordering::SeqCst);
        let is_queued = before.saturating_add(line.len()) <= MAX_WAITING
            && self.entries.send(Entry::Line(line.to_vec())).is_ok();
        if !is_queued {
            self.waiting.fetch_sub(line.len(), Ordering::SeqCst);
            self.dropped.inc();
        }
    }

    /// Waits until everything that was pushed before is written, but not longer than the patience.
    pub(super) fn flush_within(&self, patience: Duration) {
        let (reply, written) = sync_channel(1);
        if self.entries.send(Entry::Flush(reply)).is_ok() {
            // Late or not, there is nothing else to do.
            let _ = written.recv_timeout(patience);
        }
    }
}

/// One event is written with one call.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

fn write_each(
    entries: &Receiver<Entry>,
    mut output: impl Write,
    waiting: &AtomicUsize,
    dropped: &Counter,
    resumed: impl Fn(u64),
) {
    let mut told = 0;
    for entry in entries {
        match entry {
            Entry::Line(line) => {
                let written = write_line(&mut output, &line);
                let left = waiting.fetch_sub(line.len(), Ordering::SeqCst) - line.len();
                if written.is_err() {
                    dropped.inc();
                    continue;
                }
                let lost = dropped.get();
                // Only when there is room for the line that says so.
                if lost > told && left <= MAX_WAITING / 2 {
                    resumed(lost - told);
                    told = lost;
                }
            }
            Entry::Flush(reply) => {
                // Whoever asked may have lost patience.
                let _ = reply.send(());
            }
        }
    }
}

/// Writes a whole line, however long the output makes it wait.
fn write_line(output: &mut impl Write, mut line: &[u8]) -> io::Result<()> {
    while !line.is_empty() {
        match output.write(line) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => line = line.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody who shares a terminal or a pipe made it non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
    output.flush()
}

/// Bytes that wait at most: several thousand lines.
const MAX_WAITING: usize = 1 << 20;

/// Time that an output which would block is left alone.
const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests;
