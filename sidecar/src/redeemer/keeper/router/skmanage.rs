//! The management of a router through `skmanage`, which prints JSON and ends with 0, or prints what went
//! wrong and ends with 1.
//!
//! Source: skupper-router `tools/skmanage.in`.

use serde_json::Value;

use super::command::run;
use super::problem::RouterProblem;
use super::site::{SiteRouter, TIME};
use crate::wire::objects::{Endpoint, Role, endpoint_host};

/// The numbers of an sslProfile: with a higher ordinal the router opens new connections, and closes those
/// whose ordinal is lower than the oldest valid one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ordinals {
    pub(super) current: u64,
    pub(super) oldest: u64,
}

impl Ordinals {
    /// The next numbers. They keep the connections that were opened last and those before them; `open` is
    /// the highest ordinal of open ones, which is lower than the current where a telling had no success.
    pub(super) fn next(self, open: Option<u64>) -> Option<Self> {
        let newest = open.unwrap_or(self.current).min(self.current);
        Some(Self {
            current: self.current.checked_add(1)?,
            oldest: newest.saturating_sub(1).max(self.oldest),
        })
    }

    /// Those of an entity: a number that is not there is 0.
    fn of(entity: &Value) -> Option<Self> {
        let number = |name: &str| match entity.get(name) {
            None | Some(Value::Null) => Some(0),
            Some(number) => number.as_u64(),
        };
        Some(Self {
            current: number("ordinal")?,
            oldest: number("oldestValidOrdinal")?,
        })
    }
}

/// The numbers of a profile.
pub(super) async fn read(router: &SiteRouter, profile: &str) -> Result<Ordinals, RouterProblem> {
    let arguments = ["read", "--type", "sslProfile", "--name", profile];
    let entity = ask(router, &arguments).await?;
    Ordinals::of(&entity).ok_or(RouterProblem::Unreadable)
}

/// Tells the router to read the files of a profile again. It answers with the numbers it has then.
pub(super) async fn update(
    router: &SiteRouter,
    profile: &str,
    ordinals: Ordinals,
) -> Result<Ordinals, RouterProblem> {
    let current = format!("ordinal={}", ordinals.current);
    let oldest = format!("oldestValidOrdinal={}", ordinals.oldest);
    let arguments = [
        "update",
        "--type",
        "sslProfile",
        "--name",
        profile,
        &current,
        &oldest,
    ];
    let entity = ask(router, &arguments).await?;
    Ordinals::of(&entity).ok_or(RouterProblem::Unreadable)
}

/// The highest ordinal of the open connections to these endpoints; absent where there are none, or they
/// show no ordinal.
pub(super) async fn open(
    router: &SiteRouter,
    endpoints: &[&Endpoint],
) -> Result<Option<u64>, RouterProblem> {
    let connections = ask(router, &["query", "--type", "connection"]).await?;
    let connections = connections.as_array().ok_or(RouterProblem::Unreadable)?;
    Ok(highest(connections, endpoints))
}

