use super::*;

const OWN_FILE: &str = "/data/site/redemption.yaml";
const NAMESPACES: &str = "/skupper/namespaces";
const DEFAULT: &str = "/skupper/namespaces/default";

#[test]
fn the_site_of_an_option_goes_before_the_own_one_and_that_before_skupper_s() {
    let file = |path: &str| {
        Ok(SiteSource::Config {
            file: path.into(),
            issuers: Vec::new(),
        })
    };
    let namespace = |path: &str| {
        Ok(SiteSource::SkupperNamespace {
            folder: path.into(),
            advertise_host: None,
            issuers: Vec::new(),
            previous: Vec::new(),
        })
    };
    let by_file = Some(NamedSite::File("west.yaml".into()));
    let by_name = |name: &str| Some(NamedSite::Namespace(name.to_owned()));
    let both = [OWN_FILE, DEFAULT].as_slice();
    let cases = [
        ("a file", by_file.clone(), both, file("west.yaml")),
        ("a file that is not there", by_file, &[], file("west.yaml")),
        (
            "the folder of a namespace",
            Some(NamedSite::Folder("/srv/west".into())),
            both,
            namespace("/srv/west"),
        ),
        (
            "a namespace",
            by_name("west"),
            both,
            namespace("/skupper/namespaces/west"),
        ),
        (
            "the default namespace by name",
            by_name("default"),
            both,
            namespace(DEFAULT),
        ),
        ("no option", None, both, file(OWN_FILE)),
        (
            "no option, a namespace",
            None,
            &[DEFAULT],
            namespace(DEFAULT),
        ),
        (
            "no site",
            None,
            &[],
            Err(ChoiceProblem::NoSite {
                own_file: OWN_FILE.into(),
                default_namespace: Some(DEFAULT.into()),
            }),
        ),
        (
            "a path for a namespace",
            by_name("../west"),
            both,
            Err(ChoiceProblem::NamespaceName("../west".to_owned())),
        ),
        (
            "a subdomain for a namespace",
            by_name("a.b"),
            both,
            Err(ChoiceProblem::NamespaceName("a.b".to_owned())),
        ),
    ];
    for (name, site, present, expected) in cases {
        let options = SiteOptions {
            site,
            ..SiteOptions::default()
        };
        let exists = |path: &Path| Ok(present.iter().any(|known| Path::new(known) == path));
        assert_eq!(
            choose(
                options,
                Path::new(OWN_FILE),
                Some(Path::new(NAMESPACES)),
                exists
            ),
            expected,
            "{name}"
        );
    }
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let host = Host::parse("west.example").unwrap();
    let beside_a_file = SiteOptions {
        site: Some(NamedSite::File("west.yaml".into())),
        advertise_host: Some(host),
        ..SiteOptions::default()
    };
    let previous_beside_a_file = SiteOptions {
        site: Some(NamedSite::File("west.yaml".into())),
        previous: vec!["old".to_owned()],
        ..SiteOptions::default()
    };
    let a_previous_path = SiteOptions {
        previous: vec!["../old".to_owned()],
        ..SiteOptions::default()
    };
    let a_path = SiteOptions {
        issuers: vec!["a/b".to_owned()],
        ..SiteOptions::default()
    };
    let no_home = SiteOptions {
        site: Some(NamedSite::Namespace("west".to_owned())),
        ..SiteOptions::default()
    };
    let cases = [
        (
            "a host beside a file",
            beside_a_file,
            ChoiceProblem::HostOfFile("west.yaml".into()),
        ),
        (
            "a path for an issuer",
            a_path,
            ChoiceProblem::IssuerName("--issuer", "a/b".to_owned()),
        ),
        (
            "an issuer of before beside a file",
            previous_beside_a_file,
            ChoiceProblem::PreviousOfFile("west.yaml".into()),
        ),
        (
            "a path for an issuer of before",
            a_previous_path,
            ChoiceProblem::IssuerName("--previous-issuer", "../old".to_owned()),
        ),
        (
            "a namespace without a home",
            no_home,
            ChoiceProblem::NoNamespaces,
        ),
    ];
    for (name, options, expected) in cases {
        assert_eq!(
            choose(options, Path::new(OWN_FILE), None, |_| Ok(false)),
            Err(expected),
            "{name}"
        );
    }
}

#[test]
fn a_site_that_cannot_be_looked_at_is_not_taken_for_none() {
    for closed in [OWN_FILE, DEFAULT] {
        let exists = |path: &Path| {
            if path == Path::new(closed) {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            Ok(false)
        };
        let problem = choose(
            SiteOptions::default(),
            Path::new(OWN_FILE),
            Some(Path::new(NAMESPACES)),
            exists,
        )
        .unwrap_err();
        let text = problem.to_string();
        assert!(
            text.starts_with(&format!("cannot read {closed}: permission denied")),
            "{text}"
        );
    }
}

#[test]
fn a_missing_site_names_the_three_ways() {
    let problem = choose(
        SiteOptions::default(),
        Path::new(OWN_FILE),
        Some(Path::new(NAMESPACES)),
        |_| Ok(false),
    )
    .unwrap_err();
    let init = "'serve --init --url https://HOST:9090'";
    for way in ["--site", "--namespace", init, OWN_FILE, DEFAULT] {
        assert!(problem.to_string().contains(way), "{way}: {problem}");
    }
}
