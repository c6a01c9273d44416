//! Good partners: a server as Skupper's, and one as ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use redemption_sidecar::redemption::KeyOrigin;

use crate::partner::{
    CODE, Certificates, Partner, UID, answer, certify, chunked, issuer, secret_without_key,
    skupper_link, skupper_objects,
};
use crate::{files, run};
use sidecar_test_support::openssl::now;

#[tokio::test]
async fn a_server_as_skuppers_is_redeemed_from() {
    let certificates = Certificates::of_the_tests();
    let (client, site_ca) = (&certificates.client, &certificates.site_ca);
    let objects = skupper_objects(
        "west",
        &site_ca.certificate,
        &client.certificate,
        &client.key,
    );
    let partner = Partner::start(&certificates.skupper_server, move |_, _, stream| {
        stream.write_all(&chunked("", &objects)).unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("input/resources");
    let token = partner.token(&certificates.skupper_server);
    let redeemed = run(&token, &folder).await.unwrap();
    assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Service));
    assert_eq!(files(&folder), ["Link-west.yaml", "Secret-west.yaml"]);
    let mode = fs::metadata(&redeemed.secret).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let url = partner.url();
    assert_eq!(
        fs::read_to_string(&redeemed.links[0]).unwrap(),
        format!(
            "apiVersion: skupper.io/v2alpha1\nkind: Link\nmetadata:\n  name: \"west\"\n  \
             annotations:\n    redemption-sidecar/redeemed-from: \"{url}\"\nspec:\n  cost: 7\n  \
             endpoints:\n  - group: \"skupper-router\"\n    host: \"10.0.0.1\"\n    name: edge\n    \
             port: \"45671\"\n  - group: \"skupper-router\"\n    host: \"10.0.0.1\"\n    name: \
             inter-router\n    port: \"55671\"\n  tlsCredentials: \"west\"\n"
        )
    );
    let requests = partner.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line, format!("POST /{UID} HTTP/1.1"));
    assert_eq!(requests[0].body, CODE.as_bytes());
    assert_eq!(requests[0].headers["name"], "west");
    assert_eq!(requests[0].headers.get("subject"), None);

    let again = run(&token, &folder).await.unwrap();
    assert_eq!(again.key_made_by, None);
    assert_eq!(partner.connections(), 1);
}

#[tokio::test]
async fn the_redeemers_own_key_is_certified_and_never_travels() {
    let certificates = Certificates::of_the_tests();
    let site_ca = &certificates.site_ca;
    let issuer = issuer(site_ca);
    let at = now();
    let partner = Partner::start(&certificates.server, move |_, request, stream| {
        let certificate = certify(&issuer, request, at);
        let secret = secret_without_key("west", issuer.certificates_pem(), &certificate);
        let objects = format!(
            "{secret}{}{}",
            skupper_link("west-1", "west"),
            skupper_link("west-2", "west")
        );
        stream
            .write_all(&answer("200 OK", "safe-retry: 1\r\n", &objects))
            .unwrap();
    });
    let folder = tempfile::tempdir().unwrap();
    let token = partner.token(&certificates.server_ca);
    let redeemed = run(&token, folder.path()).await.unwrap();
    assert_eq!(redeemed.key_made_by, Some(KeyOrigin::Redeemer));
    assert_eq!(
        files(folder.path()),
        ["Link-west-1.yaml", "Link-west-2.yaml", "Secret-west.yaml"]
    );
    assert_eq!(run(&token, folder.path()).await.unwrap().key_made_by, None);
    assert_eq!(partner.connections(), 1);
}
