//! What is known at one moment while the protocol runs, and which moments are the same.

/// Everything that is known at one moment; the last two fields only to those who judge it.
///
/// No sequence of steps is a circle: a write is in vain only when another one was stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// How the grant will end.
    pub(crate) end: End,
    pub(crate) is_expired: bool,
    pub(crate) record: Record,
    pub(crate) replicas: [Replica; 2],
    pub(crate) redeemers: [Redeemer; 2],
    /// Writes that nobody waits for any more, on their way in any order.
    pub(crate) strays: Vec<Put>,
    /// Whether nothing was lost yet: an answer, or the result of a write.
    pub(crate) can_lose: bool,
    /// What the certificates that left were made of.
    pub(crate) outside: Vec<Candidate>,
    /// Whether something was counted for a request that came after the expiry, or after the
    /// revocation was stored.
    pub(crate) was_counted_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Expiry,
    Revocation,
}

/// What one request of one redeemer asks for; `Protocol::redemption` says what that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Candidate {
    pub(crate) redeemer: u8,
    pub(crate) request: u8,
}

/// What the store holds of the grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) redemptions: Vec<Candidate>,
    pub(crate) is_revoked: bool,
    pub(crate) version: u8,
}

/// A process of the service. It crashes once, forgets everything, and starts again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Replica {
    /// The request of each redeemer.
    pub(crate) tasks: [Option<Task>; 2],
    pub(crate) put: Option<Put>,
    pub(crate) has_crashed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Task {
    pub(crate) candidate: Candidate,
    /// Whether it came after the expiry.
    pub(crate) is_late: bool,
    pub(crate) step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Read, not refused, and certified; the certificate is kept back.
    Certified,
    /// Part of a write whose result is awaited, with the answer if it is stored.
    Writing(Answer),
    /// Only with `Mutation::AnswerBeforeCount`.
    Answered,
    Decided(Answer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    Certificate(Candidate),
    Refused,
    TryAgain,
}

/// A write that is on its way to the store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Put {
    pub(crate) record: Record,
    pub(crate) is_late: bool,
}

/// Somebody with the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Redeemer {
    pub(crate) requests: u8,
    pub(crate) state: RedeemerState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum RedeemerState {
    #[default]
    Idle,
    /// For the answer of a replica.
    Waiting(usize),
    Done,
    /// For good.
    Refused,
}

impl State {
    pub(crate) fn first(end: End) -> Self {
        Self {
            end,
            is_expired: false,
            record: Record::default(),
            replicas: Default::default(),
            redeemers: Default::default(),
            strays: Vec::new(),
            can_lose: true,
            outside: Vec::new(),
            was_counted_late: false,
        }
    }

    pub(crate) fn answer(&mut self, replica: usize, redeemer: usize) {
        let slot = &mut self.replicas[replica].tasks[redeemer];
        let Some(task) = slot.take() else { return };
        let answer = if let Step::Decided(answer) = task.step {
            answer
        } else {
            let step = Step::Answered;
            *slot = Some(Task { step, ..task });
            Answer::Certificate(task.candidate)
        };
        if let Answer::Certificate(candidate) = answer
            && !self.outside.contains(&candidate)
        {
            self.outside.push(candidate);
            self.outside.sort_unstable();
        }
        let redeemer = &mut self.redeemers[redeemer].state;
        if *redeemer == RedeemerState::Waiting(replica) {
            *redeemer = match answer {
                Answer::Certificate(_) => RedeemerState::Done,
                Answer::TryAgain => RedeemerState::Idle,
                Answer::Refused => RedeemerState::Refused,
            };
        }
    }

    /// What was on its way stays on its way; the redeemers see their connections end.
    pub(crate) fn crash(&mut self, replica: usize) {
        let crashed = &mut self.replicas[replica];
        self.strays.extend(crashed.put.take());
        *crashed = Replica {
            has_crashed: true,
            ..Replica::default()
        };
        for redeemer in &mut self.redeemers {
            if redeemer.state == RedeemerState::Waiting(replica) {
                redeemer.state = RedeemerState::Idle;
            }
        }
    }

    /// Makes states equal that differ in nothing but the numbers of the replicas.
    pub(crate) fn sort_replicas(&mut self) {
        if self.replicas[1] < self.replicas[0] {
            self.replicas.swap(0, 1);
            for redeemer in &mut self.redeemers {
                if let RedeemerState::Waiting(replica) = &mut redeemer.state {
                    *replica = 1 - *replica;
                }
            }
        }
    }

    /// The same for the redeemers, if nothing tells them apart.
    pub(crate) fn sort_redeemers(&mut self) {
        if self.redeemers[1].requests >= self.redeemers[0].requests {
            return;
        }
        self.redeemers.swap(0, 1);
        let replicas = self.replicas.iter_mut();
        let puts = replicas.filter_map(|replica| {
            replica.tasks.swap(0, 1);
            for task in replica.tasks.iter_mut().flatten() {
                task.candidate.swap();
                if let Step::Decided(answer) | Step::Writing(answer) = &mut task.step
                    && let Answer::Certificate(candidate) = answer
                {
                    candidate.swap();
                }
            }
            replica.put.as_mut()
        });
        let records = puts.chain(&mut self.strays).map(|put| &mut put.record);
        let of_records = records
            .chain([&mut self.record])
            .map(|record| &mut record.redemptions);
        for candidates in of_records.chain([&mut self.outside]) {
            candidates.iter_mut().for_each(Candidate::swap);
            candidates.sort_unstable();
        }
        self.strays.sort_unstable();
    }
}

impl Candidate {
    fn swap(&mut self) {
        self.redeemer = 1 - self.redeemer;
    }
}

impl Replica {
    pub(crate) fn task(&mut self, redeemer: usize) -> &mut Task {
        self.tasks[redeemer].as_mut().unwrap()
    }

    /// The result of a write. Whoever is not counted is decided about again, with a new copy.
    pub(crate) fn written(&mut self, is_done: bool) {
        for task in self.tasks.iter_mut().flatten() {
            if let Step::Writing(answer) = task.step {
                task.step = if is_done {
                    Step::Decided(answer)
                } else {
                    Step::Certified
                };
            }
        }
    }
}
