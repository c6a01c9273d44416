//! Keepers and single calls of `renew`: what they do, tell and end with.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::keeping::{Keeper, Links, text};
use crate::sidecar::Sidecar;

#[test]
fn a_keeper_looks_at_once_when_it_is_asked_to_and_ends_well() {
    let sidecar = Sidecar::start_with(&["--init"]);
    let links = Links::redeem(&sidecar, 3);
    let away = links.path().join("away");
    fs::rename(links.secret("link-2"), &away).unwrap();
    let mut keeper = Keeper::start(&links);
    let kept = |keeper: &Keeper| keeper.metric("links{state=\"kept\"}");
    let failing = |keeper: &Keeper| keeper.metric("links{state=\"failing\"}");
    keeper.wait_until(|keeper| kept(keeper) == Some(2));
    assert!(keeper.operations("/readyz").contains("200 OK"));
    assert!(keeper.operations("/healthz").contains("200 OK"));
    fs::rename(&away, links.secret("link-2")).unwrap();
    keeper.signal(Signal::HUP);
    keeper.wait_until(|keeper| kept(keeper) == Some(3));
    let secret = fs::read_to_string(links.secret("link-1")).unwrap();
    fs::write(links.secret("link-1"), secret.replace("tls.key", "tls.kex")).unwrap();
    fs::remove_file(links.secret("link-2")).unwrap();
    keeper.signal(Signal::HUP);
    keeper.wait_until(|keeper| (kept(keeper), failing(keeper)) == (Some(1), Some(1)));
    let soonest = keeper.metric("link_certificate_soonest_not_after_timestamp_seconds");
    let end = crate::keeping::pair(&links.secret("link-0")).end;
    assert_eq!(soonest, Some(end));
    let log = keeper.log();
    assert_eq!(log.matches("reason=\"broken\"").count(), 1, "{log}");
    fs::rename(links.path(), links.path().with_extension("moved")).unwrap();
    keeper.signal(Signal::HUP);
    keeper.wait_until(|keeper| keeper.operations("/readyz").contains(" 503 "));
    fs::rename(links.path().with_extension("moved"), links.path()).unwrap();
    keeper.signal(Signal::HUP);
    keeper.wait_until(|keeper| keeper.operations("/readyz").contains("200 OK"));
    keeper.signal(Signal::TERM);
    assert_eq!(keeper.wait(), Some(0), "{}", keeper.log());
    assert!(keeper.log().contains("stopped"));
}

#[test]
fn a_link_that_fails_keeps_no_other_from_its_renewal_and_the_worst_end_is_that_of_the_call() {
    let sidecar = Sidecar::start_with(&["--init"]);
    let links = Links::redeem(&sidecar, 3);
    let before = links.pairs();
    let revoked = sidecar.run(&["revoke", "--link", &before["link-0"].serial[..20]]);
    assert!(revoked.status.success(), "{}", text(&revoked));
    let secret = fs::read_to_string(links.secret("link-1")).unwrap();
    let broken = secret.replace(
        "redemption-sidecar/renewal-url",
        "redemption-sidecar/renewal-urx",
    );
    fs::write(links.secret("link-1"), broken).unwrap();

    let output = links.renew(&["--force", "--timeout", "1s"]);
    let said = text(&output);
    assert_eq!(
        output.status.code(),
        Some(1),
        "final beats what is to be mended: {said}"
    );
    for part in [
        "'link-0': the granting site",
        "'link-1'",
        "renewed: 'link-2'",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let after = links.pairs();
    let serials = [&before["link-2"].serial, &after["link-2"].serial];
    assert_ne!(serials[0], serials[1]);
    let pair = format!("{} -> {}", serials[0], serials[1]);
    assert!(said.contains(&pair), "{said}");

    for (names, code) in [
        (&["link-2"][..], 0),
        (&["link-1", "link-2"], 2),
        (&["nobody"], 2),
    ] {
        let output = links.renew(names);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{names:?}: {}",
            text(&output)
        );
    }
    let listed = links.command("links", &["-o", "json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let states: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|link| &link["state"])
        .collect();
    assert_eq!(states, ["kept", "broken", "kept"]);
    assert_eq!(listed[2]["link"], serials[1][..20]);
    assert_eq!(listed[2]["told"], "no router");
    assert!(
        listed[1]["problem"]
            .as_str()
            .unwrap()
            .contains("renewal-url")
    );
}
