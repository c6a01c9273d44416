//! Sets of connections, what flows over them, and what closes them.

use std::net::IpAddr;
use std::time::Duration;

use router_stand_in::{
    AcceptingRouter, FlowProblem, Flows, LOOPBACK, Link, Role, Router as _, Settings, ShownSet,
    Update, until,
};

use crate::common::{
    Certificates, DATA_CONNECTIONS, HOST, Pair, accepting, connecting, folder, link, write,
};

const ALL: usize = DATA_CONNECTIONS + 1;

#[tokio::test]
async fn a_link_is_one_control_connection_and_some_for_data() {
    let certificates = Certificates::new();
    let east = accepting(&certificates.east(), Settings::default()).await;
    for data_connections in [0, 1, 5] {
        let way = Link {
            data_connections,
            ..link(&east.router)
        };
        let west = connecting(&certificates.west("/CN=west"), way, Settings::default());
        until("the link is open", || west.router.is_open()).await;
        let data = |role| {
            east.router
                .peers()
                .iter()
                .filter(|peer| peer.role == role)
                .count()
        };
        assert_eq!(
            (data(Role::Control), data(Role::Data)),
            (1, data_connections)
        );

        drop(west);
        until("the link is gone", || east.router.peers().is_empty()).await;
    }
}

#[tokio::test]
async fn told_a_whole_new_set_opens_and_the_old_one_stays_without_new_flows() {
    let pair = Pair::new().await;
    let (east, west) = (&pair.east.router, &pair.west.router);
    let mut old = west.open_flow().await.unwrap();
    assert!(matches!(west.update(1, 0), Update::Taken));
    pair.is_open().await;

    assert_eq!(west.sets(), [set(0, ALL), set(1, ALL)]);
    assert_eq!(east.peers().len(), 2 * ALL);
    for _ in 0..2 * DATA_CONNECTIONS {
        assert_eq!(west.open_flow().await.unwrap().ordinal(), 1);
    }
    old.ping(b"on the old set").await.unwrap();
    assert_eq!(old.ordinal(), 0);
    assert_eq!(west.flows(), flows(2 * DATA_CONNECTIONS as u64 + 1, 0, 0));
}

#[tokio::test]
async fn only_the_current_set_is_opened_again() {
    let pair = Pair::new().await;
    let (east, west) = (&pair.east.router, &pair.west.router);
    west.update(1, 0);
    pair.is_open().await;
    let stream = west.open_flow().await.unwrap();
    for cut in 1..=3 {
        let done = west.handshakes().done;
        assert!(east.cut(|_| true) >= ALL);
        let all = done + ALL as u64;
        until("the current set has come again", || {
            west.handshakes().done == all
        })
        .await;
        pair.is_open().await;
        assert_eq!(west.sets(), [set(0, 0), set(1, ALL)], "cut {cut}");
    }
    assert!(stream.is_broken());
    assert_eq!(west.flows(), flows(1, 0, 1));
}

#[tokio::test]
async fn the_oldest_ordinal_closes_earlier_sets_and_breaks_their_streams() {
    let pair = Pair::new().await;
    let west = &pair.west.router;
    let mut streams = Vec::new();
    for ordinal in 1..=20 {
        streams.push(west.open_flow().await.unwrap());
        let subject = format!("/OU={ordinal}/CN=west");
        write(pair.west.folder.path(), &pair.certificates.west(&subject));
        let oldest = u64::saturating_sub(ordinal, 2);
        assert!(matches!(west.update(ordinal, oldest), Update::Taken));
        west.open_flow().await.unwrap();
        pair.is_open().await;
        for stream in &mut streams {
            if stream.ordinal() < oldest {
                stream.broken().await;
            } else {
                stream.ping(b"still there").await.unwrap();
            }
        }
        let ordinals: Vec<_> = west.sets().iter().map(|set| set.ordinal).collect();
        assert_eq!(ordinals, (oldest..=ordinal).collect::<Vec<_>>());
    }
    until("they broke", || west.flows().broken == 18).await;
    assert_eq!(west.flows(), flows(40, 0, 18));
    assert_eq!(west.handshakes().refused, 0);
    let subjects = ["CN=west,OU=18", "CN=west,OU=19", "CN=west,OU=20"];
    until("the others are gone", || pair.subjects() == subjects).await;
    assert_eq!(pair.east.router.handshakes().refused, 0);
}

