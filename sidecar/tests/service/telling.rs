//! Routers of Skupper namespaces are told of renewed certificates, whatever goes wrong in between.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use crate::sidecar::{BINARY, Sidecar};
use crate::skupper_site::Site;
use crate::tools::tool;

#[test]
fn a_router_of_each_platform_is_told_when_all_files_are_in_place() {
    let sidecar = Sidecar::start();
    for platform in ["docker", "podman", "linux"] {
        let site = Site::start(&sidecar, platform, platform);
        let first = site.serial();
        for turn in 1..=3_u32 {
            let renewed = site.renew(&["--force"]);
            let errors = String::from_utf8_lossy(&renewed.stderr);
            assert!(renewed.status.success(), "{platform}: {errors}");
            assert_eq!(site.read("ordinal").trim(), turn.to_string(), "{platform}");
            let oldest = turn.saturating_sub(2).to_string();
            assert_eq!(site.read("oldest").trim(), oldest, "{platform}");
            for name in ["ca.crt", "tls.crt", "tls.key"] {
                assert_eq!(
                    site.read(&format!("seen/{name}")),
                    site.secret(name),
                    "{platform}"
                );
            }
            assert_eq!(site.note("told").as_deref(), Some(site.serial().as_str()));
            assert_eq!(
                site.note("reported").as_deref(),
                Some(site.serial().as_str())
            );
        }
        assert_ne!(site.serial(), first);
        assert_eq!(site.serial()[..20], first[..20], "the link stays the same");
        let key = fs::metadata(site.path("west/runtime/certs/west-profile/tls.key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o640, "{platform}");
        assert_calls(&site, platform);
        let again = site.renew(&[]);
        assert!(
            again.status.success() && site.read("ordinal").trim() == "3",
            "{platform}"
        );
    }
}

/// The commands of the first telling, to the letter.
fn assert_calls(site: &Site, platform: &str) {
    let port = site.management.local_addr().unwrap().port();
    let certificates = match platform {
        "linux" => site.path("west/runtime/certs").display().to_string(),
        _ => "/etc/skupper-router/runtime/certs".to_owned(),
    };
    let access = format!(
        "-b amqps://127.0.0.1:{port} --ssl-certificate {certificates}/skupper-local-client/tls.crt --ssl-key \
         {certificates}/skupper-local-client/tls.key --ssl-trustfile {certificates}/skupper-local-client/ca.crt"
    );
    let steps = [
        "read --type sslProfile --name west-profile",
        "query --type connection",
        "update --type sslProfile --name west-profile ordinal=1 oldestValidOrdinal=0",
    ];
    let mut expected = Vec::new();
    if platform != "linux" {
        expected.push(format!(
            "{platform} ps --filter name=west-skupper-router --filter status=running --format {{{{.Names}}}}"
        ));
    }
    for step in steps {
        if platform != "linux" {
            expected.push(format!(
                "{platform} exec west-skupper-router /bin/skmanage {step} {access}"
            ));
        }
        expected.push(format!("skmanage {step} {access}"));
    }
    let calls = site.read("calls");
    let calls: Vec<_> = calls.lines().take(expected.len()).collect();
    assert_eq!(calls, expected);
}

/// Does something to a site.
type Change = fn(&Site);

#[test]
fn a_telling_that_fails_is_said_and_repeated_until_it_goes_well() {
    let fail = |site: &Site, operation: &str, code: &str, output: &str| {
        site.write(&format!("{operation}.code"), code);
        site.write(&format!("{operation}.out"), output);
        site.write(&format!("{operation}.err"), output);
    };
    let fails: [(&str, &str, &str, &str, &str); 9] = [
        (
            "the engine fails",
            "ps",
            "1",
            "Cannot connect to the Docker daemon",
            "docker fails: Cannot connect",
        ),
        (
            "no such container any more",
            "exec",
            "1",
            "Error: No such container",
            "docker fails: Error: No such",
        ),
        (
            "no skmanage in it",
            "exec",
            "127",
            "exec: no such file",
            "docker fails: exec: no such file",
        ),
        (
            "no such profile",
            "read",
            "1",
            "NotFoundStatus: No entity",
            "it does not know the link yet",
        ),
        (
            "no management",
            "read",
            "1",
            "ConnectionException: refused",
            "skmanage fails: ConnectionException: refused",
        ),
        (
            "no JSON",
            "read",
            "0",
            "{\"ordinal\": ",
            "the answer of skmanage cannot be read",
        ),
        (
            "no number",
            "read",
            "0",
            "{\"ordinal\": \"a\"}",
            "the answer of skmanage cannot be read",
        ),
        (
            "no connections",
            "query",
            "1",
            "Timeout: a",
            "skmanage fails: Timeout: a",
        ),
        (
            "refused for ever",
            "update",
            "1",
            "BadRequestStatus: no",
            "skmanage fails: BadRequestStatus: no",
        ),
    ];
    let sidecar = Sidecar::start();
    for (number, (name, operation, code, output, expected)) in fails.into_iter().enumerate() {
        let site = Site::start(&sidecar, &format!("west-{number}"), "docker");
        fail(&site, operation, code, output);
        let first = site.serial();
        let renewed = site.renew(&["--force"]);
        let errors = String::from_utf8_lossy(&renewed.stderr);
        assert_eq!(renewed.status.code(), Some(3), "{name}: {errors}");
        assert!(errors.contains(expected), "{name}: {errors}");
        let advice = "its router was not told";
        assert!(
            errors.contains(advice) && errors.contains("skupper system reload -n west"),
            "{name}: {errors}"
        );
        let second = site.serial();
        assert_ne!(second, first, "{name}");
        assert_eq!(site.note("told"), None, "{name}");
        fs::remove_file(site.path(&format!("{operation}.code"))).unwrap();
        let told = site.renew(&[]);
        assert!(told.status.success(), "{name}: {told:?}");
        assert_eq!(site.serial(), second, "{name}");
        assert_eq!(
            site.note("told").as_deref(),
            Some(second.as_str()),
            "{name}"
        );
        assert_eq!(site.read("seen/tls.crt"), site.secret("tls.crt"), "{name}");
    }
}

#[test]
fn what_is_missing_is_said_and_a_router_that_does_not_run_needs_no_telling() {
    let sidecar = Sidecar::start();
    let table: [(&str, &str, Change, Option<&str>); 8] = [
        (
            "no container",
            "docker",
            |site| drop(site.write("names", "west-skupper-router-backup\n")),
            None,
        ),
        (
            "no platform",
            "docker",
            |site| fs::remove_file(site.path("west/internal/platform.yaml")).unwrap(),
            None,
        ),
        (
            "no profile",
            "docker",
            |site| fs::remove_dir_all(site.path("west/runtime/certs/west-profile")).unwrap(),
            None,
        ),
        (
            "no engine",
            "docker",
            |site| fs::remove_file(site.path("bin/docker")).unwrap(),
            Some("'docker' is not installed"),
        ),
        (
            "no skmanage",
            "linux",
            |site| fs::remove_file(site.path("bin/skmanage")).unwrap(),
            Some("'skmanage' is not installed"),
        ),
        (
            "another platform",
            "kubernetes",
            |_| {},
            Some("platform.yaml does not tell how the router is reached"),
        ),
        (
            "no port",
            "linux",
            |site| {
                fs::remove_file(
                    site.path("west/runtime/resources/RouterAccess-skupper-local.yaml"),
                )
                .unwrap();
            },
            Some("RouterAccess-skupper-local.yaml does not tell"),
        ),
        (
            "a file in place of the profile's folder",
            "docker",
            |site| {
                fs::remove_dir_all(site.path("west/runtime/certs/west-profile")).unwrap();
                site.write("west/runtime/certs/west-profile", "");
            },
            Some("cannot write"),
        ),
    ];
    for (number, (name, platform, change, expected)) in table.into_iter().enumerate() {
        let site = Site::start(&sidecar, &format!("west-{number}"), platform);
        change(&site);
        let renewed = site.renew(&["--force"]);
        let errors = String::from_utf8_lossy(&renewed.stderr);
        let code = expected.map_or(0, |_| 2);
        assert_eq!(renewed.status.code(), Some(code), "{name}: {errors}");
        assert!(
            errors.contains(expected.unwrap_or_default()),
            "{name}: {errors}"
        );
        assert_eq!(site.note("told"), None, "{name}");
        assert!(site.read("ordinal").trim() == "0", "{name}");
    }
}

/// Skupper's controller writes the files, too, when the Secret in its folder is another one.
#[test]
fn a_telling_that_met_other_files_is_repeated_with_the_next_ordinal() {
    let sidecar = Sidecar::start();
    for (name, file) in [("refused", "refuse"), ("half-written", "disturb")] {
        let site = Site::start(&sidecar, name, "podman");
        site.write(file, "");
        let renewed = site.renew(&["--force"]);
        assert!(renewed.status.success(), "{name}: {renewed:?}");
        assert_eq!(site.read("ordinal").trim(), "2", "{name}");
        assert_eq!(site.read("seen/tls.key"), site.secret("tls.key"), "{name}");
        assert_eq!(
            site.note("told").as_deref(),
            Some(site.serial().as_str()),
            "{name}"
        );
    }
}

#[test]
fn connections_show_that_a_router_has_taken_the_certificate() {
    let endpoint = "127.0.0.1:55671";
    let connection = |ordinal: &str| {
        format!(
            r#"[{{"host": "{endpoint}", "dir": "out", "role": "inter-router", "tlsOrdinal": {ordinal}}}]"#
        )
    };
    let sidecar = Sidecar::start();
    let site = Site::start(&sidecar, "west", "docker");
    site.write("connections", &connection("@"));
    let renewed = site.renew(&["--force"]);
    assert!(renewed.status.success(), "{renewed:?}");
    site.write("connections", &connection("1"));
    for oldest in ["0", "0", "0"] {
        // Tellings without success close none of the connections that streams use.
        let renewed = site.renew(&["--force"]);
        let errors = String::from_utf8_lossy(&renewed.stderr);
        assert_eq!(renewed.status.code(), Some(3), "{errors}");
        assert!(
            errors.contains("it was told, but opens no new connection"),
            "{errors}"
        );
        assert_eq!(site.read("oldest").trim(), oldest);
        assert_ne!(site.note("told").as_deref(), Some(site.serial().as_str()));
    }
    site.write("connections", &connection("@"));
    assert!(site.renew(&[]).status.success());
    assert_eq!(site.note("told").as_deref(), Some(site.serial().as_str()));
}

/// The calls that change files, or send.
const CALLS: [&str; 11] = [
    "flock",
    "write",
    "fsync",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "fchmod",
    "sendto",
    "clone3",
];

/// Kills of one link, whose server allows 10 renewals in a minute.
const KILLS_OF_ONE: usize = 5;

/// Before each call of each kind in turn.
#[test]
fn a_keeper_that_is_killed_at_every_step_ends_with_a_pair_that_the_router_was_told_of() {
    let _ = tool("strace");
    let sidecar = Sidecar::start();
    let mut kills = 0;
    let mut site = None;
    for call in CALLS {
        for number in 1.. {
            let when = format!("killed at {call} {number}");
            let new = || Site::start(&sidecar, &format!("{call}-{number}"), "docker");
            let place = site.get_or_insert_with(new);
            let is_killed = renew_until(place, call, number);
            place.assert_pairs(&when);
            kills += usize::from(is_killed);
            if !is_killed || kills % KILLS_OF_ONE == 0 {
                finish(place, &when);
                site = None;
            }
            if !is_killed {
                break;
            }
        }
    }
    println!("{kills} kills, each at another step");
    assert!(kills > 40, "only {kills} kills");
}

/// Renews, and is killed before a call. False where there are not as many of its kind.
fn renew_until(site: &Site, call: &str, number: usize) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={number}");
    let mut renew = Command::new("strace");
    renew.args([
        "-o",
        "/dev/null",
        "-e",
        &inject,
        BINARY,
        "renew",
        "west",
        "--force",
    ]);
    renew
        .args(["--timeout", "1s", "--out"])
        .arg(site.resources());
    site.set_environment(&mut renew);
    let output = renew.output().unwrap();
    let is_killed = output.status.signal().is_some() || output.status.code() == Some(137);
    assert!(
        is_killed || output.status.success(),
        "{call} {number}: {output:?}"
    );
    is_killed
}

/// Renews undisturbed: everything is in place, told, and nothing else is there.
fn finish(site: &Site, when: &str) {
    let renewed = site.renew(&["--force"]);
    let errors = String::from_utf8_lossy(&renewed.stderr);
    assert!(renewed.status.success(), "{when}: {errors}");
    site.assert_pairs(when);
    assert_eq!(site.read("seen/tls.key"), site.secret("tls.key"), "{when}");
    assert_eq!(
        site.note("told").as_deref(),
        Some(site.serial().as_str()),
        "{when}"
    );
    let resources = Site::files(&site.resources());
    assert_eq!(resources, ["Link-west.yaml", "Secret-west.yaml"], "{when}");
    assert_eq!(
        Site::files(&site.path("west/runtime/certs")),
        ["west-profile"],
        "{when}"
    );
}

#[test]
fn a_full_disk_leaves_the_pair_that_was_there() {
    let _ = tool("strace");
    let sidecar = Sidecar::start();
    let site = Site::start(&sidecar, "west", "docker");
    let before = site.serial();
    for place in ["Secret-west.yaml.new", "renew-west.key.new"] {
        let file = site.resources().join(format!(".{place}"));
        let mut renew = Command::new("strace");
        renew
            .args(["-o", "/dev/null", "-e", "inject=write:error=ENOSPC", "-P"])
            .arg(&file);
        renew.args([
            BINARY,
            "renew",
            "west",
            "--force",
            "--timeout",
            "1s",
            "--out",
        ]);
        renew.arg(site.resources());
        site.set_environment(&mut renew);
        let full = renew.output().unwrap();
        let errors = String::from_utf8_lossy(&full.stderr);
        assert_eq!(full.status.code(), Some(3), "{place}: {errors}");
        assert!(errors.contains("no space left"), "{place}: {errors}");
        site.assert_pairs(place);
        assert_eq!(site.serial(), before, "{place}");
        fs::remove_file(site.resources().join(".renew-west.key")).ok();
    }
    assert!(site.renew(&["--force"]).status.success());
    assert_eq!(
        Site::files(&site.resources()),
        ["Link-west.yaml", "Secret-west.yaml"]
    );
}
