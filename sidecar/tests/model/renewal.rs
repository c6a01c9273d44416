//! The renewal of a link as a state machine: two keepers of one link, two replicas of the granting site,
//! the revocation of the link, and the change of the CA. Whoever has another link asks, too.
//!
//! The bound: two renewals; each keeper crashes once, between any two steps; one answer gets lost, and
//! the note of one in the register; each replica reads the revocations once more after its start, and
//! hears of a revocation at any time within its bound. What the register decides is decided by the
//! service's own [`decide`].

use redemption_sidecar::renewal::{Refusal, Standing, decide};

/// A wrong protocol, or the right one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Renewals {
    pub(crate) mutation: Option<Mutation>,
}

/// A protocol that is not the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// A replica that hears nothing goes on with what it knows.
    TrustSilence,
    /// A replica renews before it has read the revocations.
    RenewUnread,
    /// The revocation of a grant reaches the links that the register knows, and no others.
    RevokeWhatIsNoted,
    /// A renewal counts in the grant.
    CountRenewals,
    /// The link is the one that the request names.
    BelieveTheRequest,
    /// The key of the next certificate is in memory only, and the Secret gets it first.
    KeyFirst,
    /// The Secret is replaced whatever is in place.
    PlainWrite,
    /// A keeper that begins anew takes it for granted that the router was told of what is in place.
    ForgetToTell,
    /// The server of the routers shows a certificate of the new CA before every link trusts it.
    ServerFirst,
    /// The old CA goes as soon as the Secret has a certificate of the new one.
    DropUntold,
    /// The first certificate of the new CA comes without the old one in `ca.crt`.
    NoOverlap,
}

/// A CA of links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ca {
    #[default]
    Old,
    New,
}

/// The CAs of a `ca.crt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Trust {
    #[default]
    Old,
    Both,
    New,
}

impl Trust {
    fn has(self, ca: Ca) -> bool {
        match self {
            Self::Both => true,
            Self::Old => ca == Ca::Old,
            Self::New => ca == Ca::New,
        }
    }
}

/// Key and certificate with its `ca.crt`. The number is that of the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) key: u8,
    pub(crate) certified: u8,
    pub(crate) ca: Ca,
    pub(crate) trust: Trust,
}

/// The knowledge of a replica about the revocation of the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum View {
    /// Nothing is read, or nothing was heard for longer than the bound.
    #[default]
    Unknown,
    Good,
    Revoked,
}

/// The step of a keeper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Step {
    #[default]
    Idle,
    /// It has read the pair in place, and has the key of the next certificate.
    Keyed { seen: Pair, key: u8 },
    /// It has the next pair.
    Answered { seen: Pair, pair: Pair },
    /// The next pair is in place, or another one is, and the key still waits beside it.
    Put,
    /// The key does not wait any more.
    Cleared,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Keeper {
    pub(crate) step: Step,
    pub(crate) has_crashed: bool,
}

/// Everything that is known at one moment.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The Secret.
    pub(crate) secret: Pair,
    /// The pair that the router uses.
    pub(crate) router: Pair,
    /// The key that waits beside the Secret.
    pub(crate) pending: Option<u8>,
    pub(crate) keys: u8,
    pub(crate) keepers: [Keeper; 2],
    pub(crate) views: [View; 2],
    /// Number of times that a replica may still start anew.
    pub(crate) restarts: u8,
    pub(crate) can_lose_answer: bool,
    /// True once the register has noted the link.
    pub(crate) is_noted: bool,
    pub(crate) is_revoked: bool,
    /// True once the bound of the revocation has passed.
    pub(crate) is_bound_over: bool,
    pub(crate) counted: u8,
    /// The CA that certifies, what the accepting routers trust, and what they show.
    pub(crate) issuer: Ca,
    pub(crate) accepted: Trust,
    pub(crate) shown: Ca,
    /// True once a certificate left after the bound of the revocation.
    pub(crate) was_renewed_late: bool,
    /// True once somebody has a certificate of this link without a key of it.
    pub(crate) was_stolen: bool,
}

impl State {
    pub(crate) fn first() -> Self {
        Self {
            secret: Pair::default(),
            router: Pair::default(),
            pending: None,
            keys: 1,
            keepers: Default::default(),
            views: Default::default(),
            restarts: 1,
            can_lose_answer: true,
            is_noted: false,
            is_revoked: false,
            is_bound_over: false,
            counted: 1,
            issuer: Ca::Old,
            accepted: Trust::Old,
            shown: Ca::Old,
            was_renewed_late: false,
            was_stolen: false,
        }
    }

