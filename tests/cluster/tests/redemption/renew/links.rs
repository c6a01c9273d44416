//! The Links of a renewed Secret: what is written, and what is left alone.

use std::fmt::Write as _;

use cluster_tests::Cluster;
use kube::api::{Patch, PatchParams};
use redemption_sidecar::system::clock;
use redemption_sidecar::wire::certificate_request;
use serde_json::{Value, json};

use super::hostile::Partnered;
use crate::partner::{Received, Site, secret};

/// Endpoints of one Link: role and host.
pub(super) type Endpoints = &'static [(&'static str, &'static str)];

/// An answer with these Links, with the certificate that was asked for.
pub(super) fn answer(site: &Site, request: &Received, links: &[Endpoints]) -> String {
    let name = &request.headers["name"];
    let key = certificate_request::read(&request.headers["certificate-request"]).unwrap();
    let day = chrono::TimeDelta::days(1);
    let certificate = site.certify(key.spki(), name, clock::now(), day);
    let mut yaml = secret(name, &site.ca, &certificate, None);
    for (number, endpoints) in links.iter().enumerate() {
        let link = match links.len() {
            1 => name.clone(),
            _ => format!("{name}-{}", number + 1),
        };
        write!(
            yaml,
            "---\napiVersion: skupper.io/v2alpha1\nkind: Link\nmetadata:\n  name: {link}\nspec:\n  \
             tlsCredentials: {name}\n  endpoints:\n"
        )
        .unwrap();
        for (role, host) in *endpoints {
            writeln!(
                yaml,
                "  - name: {role}\n    host: {host}\n    port: \"55671\"\n    group: g{number}"
            )
            .unwrap();
        }
    }
    yaml
}

const ONE: Endpoints = &[("inter-router", "a.example"), ("edge", "a.example")];
const TURNED: Endpoints = &[("edge", "a.example"), ("inter-router", "a.example")];
const MOVED: Endpoints = &[("edge", "b.example"), ("inter-router", "b.example")];
const OTHER: Endpoints = &[("edge", "c.example")];

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_written_only_where_its_endpoints_differ() {
    let cluster = Cluster::shared().await.unwrap();
    let answers: [&'static [Endpoints]; 6] = [
        &[ONE],
        &[TURNED],
        &[MOVED],
        &[MOVED, OTHER],
        &[ONE, OTHER],
        &[OTHER],
    ];
    let kept = Partnered::new(&cluster, "renew-links", move |site, request, before| {
        (200, answer(site, request, answers[before]))
    })
    .await;
    kept.keep("west").await;
    let (site, _) = kept.target.add_site().await;
    let get = async |name: &str| kept.target.links.get(name).await.unwrap();
    let hosts = |link: &kube::api::DynamicObject| {
        let endpoints = link.data["spec"]["endpoints"].as_array().unwrap().iter();
        let hosts = endpoints.map(|one| one["host"].as_str().unwrap().to_owned());
        hosts.collect::<Vec<_>>().join(" ")
    };

    kept.renew("west").await.unwrap();
    let made = get("west").await;
    let owner = &made.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.kind.as_str(), &owner.name), ("Site", &site));
    let own = json!({"metadata": {"annotations": {"own": "a"}},
        "spec": {"cost": 9, "settings": {"b": "c"}}});
    let params = PatchParams::default();
    let links = &kept.target.links;
    links
        .patch("west", &params, &Patch::Merge(own))
        .await
        .unwrap();

    let before = get("west").await.metadata;
    kept.renew("west").await.unwrap();
    let after = get("west").await.metadata;
    assert_eq!(
        after.resource_version, before.resource_version,
        "another order"
    );

    kept.renew("west").await.unwrap();
    let moved = get("west").await;
    assert_eq!(hosts(&moved), "b.example b.example");
    let spec = &moved.data["spec"];
    assert_eq!(
        (&spec["cost"], &spec["settings"]["b"]),
        (&json!(9), &json!("c"))
    );
    assert_eq!(moved.metadata.annotations.unwrap()["own"], "a");

    kept.renew("west").await.unwrap();
    assert_eq!(
        kept.target.objects().await,
        ["link/west-1", "link/west-2", "secret/west"],
        "two groups"
    );
    assert_eq!(get("west-1").await.data["spec"]["cost"], 9);
    let second = get("west-2").await.metadata.resource_version;

    kept.renew("west").await.unwrap();
    assert_eq!(hosts(&get("west-1").await), "a.example a.example");
    assert_eq!(get("west-2").await.metadata.resource_version, second);

    kept.renew("west").await.unwrap();
    assert_eq!(
        kept.target.objects().await,
        ["link/west", "secret/west"],
        "one again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_another_secret_is_left_alone() {
    let cluster = Cluster::shared().await.unwrap();
    let kept = Partnered::new(&cluster, "renew-others", |site, request, _| {
        (200, answer(site, request, &[ONE]))
    })
    .await;
    kept.keep("west").await;
    kept.target.add_link("west", "east").await;
    kept.target.add_link("west-1", "east").await;
    let all = async || {
        let links = kept
            .target
            .links
            .list(&kube::api::ListParams::default())
            .await;
        let links = links.unwrap().items.into_iter();
        links
            .map(|link| link.metadata.resource_version)
            .collect::<Vec<_>>()
    };
    let before = all().await;
    kept.renew("west").await.unwrap();
    assert_eq!(all().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_are_finished_when_a_renewal_was_stopped_before_them() {
    use crate::tap::{Accident, Tap};
    let cluster = Cluster::shared().await.unwrap();
    for at in 0..40 {
        let answers: &'static [Endpoints] = &[MOVED, OTHER];
        let kept = Partnered::new(
            &cluster,
            &format!("renew-links-{at}"),
            move |site, request, _| (200, answer(site, request, answers)),
        )
        .await;
        kept.keep("west").await;
        // One that goes, one that differs, one that is missing.
        kept.target.add_link("west", "west").await;
        kept.target.add_link("west-1", "west").await;
        let tap = Tap::on(&kept.target.client, Some((at, Accident::StoppedAfter)));
        let client = tap.client();
        let run = tap.until_stopped(kept.renew_by(&client, "west")).await;
        kept.renew("west").await.unwrap();
        let objects = kept.target.objects().await;
        assert_eq!(
            objects,
            ["link/west-1", "link/west-2", "secret/west"],
            "{at}"
        );
        let link = kept.target.links.get("west-1").await.unwrap();
        let host: &Value = &link.data["spec"]["endpoints"][0]["host"];
        assert_eq!(host, "b.example", "{at}");
        if run.is_some() {
            assert!(at > 12, "{at}");
            return;
        }
    }
    unreachable!("a renewal has no end");
}
