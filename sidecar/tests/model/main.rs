//! The protocol of a redemption, explored in every order in which its steps can happen.
//!
//! The bound: two redeemers of one grant, which allows one redemption or two; two replicas of the
//! service, each of which crashes once, between any two steps; one message that gets lost, an answer
//! or the result of a write; and the end of the grant, by expiry or by revocation, at any moment. A
//! redeemer asks again, of whichever replica, until it is answered for good: with its own key, or, as
//! a plain Skupper client, with a new key that the service makes for each request.
//!
//! The renewal of a link has a model of its own, in [`renewal`], with its own bound.
//!
//! These are about a million different states in all. What holds in each of them has a name in
//! [`Protocol::properties`]. Each of these names is lost by at least one wrong protocol, so none of
//! them holds for nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test that cannot go on has failed; tables are long"
)]

mod protocol;
mod renewal;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{Action, Mutation, Protocol, Store};
use redemption_sidecar::redemption::{KeyDigest, KeyOrigin, Redemption};
use renewal::Renewals;
use state::{Candidate, End, RedeemerState, State};
use stateright::{Checker, HasDiscoveries, Model, Property};

const AT_MOST_N: &str = "at-most-n";
const COUNTED_BEFORE_ANSWERED: &str = "counted-before-answered";
const OWN_KEY_NEVER_LOSES: &str = "own-key-never-loses";
const SAME_REDEMPTION_SAME_SERIAL: &str = "same-redemption-same-serial";
const NOTHING_AFTER_THE_END: &str = "nothing-after-the-end";

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(End::Expiry), State::first(End::Revocation)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(self.after(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AT_MOST_N, at_most_n),
            Property::always(COUNTED_BEFORE_ANSWERED, counted_before_answered),
            Property::always(OWN_KEY_NEVER_LOSES, own_key_never_loses),
            Property::always(SAME_REDEMPTION_SAME_SERIAL, same_redemption_same_serial),
            Property::always(NOTHING_AFTER_THE_END, nothing_after_the_end),
        ]
    }
}

/// No more keys are certified, and no more are counted, than the grant allows.
fn at_most_n(protocol: &Protocol, state: &State) -> bool {
    let keys = |candidates: &[Candidate]| -> BTreeSet<KeyDigest> {
        candidates
            .iter()
            .map(|candidate| protocol.redemption(*candidate).key)
            .collect()
    };
    let allowed = protocol.grant.redemptions_allowed as usize;
    keys(&state.outside).len() <= allowed && state.record.redemptions.len() <= allowed
}

/// No certificate is outside whose key is not counted in the store.
fn counted_before_answered(protocol: &Protocol, state: &State) -> bool {
    state
        .outside
        .iter()
        .all(|candidate| is_counted(protocol, state, protocol.redemption(*candidate).key))
}

/// As long as the grant has not ended, a redeemer with a key of its own that is counted is not
/// refused, and when it asks on and nothing goes wrong any more it has its certificate before
/// nothing is left to do.
fn own_key_never_loses(protocol: &Protocol, state: &State) -> bool {
    if state.is_expired || state.record.is_revoked {
        return true;
    }
    (0..2).all(|redeemer| {
        let key = protocol.own_key(redeemer);
        if !key.is_some_and(|key| is_counted(protocol, state, key)) {
            return true;
        }
        match state.redeemers[redeemer].state {
            RedeemerState::Done => true,
            RedeemerState::Refused => false,
            RedeemerState::Idle | RedeemerState::Waiting(_) => {
                let mut actions = Vec::new();
                protocol.possible(state, &mut actions);
                actions.iter().any(|action| action.is_progress_of(redeemer))
            }
        }
    })
}

fn is_counted(protocol: &Protocol, state: &State, key: KeyDigest) -> bool {
    let mut counted = state.record.redemptions.iter();
    counted.any(|known| protocol.redemption(*known).key == key)
}

