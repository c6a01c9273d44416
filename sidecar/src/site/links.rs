//! The Links of a site.

use std::collections::BTreeMap;

use crate::wire::objects::{Endpoint, Link, Role};

/// One Link for each group: named as the Secret when there is one group, else `NAME-1`, `NAME-2`
/// in the order of the groups. A Link holds the first endpoint of each role, edge first.
///
/// Source: Skupper's redemption server. Its routers use the first endpoint of their role, and every
/// group is another router.
pub(super) fn links(secret: &str, endpoints: &[Endpoint]) -> Vec<Link> {
    let mut groups: BTreeMap<&str, BTreeMap<Role, &Endpoint>> = BTreeMap::new();
    for endpoint in endpoints {
        let group = groups.entry(&endpoint.group).or_default();
        group.entry(endpoint.role).or_insert(endpoint);
    }
    let is_alone = groups.len() == 1;
    let links = groups.into_values().zip(1..).map(|(group, number)| Link {
        name: if is_alone {
            secret.to_owned()
        } else {
            format!("{secret}-{number}")
        },
        tls_credentials: secret.to_owned(),
        endpoints: group.into_values().cloned().collect(),
        cost: None,
    });
    links.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::endpoint;

    #[test]
    fn every_group_is_a_link_with_one_endpoint_of_a_role() {
        use Role::{Edge, InterRouter};
        let [a, b] = ["a.example", "b.example"];
        // The hosts of each Link, in order.
        let cases = [
            ("an edge site", vec![], vec![]),
            (
                "both roles, in Skupper's order",
                vec![endpoint(InterRouter, a, ""), endpoint(Edge, b, "")],
                vec![("west", vec![(Edge, b), (InterRouter, a)])],
            ),
            (
                "one role",
                vec![endpoint(InterRouter, a, "x")],
                vec![("west", vec![(InterRouter, a)])],
            ),
            (
                "the first host of a role",
                vec![
                    endpoint(Edge, b, "x"),
                    endpoint(Edge, a, "x"),
                    endpoint(InterRouter, a, "x"),
                    endpoint(InterRouter, b, "x"),
                ],
                vec![("west", vec![(Edge, b), (InterRouter, a)])],
            ),
            (
                "groups, in their order",
                vec![
                    endpoint(InterRouter, b, "router-2"),
                    endpoint(InterRouter, a, "router-1"),
                    endpoint(Edge, a, ""),
                ],
                vec![
                    ("west-1", vec![(Edge, a)]),
                    ("west-2", vec![(InterRouter, a)]),
                    ("west-3", vec![(InterRouter, b)]),
                ],
            ),
        ];
        for (name, endpoints, expected) in cases {
            let links = links("west", &endpoints);
            let got = links.iter().map(|link| {
                assert_eq!((link.tls_credentials.as_str(), link.cost), ("west", None));
                let endpoints = link.endpoints.iter();
                let hosts = endpoints.map(|endpoint| (endpoint.role, endpoint.host.to_string()));
                (link.name.clone(), hosts.collect::<Vec<_>>())
            });
            let expected = expected.into_iter().map(|(name, hosts)| {
                let hosts = hosts
                    .into_iter()
                    .map(|(role, host)| (role, host.to_owned()));
                (name.to_owned(), hosts.collect::<Vec<_>>())
            });
            assert_eq!(
                got.collect::<Vec<_>>(),
                expected.collect::<Vec<_>>(),
                "{name}"
            );
        }
    }
}
