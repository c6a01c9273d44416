//! Wall clocks that jump under a keeper.

use crate::clocks::WrongClock;
use crate::keeping::{Keeper, Links};
use crate::sidecar::Sidecar;

#[test]
fn a_clock_that_jumps_makes_no_storm_and_a_link_lives_on_when_it_is_set() {
    let sidecar = Sidecar::start_with(&["--init", "--renewed-certificate-duration", "1m"]);
    let links = Links::redeem(&sidecar, 3);
    let before = links.pairs();
    let clock = WrongClock::new("");
    let keeper = Keeper::start_with(&links, &clock.variables());
    let renewed = |keeper: &Keeper| keeper.metric("renewals_total{outcome=\"renewed\"}");
    let ended = |keeper: &Keeper| keeper.metric("links{state=\"ended\"}");
    keeper.wait_until(|keeper| keeper.operations("/readyz").contains("200 OK"));
    clock.set("+70d");
    keeper.wait_until(|keeper| ended(keeper) == Some(3));
    let said = |keeper: &Keeper| keeper.log().matches("look at the clock").count();
    keeper.wait_until(|keeper| said(keeper) > 0);
    let said = said(&keeper);
    assert!((1..=3).contains(&said), "{}", keeper.log());
    clock.set("");
    keeper.wait_until(|keeper| renewed(keeper) >= Some(3));
    clock.set("-5000d");
    keeper.wait_until(|keeper| keeper.operations("/readyz").contains("set the clock"));
    let until_now = renewed(&keeper);
    clock.set("");
    keeper.wait_until(|keeper| keeper.operations("/readyz").contains("200 OK"));
    keeper.wait_until(|keeper| renewed(keeper) > until_now);
    let log = keeper.log();
    assert!(log.matches("not renewed").count() <= 6, "{log}");
    links.check(&before);
}
