use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;
use crate::pki::issuer::new_site_ca;
use crate::wire::objects::endpoint_host;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_secs(1_785_000_000).unwrap()
}

fn site(endpoints: Value) -> Value {
    json!({"metadata": {"name": "west"}, "status": {"endpoints": endpoints}})
}

fn pem(name: &str) -> IssuerPem {
    let (certificate, key) = new_site_ca(name, now()).unwrap();
    IssuerPem {
        certificate: certificate.into_bytes(),
        key: Zeroizing::new(key.expose_secret().as_bytes().to_vec()),
        above: Vec::new(),
    }
}

fn load_sites(sites: Vec<Value>) -> Loaded {
    let secrets = BTreeMap::new();
    load(
        &Objects {
            sites,
            secrets,
            ..Objects::default()
        },
        "prod",
        &[],
        now(),
    )
}

#[test]
fn an_edge_site_has_no_endpoints() {
    let endpoint = json!({"name": "edge", "host": "a.example", "port": "45671"});
    for (edge, expected) in [
        (json!(true), (0, 1)),
        (json!(false), (1, 0)),
        (Value::Null, (1, 0)),
    ] {
        let mut site = site(json!([endpoint]));
        site["spec"]["edge"] = edge.clone();
        let loaded = load_sites(vec![site]);
        let found = (loaded.site.endpoints.len(), loaded.remarks.len());
        assert_eq!(found, expected, "{edge}");
    }
}

#[test]
fn endpoints_of_both_roles_are_read_and_others_are_passed_over() {
    let good = json!({"name": "edge", "host": "a.example", "port": "45671", "group": "g"});
    let edited = |field: &str, value: Value| {
        let mut endpoint = good.clone();
        endpoint[field] = value;
        json!([endpoint])
    };
    let read = |endpoints: Value| {
        let loaded = load_sites(vec![site(endpoints)]);
        let endpoints = loaded.site.endpoints.iter().map(|endpoint| {
            let Endpoint {
                role,
                host,
                port,
                group,
            } = endpoint;
            format!("{role} {} {port} {group}", endpoint_host(host))
        });
        (endpoints.collect::<Vec<_>>(), loaded.remarks.len())
    };
    let one = |text: &str| (vec![text.to_owned()], 0);
    let none = (vec![], 0);
    let remark = (vec![], 1);
    let table = [
        ("good", json!([good]), one("edge a.example 45671 g")),
        (
            "inter-router",
            edited("name", "inter-router".into()),
            one("inter-router a.example 45671 g"),
        ),
        (
            "another role",
            edited("name", "normal".into()),
            none.clone(),
        ),
        (
            "no group",
            edited("group", Value::Null),
            one("edge a.example 45671 "),
        ),
        (
            "IPv6",
            edited("host", "2001:db8::1".into()),
            one("edge 2001:db8::1 45671 g"),
        ),
        ("no host", edited("host", "".into()), remark.clone()),
        (
            "a host with a path",
            edited("host", "a/b".into()),
            remark.clone(),
        ),
        ("port 0", edited("port", "0".into()), remark.clone()),
        (
            "a port that is a number",
            edited("port", 45671.into()),
            remark,
        ),
        ("no endpoints", Value::Null, none.clone()),
        ("no list", json!({"edge": good}), none),
    ];
    for (name, endpoints, expected) in table {
        assert_eq!(read(endpoints), expected, "{name}");
    }
}

#[test]
fn the_default_issuer_is_that_of_status_then_spec_then_skuppers() {
    for (name, site, expected) in [
        ("none", json!({}), "skupper-site-ca"),
        ("spec", json!({"spec": {"defaultIssuer": "a"}}), "a"),
        (
            "both",
            json!({"spec": {"defaultIssuer": "a"}, "status": {"defaultIssuer": "b"}}),
            "b",
        ),
        (
            "an empty status",
            json!({"spec": {"defaultIssuer": "a"}, "status": {"defaultIssuer": ""}}),
            "a",
        ),
    ] {
        assert_eq!(wanted_issuers(&[site], &[]), [expected], "{name}");
    }
    let named = ["z", "skupper-site-ca", "a"].map(str::to_owned);
    assert_eq!(wanted_issuers(&[], &named), ["a", "skupper-site-ca", "z"]);
}