/// All certificates of a key have one serial number and one time, those that are counted.
fn same_redemption_same_serial(protocol: &Protocol, state: &State) -> bool {
    let mut made = BTreeMap::new();
    let mut candidates = state.record.redemptions.iter().chain(&state.outside);
    candidates.all(|candidate| {
        let Redemption {
            key, serial, at, ..
        } = protocol.redemption(*candidate);
        *made.entry(key).or_insert((serial, at)) == (serial, at)
    })
}

/// Nothing is counted for a request that came after the expiry, and nothing after the revocation.
fn nothing_after_the_end(_: &Protocol, state: &State) -> bool {
    !state.was_counted_late
}

type Case = (&'static str, u32, [KeyOrigin; 2], usize);

#[test]
fn every_invariant_holds_with_one_transaction() {
    use KeyOrigin::{Redeemer, Service};
    explore(
        Store::Transaction,
        &[
            (
                "one redemption, own key and plain",
                1,
                [Redeemer, Service],
                44_000,
            ),
            (
                "two redemptions, own key and plain",
                2,
                [Redeemer, Service],
                87_000,
            ),
            ("one redemption, own keys", 1, [Redeemer, Redeemer], 27_000),
            ("two redemptions, own keys", 2, [Redeemer, Redeemer], 44_000),
        ],
    );
}

#[test]
fn every_invariant_holds_with_compare_and_swap() {
    use KeyOrigin::{Redeemer, Service};
    explore(
        Store::CompareAndSwap,
        &[
            (
                "one redemption, own key and plain",
                1,
                [Redeemer, Service],
                138_000,
            ),
            (
                "two redemptions, own key and plain",
                2,
                [Redeemer, Service],
                353_000,
            ),
            ("one redemption, own keys", 1, [Redeemer, Redeemer], 81_000),
            (
                "two redemptions, own keys",
                2,
                [Redeemer, Redeemer],
                180_000,
            ),
        ],
    );
}

/// The last number of a case is how many different states there are at least: fewer would mean that
/// steps have become impossible.
fn explore(store: Store, cases: &[Case]) {
    for (name, redemptions_allowed, redeemers, states) in cases {
        let protocol = Protocol::new(store, *redemptions_allowed, *redeemers, None);
        let checker = protocol.checker().spawn_bfs().join();
        checker.assert_properties();
        let found = checker.unique_state_count();
        assert!(found >= *states, "{name}: only {found} different states");
    }
}

#[test]
fn every_wrong_protocol_loses_an_invariant() {
    use KeyOrigin::{Redeemer, Service};
    use Store::{CompareAndSwap, Transaction};
    for (mutation, store, redemptions_allowed, second, lost) in [
        (
            Mutation::AnswerBeforeCount,
            Transaction,
            1,
            Service,
            COUNTED_BEFORE_ANSWERED,
        ),
        (
            Mutation::AnswerBeforeCount,
            Transaction,
            1,
            Service,
            AT_MOST_N,
        ),
        (
            Mutation::DecideOutsideTheTransaction,
            Transaction,
            1,
            Service,
            AT_MOST_N,
        ),
        (
            Mutation::DecideOutsideTheTransaction,
            Transaction,
            2,
            Service,
            NOTHING_AFTER_THE_END,
        ),
        (Mutation::PlainWrite, CompareAndSwap, 1, Service, AT_MOST_N),
        (
            Mutation::PlainWrite,
            CompareAndSwap,
            2,
            Service,
            COUNTED_BEFORE_ANSWERED,
        ),
        (
            Mutation::PlainWrite,
            CompareAndSwap,
            2,
            Service,
            NOTHING_AFTER_THE_END,
        ),
        (
            Mutation::TrustLostWrite,
            CompareAndSwap,
            1,
            Service,
            COUNTED_BEFORE_ANSWERED,
        ),
        (
            Mutation::RefuseBeforeWrite,
            CompareAndSwap,
            1,
            Redeemer,
            OWN_KEY_NEVER_LOSES,
        ),
        (
            Mutation::ForgetKeys,
            Transaction,
            1,
            Redeemer,
            OWN_KEY_NEVER_LOSES,
        ),
        (
            Mutation::ForgetKeys,
            CompareAndSwap,
            1,
            Redeemer,
            OWN_KEY_NEVER_LOSES,
        ),
        (
            Mutation::AnswerAnew,
            Transaction,
            1,
            Redeemer,
            SAME_REDEMPTION_SAME_SERIAL,
        ),
        (
            Mutation::AnswerAnew,
            CompareAndSwap,
            1,
            Redeemer,
            SAME_REDEMPTION_SAME_SERIAL,
        ),
        (
            Mutation::StopTheClock,
            Transaction,
            1,
            Redeemer,
            NOTHING_AFTER_THE_END,
        ),
        (
            Mutation::StopTheClock,
            CompareAndSwap,
            1,
            Redeemer,
            NOTHING_AFTER_THE_END,
        ),
    ] {
        let redeemers = [Redeemer, second];
        let protocol = Protocol::new(store, redemptions_allowed, redeemers, Some(mutation));
        let found = HasDiscoveries::AllOf([lost].into());
        let checker = protocol.checker().finish_when(found).spawn_bfs().join();
        assert!(
            checker.discovery(lost).is_some(),
            "{mutation:?} with {store:?} keeps {lost}"
        );
    }
}

const RENEWAL_NEVER_COUNTS: &str = "renewal-never-counts";
const REVOKED_NEVER_RENEWS: &str = "revoked-never-renews";
const LINK_LIVES: &str = "link-lives";
const PAIR_MATCHES: &str = "pair-matches";
const ONE_LINK_ONE_ID: &str = "one-link-one-id";

impl Model for Renewals {
    type State = renewal::State;
    type Action = renewal::Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![renewal::State::first()]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.possible(state, actions);
    }

    fn next_state(&self, state: &Self::State, action: Self::Action) -> Option<Self::State> {
        Some(self.after(state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RENEWAL_NEVER_COUNTS, |_, state: &renewal::State| {
                state.counted == 1
            }),
            Property::always(REVOKED_NEVER_RENEWS, |_, state: &renewal::State| {
                !state.was_renewed_late
            }),
            Property::always(LINK_LIVES, |model: &Self, state| model.link_lives(state)),
            Property::always(PAIR_MATCHES, |_, state: &renewal::State| {
                state.pair_matches()
            }),
            Property::always(ONE_LINK_ONE_ID, |_, state: &renewal::State| {
                !state.was_stolen
            }),
        ]
    }
}