    /// Key and certificate belong together, in place and at the router.
    pub(crate) fn pair_matches(&self) -> bool {
        [self.secret, self.router]
            .iter()
            .all(|pair| pair.key == pair.certified)
    }
}

/// One step. Numbers are those of a keeper and of a replica, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// The Secret is read, and the key of the next certificate is kept, unless one waits already.
    Key(usize),
    Ask(usize, usize),
    /// The replica certifies, and the keeper does not hear of it.
    LoseAnswer(usize, usize),
    Put(usize),
    /// The key that waits goes if it is the one in place.
    Clear(usize),
    /// The router is told of what is in place.
    Tell(usize),
    CrashKeeper(usize),
    RestartReplica(usize),
    /// A replica reads the revocations, or hears of a change.
    Read(usize),
    /// The register notes the link.
    Note,
    /// The grant of the link is revoked, with its links.
    Revoke,
    /// The time is over within which every replica hears of it, or takes itself for one that does not.
    PassBound,
    /// Whoever has another link asks for a certificate of this one.
    Steal(usize),
    /// The steps of a change of the CA, as the manual has them.
    BeginChange,
    ShowNew,
    DropOld,
}

/// Most keys of a link: two renewals, and one that is lost.
const KEYS: u8 = 4;

impl Renewals {
    pub(crate) fn possible(self, state: &State, actions: &mut Vec<Action>) {
        for (number, keeper) in state.keepers.iter().enumerate() {
            match keeper.step {
                Step::Idle if state.keys < KEYS || state.pending.is_some() => {
                    actions.push(Action::Key(number));
                }
                Step::Idle => {}
                Step::Keyed { .. } => {
                    for replica in 0..2 {
                        actions.push(Action::Ask(number, replica));
                        if state.can_lose_answer {
                            actions.push(Action::LoseAnswer(number, replica));
                        }
                    }
                }
                Step::Answered { .. } => actions.push(Action::Put(number)),
                Step::Put => actions.push(Action::Clear(number)),
                Step::Cleared => actions.push(Action::Tell(number)),
            }
            if keeper.step == Step::Idle && !self.is_in_use(state) {
                actions.push(Action::Tell(number));
            }
            if !keeper.has_crashed && keeper.step != Step::Idle {
                actions.push(Action::CrashKeeper(number));
            }
        }
        for replica in 0..2 {
            if state.views[replica] != self.truth(state) {
                actions.push(Action::Read(replica));
            }
            if state.restarts > 0 {
                actions.push(Action::RestartReplica(replica));
            }
            actions.push(Action::Steal(replica));
        }
        if !state.is_noted && !state.is_revoked {
            actions.push(Action::Note);
        }
        if !state.is_revoked {
            actions.push(Action::Revoke);
        } else if !state.is_bound_over {
            actions.push(Action::PassBound);
        }
        self.change(state, actions);
    }

    /// The next step of a change of the CA, once the one before it is done everywhere.
    fn change(self, state: &State, actions: &mut Vec<Action>) {
        let may_show = state.router.trust.has(Ca::New) || self.is(Mutation::ServerFirst);
        let is_through = state.router.ca == Ca::New && state.shown == Ca::New;
        let is_in_place = state.secret.ca == Ca::New;
        let may_drop = is_through || self.is(Mutation::DropUntold) && is_in_place;
        match (state.accepted, state.shown) {
            (Trust::Old, _) => actions.push(Action::BeginChange),
            (Trust::Both, Ca::Old) if may_show => actions.push(Action::ShowNew),
            _ => {}
        }
        if state.accepted == Trust::Both && may_drop {
            actions.push(Action::DropOld);
        }
    }

