//! Changes that a controller notices, and what its router makes of them.

use std::fs;
use std::sync::Arc;

use router_stand_in::{ConnectingRouter, Controller, Router as _, SecretContent, Update, until};

use crate::common::Pair;

#[tokio::test]
async fn a_change_of_the_secret_becomes_the_next_revision() {
    let Kept {
        pair,
        mut controller,
        content,
    } = Kept::new().await;
    assert!(controller.see(&content).is_none());

    let renewed = pair.certificates.west("/OU=1/CN=west");
    assert!(matches!(controller.see(&renewed), Some(Update::Taken)));
    assert_eq!(
        (controller.ordinal(), pair.west.router.read().ordinal),
        (1, 1)
    );
    for (file, bytes) in &renewed {
        assert_eq!(
            &fs::read(pair.west.folder.path().join(file)).unwrap(),
            bytes
        );
    }
    pair.is_open().await;
    assert_eq!(pair.subjects(), ["CN=west,OU=0", "CN=west,OU=1"]);
}

#[tokio::test]
async fn a_revision_is_closed_when_the_third_after_it_arrives() {
    for (prior, expected) in [
        (2, [(0, 0), (1, 0), (2, 0), (3, 1), (4, 2)]),
        (0, [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]),
    ] {
        let Kept {
            pair,
            mut controller,
            mut content,
        } = Kept::new().await;
        controller.prior_valid_revisions = prior;
        let router = &pair.west.router;
        for (ordinal, oldest) in expected {
            if ordinal > 0 {
                touch(&mut content, ordinal);
                assert!(matches!(controller.see(&content), Some(Update::Taken)));
            }
            let ordinals: Vec<_> = router.sets().iter().map(|set| set.ordinal).collect();
            assert_eq!(ordinals, (oldest..=ordinal).collect::<Vec<_>>());
            let shown = router.read();
            assert_eq!(
                (shown.ordinal, shown.oldest_valid_ordinal),
                (ordinal, oldest)
            );
        }
    }
}

#[tokio::test]
async fn a_change_while_it_is_away_is_never_noticed_but_a_further_one_is() {
    let Kept {
        pair,
        mut controller,
        ..
    } = Kept::new().await;
    let mut renewed = pair.certificates.west("/OU=1/CN=west");
    controller.is_away = true;
    assert!(controller.see(&renewed).is_none());
    controller.is_away = false;
    assert!(controller.see(&renewed).is_none());
    assert_eq!(pair.west.router.read().ordinal, 0);

    touch(&mut renewed, 1);
    assert!(matches!(controller.see(&renewed), Some(Update::Taken)));
    pair.is_open().await;
    assert_eq!(pair.subjects(), ["CN=west,OU=0", "CN=west,OU=1"]);
    assert!(!pair.west.folder.path().join(FURTHER).exists());
}

#[tokio::test]
async fn told_between_two_files_the_router_refuses_and_the_revision_is_lost() {
    let Kept {
        pair,
        mut controller,
        ..
    } = Kept::new().await;
    let mut renewed = pair.certificates.west("/OU=1/CN=west");
    let update = controller.see_and_tell_early(&renewed);
    assert!(matches!(update, Some(Update::Refused(_))), "{update:?}");
    assert_eq!(pair.west.router.read().ordinal, 1);
    assert!(controller.see(&renewed).is_none());
    assert!(matches!(pair.west.router.update(1, 0), Update::Ignored));
    assert_eq!(pair.subjects(), ["CN=west,OU=0"]);

    touch(&mut renewed, 1);
    assert!(matches!(controller.see(&renewed), Some(Update::Taken)));
    pair.is_open().await;
    assert_eq!(pair.subjects(), ["CN=west,OU=0", "CN=west,OU=1"]);
}

#[tokio::test]
async fn with_the_ordinal_back_at_zero_the_router_ignores_it_until_it_has_caught_up() {
    let Kept {
        pair,
        mut controller,
        mut content,
    } = Kept::new().await;
    let mut see = |controller: &mut Controller<_>, change| {
        touch(&mut content, change);
        let taken = controller.see(&content).unwrap();
        assert_ne!(
            matches!(taken, Update::Taken),
            matches!(taken, Update::Ignored)
        );
        matches!(taken, Update::Taken)
    };
    assert!((1..=3).all(|change| see(&mut controller, change)));
    controller.set_back();
    let taken: Vec<_> = (4..=8).map(|change| see(&mut controller, change)).collect();
    assert_eq!(taken, [false, false, false, true, true]);
    assert_eq!(pair.west.router.read().ordinal, 5);
    until("the link is open", || pair.west.router.is_open()).await;
}

/// A pair whose link a controller keeps, and what is in its Secret.
struct Kept {
    pair: Pair,
    controller: Controller<ConnectingRouter>,
    content: SecretContent,
}

impl Kept {
    async fn new() -> Self {
        let pair = Pair::new().await;
        let folder = pair.west.folder.path();
        let file = |name: &str| (name.to_owned(), fs::read(folder.join(name)).unwrap());
        let content: SecretContent = router_stand_in::FILES.map(file).into();
        let router = Arc::clone(&pair.west.router);
        let controller = Controller::new(router, folder, content.clone());
        Self {
            pair,
            controller,
            content,
        }
    }
}

/// Changes a key of the Secret that is none of the three.
fn touch(content: &mut SecretContent, change: u64) {
    content.insert(FURTHER.into(), change.to_string().into_bytes());
}

const FURTHER: &str = "redemption-sidecar.revision";