#[test]
fn every_invariant_of_renewals_holds() {
    let checker = Renewals::default().checker().spawn_bfs().join();
    checker.assert_properties();
    let found = checker.unique_state_count();
    assert!(found >= 1_670_000, "only {found} different states");
}

#[test]
fn every_wrong_renewal_loses_an_invariant() {
    use renewal::Mutation;
    for (mutation, lost) in [
        (Mutation::TrustSilence, REVOKED_NEVER_RENEWS),
        (Mutation::RenewUnread, REVOKED_NEVER_RENEWS),
        (Mutation::RevokeWhatIsNoted, REVOKED_NEVER_RENEWS),
        (Mutation::CountRenewals, RENEWAL_NEVER_COUNTS),
        (Mutation::BelieveTheRequest, ONE_LINK_ONE_ID),
        (Mutation::KeyFirst, PAIR_MATCHES),
        (Mutation::PlainWrite, LINK_LIVES),
        (Mutation::ForgetToTell, LINK_LIVES),
        (Mutation::ServerFirst, LINK_LIVES),
        (Mutation::DropUntold, LINK_LIVES),
        (Mutation::NoOverlap, LINK_LIVES),
    ] {
        let mutation_of = Renewals {
            mutation: Some(mutation),
        };
        let found = HasDiscoveries::AllOf([lost].into());
        let checker = mutation_of.checker().finish_when(found).spawn_bfs().join();
        assert!(
            checker.discovery(lost).is_some(),
            "{mutation:?} keeps {lost}"
        );
    }
}
