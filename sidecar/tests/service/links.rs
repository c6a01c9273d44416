//! Links that are renewed and taken back, by the processes that serve one ledger and those that command.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::Connection as Ledger;
use rustix::process::Signal;

use crate::holder::{Holder, links};
use crate::operators::wait_for;
use crate::raw::Answer;
use crate::sidecar::{Sidecar, private_folder};

const REVOKED: &str = "This link was revoked\n";
const SAID: &str = "revocations may be lost: revoke again what must stay out";

/// revoked-never-renews
#[test]
fn a_link_that_was_taken_back_is_renewed_by_no_process_from_the_next_request_on() {
    let folder = private_folder();
    let one = Sidecar::start_in(folder.path(), &["--init"]);
    let other = Sidecar::start_in(folder.path(), &["--url", &url(&one)]);
    let west = one.issue("west", &["--redemptions-allowed", "3"]);
    let east = one.issue("east", &["--redemptions-allowed", "9"]);
    for (name, choice) in [
        ("its id", "--link"),
        ("its subject", "--subject"),
        ("its grant", "west"),
    ] {
        let mut link = if choice == "--subject" {
            Holder::redeem_with(&one, &east, &[("renews", "1"), ("subject", "south")])
        } else {
            Holder::redeem(&one, &west)
        };
        let mut spared = Holder::redeem(&one, &east);
        for port in [one.port, other.port] {
            assert_eq!(link.renew(port).status, 200, "{name}");
        }
        // They are open before.
        let mut connections = [link.open(one.port), link.open(other.port)];
        let arguments = match choice {
            "--link" => vec!["revoke", choice, link.link()],
            "--subject" => vec!["revoke", choice, "south"],
            grant => vec!["revoke", grant],
        };
        let output = one.run(&arguments);
        assert!(output.status.success(), "{name}: {output:?}");
        let last = link.certificate.serial.clone();
        for connection in &mut connections {
            let answer = link.renew_on(connection);
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (403, REVOKED),
                "{name}"
            );
        }
        for port in [one.port, other.port] {
            assert_refused(&link.renew(port));
            assert_refused(&link.tell(port));
            assert_eq!(spared.renew(port).status, 200, "{name}");
        }
        assert_eq!(link.certificate.serial, last, "{name}");
    }
    // A grant that was ended with its links is spent, too, and the same after a crash.
    let mut late = Holder::redeem(&one, &east);
    assert!(one.run(&["revoke", "east"]).status.success());
    let one = one.restart();
    assert_refused(&late.renew(one.port));
    assert_refused(&late.renew(other.port));
}

/// revoked-never-renews, by the token either
#[test]
fn a_link_that_was_taken_back_is_not_redeemed_again_with_its_key() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    let [out, spared] = [(); 2].map(|()| Holder::redeem(&sidecar, &token));
    assert_eq!(out.redeem_again(&sidecar, &token).status, 200);
    assert!(
        sidecar
            .run(&["revoke", "--link", out.link()])
            .status
            .success()
    );
    let answer = out.redeem_again(&sidecar, &token);
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (404, "No such claim\n")
    );
    assert_eq!(spared.redeem_again(&sidecar, &token).status, 200);
}

