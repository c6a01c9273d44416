//! The site that `serve --init` makes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use redemption_sidecar::site::init::{InitProblem, init};
use redemption_sidecar::site::source::SiteSource;
use redemption_sidecar::wire::objects::{Role, read_endpoint_host};
use sidecar_test_support::openssl::now;
use skupper_access_policy::value::host::Host;

fn host(text: &str) -> Host {
    read_endpoint_host(text).unwrap()
}

/// The text of a site that is made here.
fn make(folder: &Path, host: &Host) -> String {
    let made = init(folder, Some(host), None, now()).unwrap();
    made.unwrap_or_else(|| panic!("nothing was there"))
}

#[test]
fn a_new_site_can_certify_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, address) in [
        ("west.example", "west.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "[2001:db8::7]"),
    ] {
        let site = folder.path().join("data").join(name);
        make(&site, &host(name));
        let source = SiteSource::Config {
            file: site.join("redemption.yaml"),
            issuers: Vec::new(),
        };
        let loaded = source.load(now()).unwrap();
        assert!(loaded.is_ready(), "{name}: {:?}", loaded.failed);
        let endpoints = loaded.site.endpoints.iter();
        let endpoints = endpoints.map(|endpoint| {
            (
                endpoint.role,
                endpoint.host.to_string(),
                endpoint.port.get(),
            )
        });
        assert_eq!(
            endpoints.collect::<Vec<_>>(),
            [
                (Role::Edge, address.to_owned(), 45671),
                (Role::InterRouter, address.to_owned(), 55671)
            ]
        );
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&site), 0o700, "{name}");
        for file in fs::read_dir(&site).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600, "{name}");
        }
    }
    let entries = fs::read_dir(folder.path().join("data")).unwrap();
    assert_eq!(entries.count(), 3, "nothing is left behind");
}

#[test]
fn a_router_with_links_keeps_the_ca_that_it_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let text = make(&folder.path().join("site"), &host("west.example"));
    for part in [
        "append the new CA to its present ca.crt, and replace nothing",
        "/site/ca.crt >> ca.crt",
        "'serve --namespace NAME' needs none of this",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_next_step_that_is_printed_makes_a_certificate_for_the_router() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["west.example", "2001:db8::7"] {
        let site = folder.path().join(name);
        let text = make(&site, &host(name));
        let command = text
            .lines()
            .find(|line| line.starts_with("  openssl"))
            .unwrap();
        let run = |command: &str| {
            let mut shell = Command::new("sh");
            let output = shell
                .args(["-c", command])
                .current_dir(&folder)
                .output()
                .unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command}: {errors}");
        };
        run(command);
        let option = if name.contains(':') { "ip" } else { "hostname" };
        run(&format!(
            "openssl verify -purpose sslserver -verify_{option} {name} -no-CApath -no-CAstore \
             -CAfile {name}/ca.crt tls.crt"
        ));
    }
}

#[test]
fn what_is_there_is_never_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let west = host("west.example");
    assert!(matches!(
        init(&site, None, None, now()),
        Err(InitProblem::NoHost)
    ));
    assert!(!site.exists());
    fs::create_dir(&site).unwrap();
    fs::write(site.join("ca.key"), "mine").unwrap();
    let problem = init(&site, Some(&west), None, now()).unwrap_err();
    assert!(matches!(problem, InitProblem::Occupied(_)), "{problem}");
    assert_eq!(fs::read(site.join("ca.key")).unwrap(), b"mine");

    // An empty folder may be a volume, or made beforehand.
    fs::remove_file(site.join("ca.key")).unwrap();
    make(&site, &west);
    let key = fs::read(site.join("ca.key")).unwrap();
    let east = host("east.example");
    for (name, advertise_host, service_host, is_refused) in [
        ("the same again", Some(&west), None, false),
        ("without a host", None, None, false),
        ("another address of the service", None, Some(&east), false),
        ("another host", Some(&east), None, true),
    ] {
        match init(&site, advertise_host, service_host, now()) {
            Ok(made) => assert_eq!((made, is_refused), (None, false), "{name}"),
            Err(InitProblem::OtherHost(..)) => assert!(is_refused, "{name}"),
            Err(problem) => panic!("{name}: {problem}"),
        }
        assert_eq!(fs::read(site.join("ca.key")).unwrap(), key, "{name}");
    }
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let problem = init(&file.join("site"), Some(&west), None, now()).unwrap_err();
    assert!(matches!(problem, InitProblem::Unreadable(..)), "{problem}");
}

#[test]
fn of_several_processes_one_makes_the_site() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let west = host("west.example");
    let made = std::thread::scope(|scope| {
        let attempt = || init(&site, Some(&west), None, now()).unwrap().is_some();
        let attempts: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
        let made = attempts
            .into_iter()
            .map(|attempt| usize::from(attempt.join().unwrap()));
        made.sum::<usize>()
    });
    assert_eq!(made, 1);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        1,
        "nothing is left behind"
    );
}
