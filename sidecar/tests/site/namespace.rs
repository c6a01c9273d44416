//! The folder of a Skupper namespace, as Skupper writes it, and as it may be found instead.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use redemption_sidecar::site::server_certificate::ServerHosts;
use redemption_sidecar::site::skupper_namespace::{
    self, Namespace, NamespaceProblem, namespaces_folder,
};
use redemption_sidecar::wire::objects::{Role, read_endpoint_host};
use sidecar_test_support::openssl::Pki;

/// The content of a namespace's folder.
type Folder = BTreeMap<PathBuf, Vec<u8>>;

const FOLDER: &str = "/namespaces/west";
pub(crate) const SITE: &str = "runtime/resources/Site-west.yaml";
pub(crate) const ACCESS: &str = "runtime/resources/RouterAccess-router-access-west.yaml";
pub(crate) const CERTIFICATE: &str = "runtime/certs/router-access-west/tls.crt";

/// A Site as the serializer of Skupper's controller writes it.
pub(crate) const SITE_YAML: &str = "\
apiVersion: skupper.io/v2alpha1
kind: Site
metadata:
  creationTimestamp: null
  name: west
  namespace: default
  uid: 0b9c2f1e-5e0c-4d0b-9b0e-5f1f1f1f1f1f
spec: {}
status:
  conditions:
  - lastTransitionTime: \"2026-06-01T12:00:00Z\"
    message: OK
    reason: Ready
    status: \"True\"
    type: Configured
  status: Pending
";

/// The RouterAccess that every such site has for its own tools.
pub(crate) const LOCAL_YAML: &str = "\
apiVersion: skupper.io/v2alpha1
kind: RouterAccess
metadata:
  name: skupper-local
spec:
  bindHost: 127.0.0.1
  issuer: skupper-local-ca
  roles:
  - name: normal
    port: 5671
  tlsCredentials: skupper-local-server
status: {}
";

pub(crate) fn access(name: &str, spec: &str) -> Vec<u8> {
    let head = "apiVersion: skupper.io/v2alpha1\nkind: RouterAccess\nmetadata:\n  name: ";
    format!("{head}{name}\nspec: {{{spec}}}\nstatus: {{}}\n").into_bytes()
}

pub(crate) const BOTH_ROLES: &str =
    "roles: [{name: inter-router, port: 55671}, {name: edge, port: 45671}]";

/// A server certificate with these subject alternative names.
fn certificate(pki: &Pki, names: &[&str]) -> Vec<u8> {
    let names = names.iter().enumerate();
    let names: Vec<String> = names
        .map(|(index, name)| match name.strip_prefix("IP:") {
            Some(address) => format!("IP.{index} = {address}"),
            None => format!("DNS.{index} = {name}"),
        })
        .collect();
    let names = format!("subjectAltName = @names; [names]; {}", names.join("; "));
    pki.root("server", "/CN=west", &names);
    pki.read("server.crt")
}