#[test]
fn commands_take_back_what_lives_and_say_why_when_there_is_nothing() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    sidecar.issue("unused", &[]);
    let mut kept = Holder::redeem(&sidecar, &token);
    let mut other = Holder::redeem(&sidecar, &token);
    let revoke = |arguments: &[&str]| sidecar.run(&[&["revoke"], arguments].concat());

    let output = revoke(&["west", "--keep-links"]);
    assert!(says(
        &output,
        0,
        "'redemption-sidecar revoke west' takes them back, too"
    ));
    assert_eq!(kept.renew(sidecar.port).status, 200);
    let output = revoke(&["west", "--keep-links"]);
    assert!(says(&output, 1, "'west' was revoked at"));

    let output = revoke(&["--link", other.link()]);
    assert!(says(&output, 0, &format!("CN=west, OU={}", other.link())));
    assert!(says(&output, 0, "their last certificate ends at"));
    assert!(says(&output, 0, "'ss -K dst ADDRESS'"));
    assert!(says(&output, 0, "skupper.io/tls-prior-valid-revisions"));
    assert_refused(&other.renew(sidecar.port));
    let output = revoke(&["--link", other.link()]);
    assert!(says(&output, 1, "was taken back already, at"));

    // The grant has ended before; one of its links lives, and was renewed in this moment.
    assert_eq!(kept.renew(sidecar.port).status, 200);
    let output = revoke(&["west", "-o", "json"]);
    assert!(output.status.success(), "{output:?}");
    let grants: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(grants[0]["state"], "revoked");
    let taken = grants[0]["links"].as_array().unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0]["serial"], kept.certificate.serial.as_str());
    assert_eq!(taken[0]["state"], "revoked");
    assert_refused(&kept.renew(sidecar.port));
    for (arguments, exit_code, part) in [
        (["west"].as_slice(), 1, "and no link of it is live"),
        (&["north"], 1, "there is no live grant 'north'"),
        (&["--subject", "north"], 1, "there is no link of 'north'"),
        (&["--subject", "west"], 1, "was taken back already"),
        (&[], 2, "<NAME|--link <LINK>|--subject <NAME>>"),
        (&["west", "--subject", "west"], 2, "cannot be used with"),
        (&["--link", "0123"], 2, "20 hexadecimal digits"),
        (
            &["--link", "0123456789abcdef0123", "--keep-links"],
            2,
            "cannot be used with",
        ),
        (
            &["--link", "0123456789abcdef0123"],
            0,
            "OU=0123456789abcdef0123",
        ),
        (
            &["--link", "0123456789abcdef0123"],
            1,
            "was taken back already",
        ),
        (&["unused"], 0, ""),
    ] {
        assert!(says(&revoke(arguments), exit_code, part), "{arguments:?}");
    }
    let shown = sidecar.run(&["show", "west"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    for link in [kept.link(), other.link()] {
        let line = shown
            .lines()
            .find(|line| line.starts_with(&format!("{link} ")));
        let line = line.unwrap();
        assert!(line.contains("revoked"), "{line}");
    }
}

#[test]
fn a_link_that_was_taken_back_alone_is_said_to_come_back_while_its_token_is_good() {
    const WARNS: &str = "ends it and leaves its other links alone";
    let sidecar = Sidecar::start();
    for (name, allowed, choice, warns) in [
        ("live", "2", "--link", true),
        ("live-too", "2", "--subject", true),
        ("spent", "1", "--link", false),
        ("ended", "2", "--link", false),
    ] {
        let token = sidecar.issue(name, &["--redemptions-allowed", allowed]);
        let link = Holder::redeem_with(&sidecar, &token, &[("renews", "1"), ("subject", name)]);
        if name == "ended" {
            assert!(says(&sidecar.run(&["revoke", name, "--keep-links"]), 0, ""));
        }
        let chosen = if choice == "--link" {
            link.link()
        } else {
            name
        };
        let output = sidecar.run(&["revoke", choice, chosen]);
        assert!(says(&output, 0, "their last certificate ends at"), "{name}");
        let command = format!("'redemption-sidecar revoke {name} --keep-links' {WARNS}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains(&command), warns, "{name}: {said}");
        assert_eq!(said.contains(WARNS), warns, "{name}: {said}");
    }
}

#[test]
fn links_are_listed_with_their_renewals_and_what_their_routers_were_told() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    let mut holder = Holder::redeem(&sidecar, &token);
    let [link] = links(&sidecar).try_into().unwrap();
    assert_eq!(link["link"], holder.link());
    assert_eq!(link["grantName"], "west");
    assert_eq!(
        (&link["renewals"], &link["told"]),
        (&0.into(), &true.into())
    );
    let issuer = link["issuer"].clone();
    assert_eq!(issuer.as_str().unwrap().len(), 16);

    assert_eq!(holder.renew(sidecar.port).status, 200);
    wait_for(|| links(&sidecar)[0]["renewals"] == 1);
    let link = links(&sidecar).remove(0);
    assert_eq!(link["serial"], holder.certificate.serial.as_str());
    assert_eq!((&link["issuer"], &link["told"]), (&issuer, &false.into()));
    assert_eq!(holder.tell(sidecar.port).status, 200);
    wait_for(|| links(&sidecar)[0]["told"] == true);

    let metrics = sidecar.operations("/metrics");
    assert!(
        metrics.contains("redemption_sidecar_links{state=\"live\"} 1\n"),
        "{metrics}"
    );
    let text = |arguments: &[&str]| String::from_utf8(sidecar.run(arguments).stdout).unwrap();
    let table = text(&["list", "--links", "west"]);
    assert!(
        table.starts_with("LINK ") && table.contains(holder.link()),
        "{table}"
    );
    assert_eq!(text(&["list", "--links", "east"]), "no links\n");
    assert!(text(&["show", "west"]).contains(&table), "{table}");
}

/// renewal-never-counts
#[test]
fn a_crash_amid_renewals_loses_nothing_but_inventory() {
    let mut sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "16"]);
    let mut holders: Vec<_> = (0..8).map(|_| Holder::redeem(&sidecar, &token)).collect();
    let mut revoked = Holder::redeem(&sidecar, &token);
    assert!(
        sidecar
            .run(&["revoke", "--link", revoked.link()])
            .status
            .success()
    );
    let before = grants(sidecar.folder());
    for turn in 0..3 {
        let is_over = AtomicBool::new(false);
        let port = sidecar.port;
        thread::scope(|scope| {
            for holder in &mut holders {
                let is_over = &is_over;
                scope.spawn(move || {
                    // No more than a link may in a minute.
                    for _ in 0..3 {
                        if !is_over.load(Ordering::SeqCst) {
                            assert_eq!(holder.renew(port).status, 200);
                        }
                    }
                    is_over.store(true, Ordering::SeqCst);
                });
            }
        });
        // With kill -9.
        sidecar = sidecar.restart();
        assert_eq!(grants(sidecar.folder()), before, "{turn}");
        assert_refused(&revoked.renew(sidecar.port));
    }
    for holder in &mut holders {
        assert_eq!(holder.renew(sidecar.port).status, 200);
    }
    let has_last = |holder: &Holder| {
        let links = links(&sidecar);
        let link = links.iter().find(|link| link["link"] == holder.link());
        link.unwrap()["serial"] == holder.certificate.serial.as_str()
    };
    for holder in &holders {
        wait_for(|| has_last(holder));
    }
    assert_eq!(grants(sidecar.folder()), before);
    // Whatever was lost was known from its redemption.
    assert!(!sidecar.log().contains("revocations may be lost"));
}