fn highest(connections: &[Value], endpoints: &[&Endpoint]) -> Option<u64> {
    let endpoints = endpoints
        .iter()
        .filter(|endpoint| endpoint.role == Role::InterRouter);
    let hosts = endpoints.flat_map(|endpoint| {
        let (host, port) = (endpoint_host(&endpoint.host), endpoint.port);
        [format!("{host}:{port}"), format!("[{host}]:{port}")]
    });
    let hosts: Vec<_> = hosts.collect();
    let text = |connection: &Value, name: &str| {
        let text = connection.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let own = connections.iter().filter(|connection| {
        text(connection, "dir") == "out"
            && text(connection, "role").starts_with(Role::InterRouter.as_str())
            && hosts.contains(&text(connection, "host"))
    });
    own.filter_map(|connection| connection.get("tlsOrdinal")?.as_u64())
        .max()
}

async fn ask(router: &SiteRouter, arguments: &[&str]) -> Result<Value, RouterProblem> {
    let outcome = run(router.skmanage(arguments), TIME).await?;
    match (outcome.code, router.engine()) {
        (Some(0), _) => {
            serde_json::from_slice(&outcome.output).map_err(|_| RouterProblem::Unreadable)
        }
        (Some(1), _) if outcome.output.starts_with(b"NotFoundStatus") => {
            Err(RouterProblem::UnknownProfile)
        }
        // It says on its standard output what the router says.
        (Some(1), engine) if engine.is_none() || !outcome.output.is_empty() => {
            Err(RouterProblem::Refused(outcome.said()))
        }
        (_, Some(engine)) => Err(RouterProblem::Engine {
            engine,
            said: outcome.said(),
        }),
        (_, None) => Err(RouterProblem::Refused(outcome.said())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::objects::read_endpoint_host;

    #[test]
    fn the_next_ordinals_keep_the_last_two_sets_of_connections() {
        let ordinals = |current, oldest| Ordinals { current, oldest };
        let table = [
            ("the first", ordinals(0, 0), None, ordinals(1, 0)),
            ("the second", ordinals(1, 0), Some(1), ordinals(2, 0)),
            ("the third", ordinals(2, 0), Some(2), ordinals(3, 1)),
            ("none is open", ordinals(5, 3), None, ordinals(6, 4)),
            (
                "two tellings without success",
                ordinals(5, 1),
                Some(3),
                ordinals(6, 2),
            ),
            (
                "one of another profile",
                ordinals(2, 0),
                Some(9),
                ordinals(3, 1),
            ),
            (
                "it never goes back",
                ordinals(5, 5),
                Some(2),
                ordinals(6, 5),
            ),
        ];
        for (name, before, open, expected) in table {
            assert_eq!(before.next(open), Some(expected), "{name}");
        }
        assert_eq!(ordinals(u64::MAX, 0).next(None), None);
    }

    #[test]
    fn numbers_that_are_missing_are_0_and_others_must_be_whole() {
        let table = [
            (json!({}), Some((0, 0))),
            (json!({"ordinal": null}), Some((0, 0))),
            (json!({"ordinal": 3, "oldestValidOrdinal": 1}), Some((3, 1))),
            (json!({"ordinal": -1}), None),
            (json!({"ordinal": "3"}), None),
            (json!({"ordinal": 1.5}), None),
        ];
        for (entity, expected) in table {
            let read = Ordinals::of(&entity).map(|ordinals| (ordinals.current, ordinals.oldest));
            assert_eq!(read, expected, "{entity}");
        }
    }

    #[test]
    fn only_connections_of_the_link_count() {
        let endpoint = |role, host: &str| Endpoint {
            role,
            host: read_endpoint_host(host).unwrap(),
            port: 55671.try_into().unwrap(),
            group: String::new(),
        };
        let endpoints = [
            endpoint(Role::InterRouter, "a.example"),
            endpoint(Role::Edge, "b.example"),
        ];
        let endpoints: Vec<_> = endpoints.iter().collect();
        let connection = |host: &str, dir: &str, role: &str, ordinal: Value| json!({"host": host, "dir": dir, "role": role, "tlsOrdinal": ordinal});
        let table = [
            ("none", vec![], None),
            (
                "its own",
                vec![connection(
                    "a.example:55671",
                    "out",
                    "inter-router",
                    json!(4),
                )],
                Some(4),
            ),
            (
                "a data connection",
                vec![connection(
                    "a.example:55671",
                    "out",
                    "inter-router-data",
                    json!(5),
                )],
                Some(5),
            ),
            (
                "another host",
                vec![connection(
                    "c.example:55671",
                    "out",
                    "inter-router",
                    json!(4),
                )],
                None,
            ),
            (
                "one that came in",
                vec![connection(
                    "a.example:55671",
                    "in",
                    "inter-router",
                    json!(4),
                )],
                None,
            ),
            (
                "an edge",
                vec![connection("b.example:55671", "out", "edge", json!(4))],
                None,
            ),
            (
                "without an ordinal",
                vec![connection(
                    "a.example:55671",
                    "out",
                    "inter-router",
                    Value::Null,
                )],
                None,
            ),
        ];
        for (name, connections, expected) in table {
            assert_eq!(highest(&connections, &endpoints), expected, "{name}");
        }
    }
}