    pub(crate) fn after(self, state: &State, action: Action) -> State {
        let mut next = state.clone();
        match action {
            Action::Key(keeper) => self.key(&mut next, keeper),
            Action::Ask(keeper, replica) => self.ask(&mut next, keeper, replica),
            Action::LoseAnswer(keeper, replica) => {
                next.can_lose_answer = false;
                if self.certifies(state, replica) {
                    next.was_renewed_late |= state.is_bound_over;
                    next.counted += u8::from(self.is(Mutation::CountRenewals));
                }
                next.keepers[keeper].step = Step::Idle;
            }
            Action::Put(keeper) => {
                let Step::Answered { seen, pair } = state.keepers[keeper].step else {
                    return next;
                };
                if state.secret == seen || self.is(Mutation::PlainWrite) {
                    next.secret = pair;
                }
                next.keepers[keeper].step = Step::Put;
            }
            Action::Clear(keeper) => {
                if state.pending == Some(state.secret.key) {
                    next.pending = None;
                }
                next.keepers[keeper].step = Step::Cleared;
            }
            Action::Tell(keeper) => {
                next.router = state.secret;
                next.keepers[keeper].step = Step::Idle;
            }
            Action::CrashKeeper(keeper) => {
                next.keepers[keeper] = Keeper {
                    step: Step::Idle,
                    has_crashed: true,
                };
            }
            Action::RestartReplica(replica) => {
                next.restarts -= 1;
                next.views[replica] = View::Unknown;
            }
            Action::Read(replica) => next.views[replica] = self.truth(state),
            Action::Note => next.is_noted = true,
            Action::Revoke => next.is_revoked = true,
            Action::PassBound => {
                next.is_bound_over = true;
                for view in &mut next.views {
                    if *view == View::Good && !self.is(Mutation::TrustSilence) {
                        *view = View::Unknown;
                    }
                }
            }
            Action::Steal(replica) => {
                // The other link is good, and this one is named.
                let believes = self.is(Mutation::BelieveTheRequest);
                next.was_stolen |= believes && state.views[replica] == View::Good;
            }
            Action::BeginChange => (next.accepted, next.issuer) = (Trust::Both, Ca::New),
            Action::ShowNew => next.shown = Ca::New,
            Action::DropOld => next.accepted = Trust::New,
        }
        next
    }

    fn key(self, state: &mut State, keeper: usize) {
        let key = match state.pending {
            Some(key) if !self.is(Mutation::KeyFirst) => key,
            _ => {
                let key = state.keys.min(KEYS);
                state.keys = (state.keys + 1).min(KEYS);
                state.pending = Some(key);
                key
            }
        };
        let seen = state.secret;
        if self.is(Mutation::KeyFirst) {
            state.secret.key = key;
        }
        // The key of the Secret waits where a keeper stopped before it removed it.
        state.keepers[keeper].step = if key == seen.key {
            Step::Put
        } else {
            Step::Keyed { seen, key }
        };
    }

    fn ask(self, state: &mut State, keeper: usize, replica: usize) {
        let Step::Keyed { seen, key } = state.keepers[keeper].step else {
            return;
        };
        if !self.certifies(state, replica) {
            // It asks again, later.
            return;
        }
        state.was_renewed_late |= state.is_bound_over;
        state.counted += u8::from(self.is(Mutation::CountRenewals));
        let trust = match (state.accepted, state.issuer) {
            (Trust::Both, Ca::New) if self.is(Mutation::NoOverlap) => Trust::New,
            (accepted, _) => accepted,
        };
        let pair = Pair {
            key,
            certified: key,
            ca: state.issuer,
            trust,
        };
        state.keepers[keeper].step = Step::Answered { seen, pair };
    }

    fn certifies(self, state: &State, replica: usize) -> bool {
        let standing = match state.views[replica] {
            View::Good => Standing::Good,
            View::Revoked => Standing::Revoked,
            View::Unknown => Standing::Unknown,
        };
        match decide(standing) {
            Err(Refusal::NotReady) => self.is(Mutation::RenewUnread),
            decision => decision.is_ok(),
        }
    }

    /// The view of a replica that reads now. A certificate names its grant, so that the revocation of a grant reaches
    /// a link that the register does not know.
    fn truth(self, state: &State) -> View {
        let reaches = state.is_noted || !self.is(Mutation::RevokeWhatIsNoted);
        if state.is_revoked && reaches {
            View::Revoked
        } else {
            View::Good
        }
    }

    /// True where the router uses what is in place. A keeper that does not compare takes it for granted.
    fn is_in_use(self, state: &State) -> bool {
        state.router == state.secret || self.is(Mutation::ForgetToTell)
    }

    fn is(self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// Each side trusts the other; and while the router does not use what is in place, or a key waits, a
    /// keeper has something to do, whatever has crashed.
    pub(crate) fn link_lives(self, state: &State) -> bool {
        let Pair { ca, trust, .. } = state.router;
        let is_trusted = state.accepted.has(ca) && trust.has(state.shown);
        let mut actions = Vec::new();
        self.possible(state, &mut actions);
        let is_done = state.router == state.secret;
        let goes_on = actions.iter().any(|action| {
            matches!(
                action,
                Action::Key(_)
                    | Action::Ask(..)
                    | Action::Put(_)
                    | Action::Clear(_)
                    | Action::Tell(_)
            )
        });
        is_trusted && (is_done || goes_on)
    }
}