#[tokio::test]
async fn the_accepting_router_closes_what_it_accepted_under_an_earlier_ordinal() {
    let pair = Pair::new().await;
    let (east, west) = (&pair.east.router, &pair.west.router);
    let old = west.open_flow().await.unwrap();
    east.update(1, 0);
    assert_eq!(east.peers().len(), ALL);
    west.update(1, 0);
    pair.is_open().await;
    let mut new = west.open_flow().await.unwrap();

    east.update(2, 1);
    old.broken().await;
    until("the old set is gone", || {
        west.sets() == [set(0, 0), set(1, ALL)]
    })
    .await;
    assert!(east.peers().iter().all(|peer| peer.ordinal == 1));
    new.ping(b"accepted under 1").await.unwrap();

    // Nothing older is allowed: the connections of all links are closed, and come again.
    east.update(3, 3);
    new.broken().await;
    until("all came again", || east.peers().len() == ALL).await;
    assert!(east.peers().iter().all(|peer| peer.ordinal == 3));
}

#[tokio::test]
async fn an_older_set_takes_flows_while_the_current_one_is_refused() {
    let pair = Pair::new().await;
    let (east, west) = (&pair.east.router, &pair.west.router);
    pair.certificates.ca("new");
    let mut too_early = pair
        .certificates
        .leaf("new", "/CN=west", "basicConstraints = CA:FALSE");
    let both = [
        too_early["ca.crt"].clone(),
        pair.certificates.pki.read("ca.crt"),
    ]
    .concat();
    too_early.insert("ca.crt".into(), both);
    write(pair.west.folder.path(), &too_early);

    assert!(matches!(west.update(1, 0), Update::Taken));
    until("the new set was refused", || {
        east.handshakes().refused >= ALL as u64
    })
    .await;
    assert_eq!(west.open_flow().await.unwrap().ordinal(), 0);
    assert_eq!(west.sets(), [set(0, ALL), set(1, 0)]);

    // The mistake shows only when open connections break.
    east.cut(|_| true);
    until("nothing is open", || west.sets() == [set(0, 0), set(1, 0)]).await;
    assert_eq!(
        west.open_flow().await.err(),
        Some(FlowProblem::NoConnection)
    );
    assert_eq!(west.flows(), flows(1, 1, 0));
}

#[tokio::test]
async fn a_refused_peer_comes_again_for_ever_and_is_let_in_when_that_is_put_right() {
    let certificates = Certificates::new();
    certificates.ca("other");
    let east = accepting(
        &certificates.leaf("other", "/CN=east", EAST),
        Settings::default(),
    )
    .await;
    // Neither side has lost a connection: that wait would be too long.
    let way = Link {
        after_loss: Duration::from_hours(1),
        ..link(&east.router)
    };
    let west = connecting(&certificates.west("/CN=west"), way, Settings::default());
    let (router, refused) = (&east.router, 10 * ALL as u64);
    until("it has come ten times", || {
        router.handshakes().refused >= refused
    })
    .await;
    assert_eq!(router.peers(), []);

    write(east.folder.path(), &certificates.east());
    router.update(1, 0);
    until("it is let in", || west.router.is_open()).await;
}

#[tokio::test]
async fn a_lost_connection_comes_again() {
    let certificates = Certificates::new();
    let east = accepting(&certificates.east(), Settings::default()).await;
    // No attempt has failed: that wait would be too long.
    let way = Link {
        after_failure: Duration::from_hours(1),
        ..link(&east.router)
    };
    let west = connecting(&certificates.west("/CN=west"), way, Settings::default());
    until("the link is open", || west.router.is_open()).await;
    for cut in 2..=4 {
        assert_eq!(east.router.cut(|_| true), ALL);
        let done = cut * ALL as u64;
        until("it came again", || west.router.handshakes().done == done).await;
    }
}