fn folder(files: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Folder {
    let files = files.into_iter();
    files
        .map(|(path, content)| (Path::new(FOLDER).join(path), content))
        .collect()
}

/// A site that takes links under the names of a certificate.
fn whole(certificate: &[u8]) -> Folder {
    folder([
        (SITE, SITE_YAML.into()),
        (
            "runtime/resources/RouterAccess-skupper-local.yaml",
            LOCAL_YAML.into(),
        ),
        (
            "runtime/resources/Certificate-skupper-site-ca.yaml",
            b"kind: Certificate\n".to_vec(),
        ),
        (ACCESS, access("router-access-west", BOTH_ROLES)),
        (CERTIFICATE, certificate.to_vec()),
    ])
}

fn read(folder: &Folder, advertise_host: Option<&str>) -> Result<Namespace, NamespaceProblem> {
    let host = advertise_host.map(|host| read_endpoint_host(host).unwrap());
    skupper_namespace::read(folder, Path::new(FOLDER), host.as_ref())
}

/// The endpoints as `role host:port`.
fn endpoints(namespace: &Namespace) -> Vec<String> {
    let endpoints = namespace.endpoints.iter().map(|endpoint| {
        assert_eq!(endpoint.group, "skupper-router");
        format!("{} {}:{}", endpoint.role, endpoint.host, endpoint.port)
    });
    endpoints.collect()
}

fn pki() -> Pki {
    let pki = Pki::empty();
    pki.key("server", "P-256 PKCS#8");
    pki
}

#[test]
fn the_host_of_links_is_one_that_the_server_certificate_names() {
    let pki = pki();
    // Skupper writes an address as a DNS name, too, and once wrote an empty name.
    let skupper = [
        "0.0.0.0",
        "::",
        "west",
        "192.0.2.7",
        "IP:0.0.0.0",
        "IP:::",
        "IP:192.0.2.7",
    ];
    let local = [
        "127.0.0.1",
        "localhost",
        "IP:127.0.0.1",
        "IP:::1",
        "localhost.localdomain",
    ];
    let named = |hosts: &[&str]| {
        hosts
            .iter()
            .map(|&host| host.to_owned())
            .collect::<Vec<_>>()
    };
    let not_named = |host: &str, hosts: &[&str]| {
        let host = read_endpoint_host(host).unwrap();
        Err(NamespaceProblem::HostNotNamed(host, named(hosts)))
    };
    let [v4, v6] = ["192.0.2.7", "[2001:db8::7]"];
    let cases = [
        ("Skupper's default names", &skupper[..], None, Ok("west")),
        ("an address of them", &skupper, Some(v4), Ok(v4)),
        (
            "another host",
            &skupper,
            Some("east"),
            not_named("east", &["0.0.0.0", "::", "west", v4]),
        ),
        (
            "an IPv6 address",
            &["IP:::1", "IP:2001:db8::7", "west"],
            None,
            Ok(v6),
        ),
        (
            "an empty name before it",
            &["", "a b", "west"],
            None,
            Ok("west"),
        ),
        (
            "a name in another case",
            &["West.Example"],
            Some("west.EXAMPLE."),
            Ok("west.example"),
        ),
        ("nothing but this machine", &local, None, {
            let hosts = named(&["127.0.0.1", "localhost", "::1", "localhost.localdomain"]);
            Err(NamespaceProblem::NoHost(hosts))
        }),
        (
            "this machine on purpose",
            &local,
            Some("127.0.0.1"),
            Ok("127.0.0.1"),
        ),
        ("a wildcard is no host", &["*.example"], None, {
            Err(NamespaceProblem::NoHost(named(&["*.example"])))
        }),
        (
            "a host below a wildcard",
            &["*.example"],
            Some("west.example"),
            Ok("west.example"),
        ),
        (
            "two labels below a wildcard",
            &["*.example"],
            Some("a.west.example"),
            not_named("a.west.example", &["*.example"]),
        ),
        (
            "an address below a wildcard",
            &["*.2.7"],
            Some(v4),
            not_named(v4, &[]),
        ),
    ];
    for (name, names, advertise_host, expected) in cases {
        let mut folder = whole(&certificate(&pki, names));
        folder.insert(Path::new(FOLDER).join("unrelated"), Vec::new());
        match (read(&folder, advertise_host), expected) {
            (Ok(site), Ok(host)) => {
                let expected = [
                    format!("inter-router {host}:55671"),
                    format!("edge {host}:45671"),
                ];
                assert_eq!(endpoints(&site), expected, "{name}");
                assert_eq!(
                    (site.name.as_str(), site.remarks),
                    ("west", vec![]),
                    "{name}"
                );
            }
            (Err(problem), Err(expected)) => {
                assert_eq!(problem, expected, "{name}");
                assert!(
                    problem.to_string().contains("--advertise-host"),
                    "{name}: {problem}"
                );
            }
            (got, expected) => panic!("{name}: {got:?}, not {expected:?}"),
        }
    }
}

/// Files that are other than Skupper's, the host to advertise, the endpoints, how many remarks.
type Listening<'a> = (
    &'a str,
    Vec<(&'static str, Vec<u8>)>,
    Option<&'a str>,
    Vec<&'a str>,
    usize,
);

#[test]
fn a_router_listens_where_its_router_accesses_say() {
    let pki = pki();
    let west = certificate(&pki, &["west.example"]);
    let east = certificate(&pki, &["east.example"]);
    let second = "runtime/resources/RouterAccess-second.yaml";
    let second_certificate = "runtime/certs/second/tls.crt";
    let both = ["inter-router west.example:55671", "edge west.example:45671"];
    let spec = |spec: &str| vec![(ACCESS, access("router-access-west", spec))];
    let cases: [Listening<'_>; 11] = [
        ("as Skupper makes it", vec![], None, both.to_vec(), 0),
        (
            "an edge site",
            vec![(
                SITE,
                SITE_YAML.replace("spec: {}", "spec: {edge: true}").into(),
            )],
            None,
            vec![],
            0,
        ),
        (
            "no role for links",
            spec("roles: [{name: normal, port: 5671}]"),
            None,
            vec![],
            0,
        ),
        ("no role", spec("roles: []"), None, vec![], 0),
        (
            "default ports",
            spec("roles: [{name: edge}, {name: inter-router, port: 0}, {name: inter-network}]"),
            None,
            vec!["edge west.example:45671", "inter-router west.example:55671"],
            0,
        ),
        (
            "other ports",
            spec("roles: [{name: edge, port: 1}]"),
            None,
            vec!["edge west.example:1"],
            0,
        ),
        (
            "credentials of another name",
            vec![
                (
                    ACCESS,
                    access(
                        "router-access-west",
                        &format!("{BOTH_ROLES}, tlsCredentials: second"),
                    ),
                ),
                (second_certificate, east.clone()),
            ],
            None,
            vec!["inter-router east.example:55671", "edge east.example:45671"],
            0,
        ),
        (
            "the site's own issuer by name",
            spec(&format!(
                "{BOTH_ROLES}, issuer: skupper-site-ca, tlsCredentials: ''"
            )),
            None,
            both.to_vec(),
            0,
        ),
        (
            "another issuer",
            spec(&format!("{BOTH_ROLES}, issuer: partners-ca")),
            None,
            vec![],
            1,
        ),
        (
            "two of them",
            vec![
                (second, access("second", "roles: [{name: edge, port: 2}]")),
                (second_certificate, east.clone()),
            ],
            None,
            [&both[..], &["edge east.example:2"]].concat(),
            0,
        ),
        (
            "the one whose certificate names the host",
            vec![
                (second, access("second", "roles: [{name: edge, port: 2}]")),
                (second_certificate, east),
            ],
            Some("east.example"),
            vec!["edge east.example:2"],
            0,
        ),
    ];
    for (name, changes, advertise_host, expected, remarks) in cases {
        let mut files = whole(&west);
        files.extend(folder(changes));
        let site = read(&files, advertise_host).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(endpoints(&site), expected, "{name}");
        assert_eq!(site.remarks.len(), remarks, "{name}");
    }
}

enum Change {
    Remove(&'static str),
    Write(&'static str, Vec<u8>),
}

#[test]
fn a_folder_that_is_not_whole_is_a_problem_and_no_other_site() {
    use Change::{Remove, Write};
    let pki = pki();
    let whole = whole(&certificate(&pki, &["west.example"]));
    let path = |name: &str| Path::new(FOLDER).join(name);
    let resources = || path("runtime/resources");
    let unreadable = |name: &str| (path(name), None);
    let malformed = |name: &str, start: &'static str| (path(name), Some(start));
    let half = |text: &str| text.as_bytes()[..text.len() / 3].to_vec();
    let cases = [
        (
            "no certificate",
            Remove(CERTIFICATE),
            unreadable(CERTIFICATE),
        ),
        (
            "an empty RouterAccess",
            Write(ACCESS, vec![]),
            malformed(ACCESS, "must hold an object"),
        ),
        (
            "half a RouterAccess",
            Write(ACCESS, half(LOCAL_YAML)),
            malformed(ACCESS, ""),
        ),
        (
            "half a Site",
            Write(SITE, b"apiVersion: skupper.io/v2al".to_vec()),
            malformed(SITE, ""),
        ),
        (
            "an empty certificate",
            Write(CERTIFICATE, vec![]),
            malformed(CERTIFICATE, "must hold a certificate in PEM"),
        ),
        (
            "half a certificate",
            Write(CERTIFICATE, whole[&path(CERTIFICATE)][..300].to_vec()),
            malformed(CERTIFICATE, "must hold a certificate in PEM"),
        ),
        (
            "a path for a name",
            Write(ACCESS, access("../../issuers/skupper-site-ca", BOTH_ROLES)),
            malformed(ACCESS, "spec.tlsCredentials: "),
        ),
        (
            "a port too high",
            Write(ACCESS, access("a", "roles: [{name: edge, port: 65536}]")),
            malformed(ACCESS, "every port"),
        ),
        (
            "a port below 0",
            Write(ACCESS, access("a", "roles: [{name: edge, port: -1}]")),
            malformed(ACCESS, "every port"),
        ),
        (
            "a text for a port",
            Write(ACCESS, access("a", "roles: [{name: edge, port: x}]")),
            { malformed(ACCESS, "") },
        ),
        (
            "not UTF-8",
            Write(ACCESS, vec![0xff]),
            malformed(ACCESS, "must be an object"),
        ),
    ];
    for (name, change, (expected, start)) in cases {
        let mut files = whole.clone();
        match change {
            Remove(file) => drop(files.remove(&path(file))),
            Write(file, content) => drop(files.insert(path(file), content)),
        }
        match read(&files, None).expect_err(name) {
            NamespaceProblem::Unreadable(file, _) => {
                assert_eq!((file, None), (expected, start), "{name}");
            }
            NamespaceProblem::Malformed(file, problem) => {
                assert_eq!(file, expected, "{name}");
                assert!(problem.starts_with(start.expect(name)), "{name}: {problem}");
            }
            problem => panic!("{name}: {problem}"),
        }
    }
    let mut files = whole.clone();
    files.remove(&path(SITE));
    let problem = read(&files, None).unwrap_err();
    let expected = NamespaceProblem::NoSite(resources());
    assert_eq!(problem, expected);
    files.insert(path(SITE), SITE_YAML.into());
    files.insert(path("runtime/resources/Site-we\nst.yaml"), SITE_YAML.into());
    assert_eq!(
        read(&files, None).unwrap().name,
        "west",
        "a name of no object"
    );
    files.insert(path("runtime/resources/Site-east.yaml"), SITE_YAML.into());
    let problem = read(&files, None).unwrap_err();
    let expected = NamespaceProblem::SeveralSites(resources());
    assert_eq!(problem, expected);
}

#[test]
fn namespaces_lie_where_skupper_puts_them() {
    let cases = [
        (
            "root",
            true,
            Some("/x"),
            Some("/root"),
            Some("/var/lib/skupper/namespaces"),
        ),
        (
            "a user",
            false,
            None,
            Some("/home/a"),
            Some("/home/a/.local/share/skupper/namespaces"),
        ),
        (
            "XDG",
            false,
            Some("/data"),
            Some("/home/a"),
            Some("/data/skupper/namespaces"),
        ),
        (
            "empty XDG",
            false,
            Some(""),
            Some("/h"),
            Some("/h/.local/share/skupper/namespaces"),
        ),
        ("neither", false, None, None, None),
        ("both empty", false, Some(""), Some(""), None),
    ];
    for (name, is_root, data_home, home, expected) in cases {
        let folder = namespaces_folder(is_root, data_home.map(OsStr::new), home.map(OsStr::new));
        assert_eq!(folder.as_deref(), expected.map(Path::new), "{name}");
    }
}

proptest! {
    #[test]
    fn no_resource_panics(
        text in any::<String>(),
        spec in "([ \\-a-z:{}\\[\\],'\"0-9]|roles: |name: |edge|port: |null){0,40}",
    ) {
        for content in [text.into_bytes(), access("a", &spec)] {
            for file in [SITE, ACCESS] {
                let mut files = whole(b"");
                files.extend(folder([(file, content.clone())]));
                if let Err(problem) = read(&files, None) {
                    prop_assert!(!problem.to_string().contains('\n'), "{}", problem);
                }
            }
        }
    }

    #[test]
    fn no_certificate_panics(bytes in any::<Vec<u8>>()) {
        let _ = ServerHosts::read(&bytes);
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes)
        );
        let _ = ServerHosts::read(pem.as_bytes());
    }
}

#[test]
fn both_roles_are_known_by_their_default_ports() {
    assert_eq!(
        Role::ALL.map(|role| skupper_namespace::default_port(role).get()),
        [45671, 55671]
    );
}
