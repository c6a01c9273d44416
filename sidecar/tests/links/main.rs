//! Two linked sites as a whole: the granting service and `renew` as processes, and a stand-in for the routers
//! of both, between which new flows begin all the time.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod change;
mod world;

use std::time::Duration;

use router_stand_in::{Router as _, until};
use world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flow_fails_and_no_handshake_is_refused_through_twenty_renewals() {
    let mut world = World::start().await;
    let flows = world.flow();
    let mut serials = vec![world.serial()];
    for _ in 0..20 {
        world.renew();
        until("the new set is open", || world.west.is_open()).await;
        serials.push(world.serial());
    }
    let of_link: Vec<_> = serials.iter().map(|serial| serial.split_at(20).0).collect();
    assert!(of_link.iter().all(|id| *id == of_link[0]), "{serials:?}");
    serials.sort();
    serials.dedup();
    assert_eq!(serials.len(), 21);
    assert_eq!(world.west.read().ordinal, 20);
    flows.end().await;
    world.assert_unharmed();
    // A stream of the beginning is broken by the third renewal after it, and not before.
    assert!(world.west.flows().done > 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn endpoints_that_move_arrive_with_the_next_renewal_and_nothing_else_writes_a_link() {
    let mut world = World::start().await;
    let link = world.link_file();
    world.renew();
    assert_eq!(world.link_file(), link);
    world.describe("old", &[], 45_672);
    until("the renewed Link leads to the new port", || {
        world.renew();
        world.link_file().contains("45672")
    })
    .await;
    world.assert_unharmed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_was_taken_back_is_out_when_its_last_certificate_has_ended() {
    let mut world = World::start().await;
    world.renew();
    until("the new set is open", || world.west.is_open()).await;
    world.revoke();
    let refused = world.try_renew();
    assert!(refused.contains("This link was revoked"), "{refused}");
    // In date, it comes back after its connections are cut.
    let done = world.west.handshakes().done;
    assert!(world.east.cut(|_| true) > 0);
    until("it is back", || {
        world.west.handshakes().done > done && world.west.is_open()
    })
    .await;
    // Once its certificate has ended, the connections that are open go on, and no new one is made.
    let mut stream = world.west.open_flow().await.unwrap();
    world.clock.forward(Duration::from_hours(1));
    stream.ping(b"still here").await.unwrap();
    let refused = world.east.handshakes().refused;
    assert!(world.east.cut(|_| true) > 0);
    until("it is refused", || {
        world.east.handshakes().refused > refused
    })
    .await;
    stream.broken().await;
    assert!(world.west.open_flow().await.is_err());
}