#[test]
fn only_the_default_issuer_and_named_ones_are_loaded() {
    let secrets = ["skupper-site-ca", "partners", "other"];
    let mut objects = Objects {
        sites: vec![site(json!([]))],
        secrets: secrets.map(|name| (name.to_owned(), Ok(pem(name)))).into(),
        ..Objects::default()
    };
    let named = ["partners".to_owned(), "absent".to_owned()];
    let loaded = load(&objects, "prod", &named, now());
    let issuers: Vec<_> = loaded.site.issuers.keys().collect();
    assert_eq!(issuers, ["partners", "skupper-site-ca"]);
    let failed: Vec<_> = loaded.failed.keys().collect();
    assert_eq!(failed, ["absent"]);

    // Another key beside the certificate: one of the two is not written yet.
    let other = pem("other").key;
    if let Some(Ok(pem)) = objects.secrets.get_mut("partners") {
        pem.key = other;
    }
    let gone = Err(SecretProblem::Missing("skupper-site-ca".to_owned()));
    objects.secrets.insert("skupper-site-ca".to_owned(), gone);
    let loaded = load(&objects, "prod", &named, now());
    assert!(loaded.site.issuers.is_empty());
    assert!(loaded.failed["partners"].is_passing());
    assert!(!loaded.failed["skupper-site-ca"].is_passing());
}

#[test]
fn the_default_issuer_follows_those_of_secrets_of_which_no_key_is_known() {
    let certificate = |name: &str| CertificatePem {
        certificate: pem(name).certificate,
        above: Vec::new(),
    };
    let present = pem("skupper-site-ca");
    let same = CertificatePem {
        certificate: present.certificate.clone(),
        above: Vec::new(),
    };
    let half = CertificatePem {
        certificate: present.certificate[..99].to_vec(),
        above: Vec::new(),
    };
    let missing = SecretProblem::Missing("old".to_owned());
    let incomplete = SecretProblem::NoCertificate("old".to_owned());
    for (name, previous, count, said) in [
        ("one", Ok(certificate("old")), 2, ""),
        ("the same CA", Ok(same), 1, ""),
        (
            "half a certificate",
            Ok(half),
            1,
            "Secret 'old': the certificate is damaged",
        ),
        ("no Secret", Err(missing), 1, "there is no Secret 'old'"),
        (
            "a Secret without a certificate",
            Err(incomplete),
            1,
            "Secret 'old' must hold 'tls.crt'",
        ),
    ] {
        let objects = Objects {
            sites: vec![site(json!([]))],
            secrets: [("skupper-site-ca".to_owned(), Ok(present.clone()))].into(),
            previous: [("old".to_owned(), previous)].into(),
        };
        let loaded = load(&objects, "prod", &[], now());
        let issuer = loaded.site.issuer(None).expect(name);
        let found = issuer.certificates_pem().matches("BEGIN").count();
        assert_eq!(found, count, "{name}");
        assert!(
            loaded.failed.is_empty() && loaded.site.issuers.len() == 1,
            "{name}"
        );
        let fault = loaded.previous[0].loaded.as_ref().err();
        let fault = fault.map(ToString::to_string).unwrap_or_default();
        assert_eq!(fault.is_empty(), said.is_empty(), "{name}: {fault}");
        assert!(fault.starts_with(said), "{name}: {fault}");
    }
}

#[test]
fn a_refused_issuer_says_what_its_secret_holds() {
    let [west, east] = ["west", "east"].map(pem);
    let other = IssuerPem {
        key: east.key,
        ..west
    };
    let objects = Objects {
        sites: vec![site(json!([]))],
        secrets: [("skupper-site-ca".to_owned(), Ok(other))].into(),
        ..Objects::default()
    };
    let loaded = load(&objects, "prod", &[], now());
    let fault = loaded.failed["skupper-site-ca"].to_string();
    for part in [
        "its Secret",
        "'CN=west'",
        "EC P-256",
        "until 2036",
        "private key",
    ] {
        assert!(fault.contains(part), "{part}: {fault}");
    }
}

#[test]
fn a_namespace_has_one_site() {
    let second = json!({"metadata": {"name": "east"}});
    let none = load_sites(vec![]);
    assert!(none.site.endpoints.is_empty() && none.remarks.len() == 1);
    let two = load_sites(vec![site(json!([])), second]);
    assert_eq!((two.site.name.as_str(), two.remarks.len()), ("west", 1));
}