#[test]
fn a_renewal_waits_for_nobody_who_writes_and_is_noted_when_that_is_over() {
    let sidecar = Sidecar::start();
    let token = sidecar.issue("west", &["--redemptions-allowed", "2"]);
    let mut holder = Holder::redeem(&sidecar, &token);
    let lock = Ledger::open(sidecar.folder().join("ledger.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        assert_eq!(holder.renew(sidecar.port).status, 200);
    }
    assert_eq!(holder.tell(sidecar.port).status, 200);
    assert_eq!(links(&sidecar)[0]["renewals"], 0);
    lock.execute_batch("ROLLBACK").unwrap();
    wait_for(|| links(&sidecar)[0]["renewals"] == 3);
    let link = links(&sidecar).remove(0);
    assert_eq!(link["serial"], holder.certificate.serial.as_str());
    assert_eq!(link["told"], true);
}

#[test]
fn a_ledger_that_is_older_than_a_link_renews_it_and_says_that_revocations_may_be_lost() {
    let folder = private_folder();
    let mut sidecar = Sidecar::start_in(folder.path(), &["--init"]);
    let token = sidecar.issue("west", &["--redemptions-allowed", "3"]);
    let mut known = Holder::redeem(&sidecar, &token);
    stop(&mut sidecar);
    let file = folder.path().join("ledger.db");
    let backup = fs::read(&file).unwrap();

    let mut sidecar = Sidecar::start_in(folder.path(), &["--url", &url(&sidecar)]);
    let mut later = Holder::redeem(&sidecar, &token);
    assert!(
        sidecar
            .run(&["revoke", "--link", known.link()])
            .status
            .success()
    );
    stop(&mut sidecar);
    fs::write(&file, backup).unwrap();

    let sidecar = Sidecar::start_in(folder.path(), &["--url", &url(&sidecar)]);
    assert_eq!(
        known.renew(sidecar.port).status,
        200,
        "its revocation is lost"
    );
    wait_for(|| links(&sidecar)[0]["renewals"] == 1);
    assert!(!sidecar.log().contains(SAID), "the link is known");
    for _ in 0..3 {
        assert_eq!(later.renew(sidecar.port).status, 200);
    }
    wait_for(|| sidecar.log().matches(SAID).count() == 1);
    assert!(sidecar.run(&["revoke", "west"]).status.success());
    assert_refused(&later.renew(sidecar.port));
    assert_refused(&known.renew(sidecar.port));
}

fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (403, REVOKED));
}

fn says(output: &Output, exit_code: i32, part: &str) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit_code), "{said}");
    assert!(said.contains(part), "{said}");
    true
}

fn stop(sidecar: &mut Sidecar) {
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait(), Some(0));
}

fn url(sidecar: &Sidecar) -> String {
    format!("https://127.0.0.1:{}", sidecar.port)
}

/// Every value of the tables of grants and redemptions.
fn grants(folder: &Path) -> Vec<String> {
    let file = Ledger::open(folder.join("ledger.db")).unwrap();
    let rows = |table: &str| {
        let mut statement = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
            Ok(format!("{:?}", values.collect::<Vec<_>>()))
        });
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    [rows("grants"), rows("redemptions")].concat()
}
