//! `--redeem-by-name`: grants at the path with their namespace and name.

use std::time::Duration;

use cluster_tests::{Cluster, Rendered};
use kube::api::DeleteParams;
use serde_json::json;

use crate::room::{CANARY, CODE, Room};
use crate::service::Services;

const NO_SUCH_CLAIM: (u16, &str) = (404, "No such claim\n");
const REFUSED: (u16, &str) = (403, "Redemption of access token refused\n");
const SPENT: (u16, &str) = (404, "No such access granted\n");

#[tokio::test(flavor = "multi_thread")]
async fn grants_of_all_namespaces_are_redeemed_by_name_if_their_codes_are_long() {
    // A cluster of its own: the service sees all of it.
    let cluster = Cluster::start().await.unwrap();
    cluster.install_skupper_kinds().await.unwrap();
    let rendered = Rendered::of("sidecar-cluster").unwrap();
    let west = Room::with(&cluster, "by-name-west", &rendered).await;
    let east = Room::new(&cluster, "by-name-east").await;
    let codes = ["west", "east", "later"].map(|name| format!("{CANARY}{name}-{}", "c".repeat(32)));
    for (room, code) in [(&west, &codes[0]), (&east, &codes[1])] {
        room.site().await;
        room.grant_of("partner", json!({"redemptionsAllowed": 2}), code)
            .await;
    }
    // One byte less than a long code.
    assert_eq!(CODE.len(), 31);
    let short = west.grant("short", 1).await;
    let services = Services::new(&cluster, &west).of_all();
    let service = services.start(&["--redeem-by-name"]).await;
    let ask = async |path: &str, code: &str| {
        let answer = services.ask_at(service.port, path, code, "").await.unwrap();
        (answer.status, answer.body)
    };
    west.is_known(&services, std::slice::from_ref(&service), &short)
        .await;
    for (path, code, expected) in [
        ("/by-name-west/partner", &*codes[0], (200, "")),
        ("/by-name-west/partner", &codes[1], REFUSED),
        ("/by-name-east/partner", &codes[1], (200, "")),
        ("/by-name-east/partner", &codes[1], (200, "")),
        ("/by-name-east/partner", &codes[1], SPENT),
        ("/by-name-east/partner", &codes[0], REFUSED),
        ("/by-name-west/short", CODE, NO_SUCH_CLAIM),
        ("/by-name-west/none", CODE, NO_SUCH_CLAIM),
        ("/by-name-none/partner", &codes[0], NO_SUCH_CLAIM),
        (&format!("/{short}"), CODE, (200, "")),
    ] {
        let (status, body) = ask(path, code).await;
        let body = if status == 200 { "" } else { body.as_str() };
        assert_eq!((status, body), expected, "{path}");
    }
    assert_eq!(west.redemptions("partner").await, 1);
    assert_eq!(east.redemptions("partner").await, 2);

    // Another grant with the name of one that was deleted.
    let options = DeleteParams::default();
    west.grants.delete("partner", &options).await.unwrap();
    assert_eq!(ask("/by-name-west/partner", &codes[0]).await.0, 404);
    west.grant_of("partner", json!({"redemptionsAllowed": 1}), &codes[2])
        .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(ask("/by-name-west/partner", &codes[0]).await.0, REFUSED.0);
    assert_eq!(ask("/by-name-west/partner", &codes[2]).await.0, 200);
}
