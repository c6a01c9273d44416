//! Load: as fast as answers come, or at a rate that does not wait for answers.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::Fault;
use crate::client::{Answer, Client, Connection};
use crate::samples::Samples;

/// Makes the request of a number.
pub type Requests = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

/// What is asked for, by whom.
#[derive(Clone)]
pub struct Load {
    /// Whom it asks.
    pub client: Client,
    /// What it asks for.
    pub requests: Requests,
    /// Where the connections come from: one each.
    pub from: Vec<Ipv4Addr>,
    /// Whether a connection is used again, or every request has a handshake of its own.
    pub is_kept_alive: bool,
    /// The end of the load: what comes first.
    pub requests_at_most: usize,
    /// The same in time.
    pub time_at_most: Duration,
}

/// What came back.
#[derive(Default)]
pub struct Seen {
    /// Answers 200 with a certificate.
    pub redeemed: usize,
    /// Answers 403 and 429.
    pub refused: usize,
    /// Every other answer.
    pub other: usize,
    /// Requests without an answer.
    pub broken: usize,
    /// Requests that were asked again because their connection broke.
    pub again: usize,
    /// How long the answers took.
    pub times: Samples,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Seen {
    fn add(&mut self, answer: &io::Result<Answer>, time: Duration) {
        match answer {
            Ok(answer) if answer.status == 200 && answer.has_certificate => self.redeemed += 1,
            Ok(answer) if matches!(answer.status, 403 | 429) => self.refused += 1,
            Ok(_) => self.other += 1,
            Err(_) => self.broken += 1,
        }
        if answer.is_ok() {
            self.times.add(time);
        }
    }

    fn merge(&mut self, mut other: Self) {
        self.redeemed += other.redeemed;
        self.refused += other.refused;
        self.other += other.other;
        self.broken += other.broken;
        self.again += other.again;
        self.times.append(&mut other.times);
    }

    /// The same, or an error when anything but redemptions came back.
    ///
    /// # Errors
    /// Something else came back, or nothing.
    pub fn only_redeemed(self) -> Result<Self, Fault> {
        if self.refused + self.other + self.broken > 0 || self.redeemed == 0 {
            return Err(format!(
                "not only redemptions: {} redeemed, {} refused, {} other answers, {} broken",
                self.redeemed, self.refused, self.other, self.broken
            )
            .into());
        }
        Ok(self)
    }
}

impl Load {
    /// Each connection asks as soon as it has its answer. All are connected before the clock
    /// starts.
    ///
    /// # Errors
    /// A connection cannot be made before the clock starts.
    pub async fn closed(self) -> Result<Seen, Fault> {
        let mut askers = self.askers();
        for asker in &mut askers {
            asker.prepare().await?;
        }
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let end = begun + self.time_at_most;
        let mut tasks = JoinSet::new();
        for mut asker in askers {
            let (load, next) = (self.clone(), Arc::clone(&next));
            tasks.spawn(async move {
                let mut seen = Seen::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let asked = Instant::now();
                    if number >= load.requests_at_most || asked >= end {
                        return seen;
                    }
                    let request = (load.requests)(number);
                    let answer = asker.ask(&request).await;
                    seen.add(&answer, asked.elapsed());
                }
            });
        }
        gather(tasks, begun).await
    }

    /// Requests start at their time, whether others were answered or not, on whichever connection
    /// is free; they wait when none is. The times are from the intended starts. A request whose
    /// connection breaks is asked again, as redeemers do.
    ///
    /// # Errors
    /// As [`Load::closed`].
    pub async fn offered(self, per_second: u32) -> Result<Seen, Fault> {
        let mut askers = self.askers();
        for asker in &mut askers {
            asker.prepare().await?;
        }
        let pause = Duration::from_secs(1) / per_second;
        let (sender, receiver) = mpsc::unbounded_channel();
        let begun = Instant::now();
        let (end, requests_at_most) = (begun + self.time_at_most, self.requests_at_most);
        // A thread of its own: timers of the runtime have steps of a millisecond.
        let pacer = std::thread::spawn(move || {
            let mut start = begun;
            for number in 0..requests_at_most {
                if start >= end {
                    return;
                }
                std::thread::sleep(start.saturating_duration_since(Instant::now()));
                if sender.send((number, start)).is_err() {
                    return;
                }
                start += pause;
            }
        });
        let receiver = Arc::new(Mutex::new(receiver));
        let mut tasks = JoinSet::new();
        for mut asker in askers {
            let (load, receiver) = (self.clone(), Arc::clone(&receiver));
            tasks.spawn(async move {
                let mut seen = Seen::default();
                loop {
                    let next = receiver.lock().await.recv().await;
                    let Some((number, start)) = next else {
                        return seen;
                    };
                    let request = (load.requests)(number);
                    let mut answer = asker.ask(&request).await;
                    for _ in 0..AGAIN {
                        if answer.is_ok() {
                            break;
                        }
                        seen.again += 1;
                        answer = asker.ask(&request).await;
                    }
                    seen.add(&answer, start.elapsed());
                }
            });
        }
        let seen = gather(tasks, begun).await;
        pacer.join().map_err(|_| "the pacer panicked")?;
        seen
    }

    fn askers(&self) -> Vec<Asker> {
        let asker = |from: &Ipv4Addr| Asker {
            client: self.client.clone(),
            from: *from,
            is_kept_alive: self.is_kept_alive,
            connection: None,
        };
        self.from.iter().map(asker).collect()
    }
}

async fn gather(mut tasks: JoinSet<Seen>, begun: Instant) -> Result<Seen, Fault> {
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        all.merge(seen?);
        all.elapsed = begun.elapsed();
    }
    Ok(all)
}

struct Asker {
    client: Client,
    from: Ipv4Addr,
    is_kept_alive: bool,
    connection: Option<Connection>,
}

impl Asker {
    async fn prepare(&mut self) -> io::Result<()> {
        if self.is_kept_alive {
            self.connection = Some(self.client.connect(self.from).await?);
        }
        Ok(())
    }

    async fn ask(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.client.connect(self.from).await?,
        };
        let answer = tokio::time::timeout(PATIENCE, connection.ask(request)).await??;
        if !self.is_kept_alive {
            connection.close().await;
        } else if answer.is_kept_alive {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

/// How often a request is asked again when its connection breaks.
const AGAIN: usize = 3;

/// Skupper's redeemers give up after this time.
const PATIENCE: Duration = Duration::from_secs(10);
