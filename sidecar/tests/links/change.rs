//! A change of the CA of the links, in the order of the manual.

use router_stand_in::{Router as _, until};

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flow_fails_through_a_change_of_the_ca_in_the_order_of_the_manual() {
    let mut world = World::start().await;
    let flows = world.flow();
    let old = world.issuer();

    // The accepting router trusts both, then the service certifies with the new one.
    world.trust(&["old", "new"]);
    world.describe("new", &["old"], 45_671);
    world
        .renew_until("the certificate is of the new CA", |world| {
            world.issuer() != old
        })
        .await;
    until("the new set is open", || world.west.is_open()).await;
    assert_eq!(world.cas(), 2);
    let listed = world.links();
    let link = &listed[0];
    assert_eq!(link["told"], true, "{listed}");

    // Every link trusts both: the accepting router shows a certificate of the new one.
    world.show("new");
    world.renew();
    until("the new set is open", || world.west.is_open()).await;

    // No certificate of the old CA is left: it goes, at the accepting router first.
    world.trust(&["new"]);
    world.describe("new", &[], 45_671);
    world
        .renew_until("the old CA is gone", |world| world.cas() == 1)
        .await;
    until("the new set is open", || world.west.is_open()).await;

    flows.end().await;
    world.assert_unharmed();
    assert!(world.west.read().ordinal >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_side_that_is_a_step_ahead_keeps_its_open_connections_and_gets_no_new_ones() {
    let world = World::start().await;
    let mut stream = world.west.open_flow().await.unwrap();
    // The accepting router shows the new CA before any link trusts it.
    world.trust(&["old", "new"]);
    world.show("new");
    stream.ping(b"still here").await.unwrap();
    let refused = world.west.handshakes().refused;
    world.east.cut(|_| true);
    until("the new certificate is refused", || {
        world.west.handshakes().refused > refused
    })
    .await;
    // The step back mends it without anything else.
    world.show("old");
    until("the link is back", || world.west.is_open()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_without_an_overlap_is_not_taken_unless_by_force() {
    let mut world = World::start().await;
    let before = world.secret();
    world.describe("new", &[], 45_671);
    let said = world.try_renew_until("This certificate is a stranger's", |said| {
        said.contains("not issued by it")
    });
    assert!(said.contains("not issued by it"), "{said}");
    assert_eq!(world.secret(), before);
}