#[tokio::test]
async fn an_accepting_router_that_was_away_gets_its_links_back() {
    let certificates = Certificates::new();
    let content = certificates.east();
    let east = accepting(&content, Settings::default()).await;
    let address = east.router.address();
    let west = connecting(
        &certificates.west("/CN=west"),
        link(&east.router),
        Settings::default(),
    );
    until("the link is open", || west.router.is_open()).await;
    drop(east);
    until("the link is lost", || west.router.sets() == [set(0, 0)]).await;

    let folder = folder(&content);
    let east = AcceptingRouter::start(folder.path(), address, Settings::default()).await;
    until("the link is open again", || west.router.is_open()).await;
    assert_eq!(east.unwrap().peers().len(), ALL);
    assert_eq!(west.router.handshakes().refused, 0);
}

#[tokio::test]
async fn a_cut_closes_the_connections_of_one_peer() {
    let north: IpAddr = [127, 0, 0, 2].into();
    for by in ["subject", "address"] {
        let pair = Pair::new().await;
        let (east, west) = (&pair.east.router, &pair.west.router);
        let way = Link {
            from: north,
            ..link(east)
        };
        let content = pair.certificates.west("/OU=9/CN=north");
        let other = connecting(&content, way, Settings::default());
        until("the other link is open", || other.router.is_open()).await;
        let mut stays = west.open_flow().await.unwrap();
        let breaks = other.router.open_flow().await.unwrap();

        let cut = match by {
            "subject" => east.cut(|peer| peer.subject == "CN=north,OU=9"),
            _ => east.cut(|peer| peer.address.ip() == north),
        };
        assert_eq!(cut, ALL, "by {by}");
        breaks.broken().await;
        stays.ping(b"of another peer").await.unwrap();
        until("it came again", || {
            other.router.handshakes().done == 2 * ALL as u64
        })
        .await;
        assert_eq!(west.handshakes().done, ALL as u64, "by {by}");
        assert_eq!(west.flows().broken, 0, "by {by}");
    }
}

#[tokio::test]
async fn bytes_come_back_as_they_went() {
    let pair = Pair::new().await;
    let mut streams = Vec::new();
    for _ in 0..2 * DATA_CONNECTIONS {
        streams.push(pair.west.router.open_flow().await.unwrap());
    }
    for length in [0, 1, 40_000, 65_535] {
        for (stream, byte) in streams.iter_mut().zip(0..) {
            stream.ping(&vec![byte; length]).await.unwrap();
        }
    }
    let too_long = streams[0].ping(&vec![0; 65_536]).await;
    assert_eq!(too_long, Err(FlowProblem::TooLong));
}

#[tokio::test]
async fn a_stream_that_was_given_up_does_not_break() {
    let pair = Pair::new().await;
    drop(pair.west.router.open_flow().await.unwrap());
    let kept = pair.west.router.open_flow().await.unwrap();
    pair.east.router.cut(|_| true);
    kept.broken().await;
    until("one broke", || pair.west.router.flows().broken > 0).await;
    pair.is_open().await;
    assert_eq!(pair.west.router.flows(), flows(2, 0, 1));
}

#[test]
fn a_router_waits_two_seconds_after_a_loss_and_then_five() {
    let way = Link::new(HOST, LOOPBACK);
    assert_eq!(way.after_loss, Duration::from_secs(2));
    assert_eq!(way.after_failure, Duration::from_secs(5));
}

/// A set with all its connections open, or with none.
fn set(ordinal: u64, open: usize) -> ShownSet {
    ShownSet {
        ordinal,
        control: open.min(1),
        data: open.saturating_sub(1),
    }
}

fn flows(done: u64, failed: u64, broken: u64) -> Flows {
    Flows {
        done,
        failed,
        broken,
    }
}

const EAST: &str = "subjectAltName = DNS:east.example";
