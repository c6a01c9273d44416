//! Exit codes: 1 is final. It is for what the server of the token says of the token; everything that a
//! network, a clock, a cluster or a disk says may be otherwise another time.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use redemption_sidecar::redeemer::{
    AnswerProblem, Cause, ClusterProblem, CredentialProblem, Flaw, FolderProblem, ObjectKind,
    ObjectName, ProxyProblem, RedeemProblem, Refused, Route, Validity,
};

use sidecar_test_support::openssl::now;

/// Every problem, with its exit code.
#[expect(clippy::too_many_lines, reason = "a table")]
fn table() -> Vec<(RedeemProblem, u8)> {
    let path = || PathBuf::from("a");
    let object = || ObjectName {
        kind: ObjectKind::Secret,
        name: "a".to_owned(),
    };
    let said = || "b".to_owned();
    let verb = "get";
    let full = FolderProblem::File {
        doing: "write",
        path: path(),
        error: io::ErrorKind::StorageFull.into(),
    };
    let denied = FolderProblem::File {
        doing: "write",
        path: path(),
        error: io::ErrorKind::PermissionDenied.into(),
    };
    let server = |cause| RedeemProblem::Server {
        cause,
        route: Route::Direct,
    };
    let untrusted = Cause::Untrusted {
        what: "is not valid yet",
        signer: String::new(),
    };
    let refused = |status| {
        RedeemProblem::Refused(Refused {
            status,
            doubtful_since: None,
            text: String::new(),
        })
    };
    let clock = |validity| RedeemProblem::Clock {
        validity,
        now: now(),
    };
    let exists = |flaw| RedeemProblem::Exists { path: path(), flaw };
    let in_cluster = |flaw| ClusterProblem::Exists {
        object: object(),
        flaw,
    };
    let cluster = [
        (
            ClusterProblem::Denied {
                verb,
                kind: ObjectKind::Link,
                said: said(),
            },
            3,
        ),
        (ClusterProblem::NoKind(ObjectKind::Link), 3),
        (
            ClusterProblem::Refused {
                verb,
                object: object(),
                said: said(),
            },
            3,
        ),
        (
            ClusterProblem::Unanswered {
                verb,
                object: object(),
                said: said(),
            },
            3,
        ),
        (in_cluster(None), 2),
        (in_cluster(Some(Flaw::AnotherGrant)), 2),
        (ClusterProblem::ExistsNow(object()), 2),
        (ClusterProblem::Contended(object()), 3),
        (ClusterProblem::OtherToken(object()), 2),
        (ClusterProblem::NotAKey(object()), 2),
        (ClusterProblem::Damaged(object()), 2),
    ];
    let cluster = cluster.map(|(problem, code)| (RedeemProblem::Cluster(problem), code));
    let not_issued = AnswerProblem::Credential(CredentialProblem::NotIssued);
    let others = [
        (RedeemProblem::Name("a.b".to_owned()), 2),
        (RedeemProblem::ClusterName("a".to_owned()), 2),
        (RedeemProblem::Subject, 2),
        (RedeemProblem::Folder(FolderProblem::InUse(path())), 3),
        (RedeemProblem::Folder(full), 3),
        (RedeemProblem::Folder(denied), 2),
        (RedeemProblem::DamagedKey(path()), 2),
        (RedeemProblem::ExposedKey(path()), 2),
        (exists(None), 2),
        (exists(Some(Flaw::UnknownGrant)), 2),
        (RedeemProblem::ExistsNow(path()), 2),
        (RedeemProblem::OtherName(path()), 2),
        (RedeemProblem::OtherToken(path()), 2),
        (RedeemProblem::Tls(rustls::Error::HandshakeNotComplete), 1),
        (RedeemProblem::Proxy(ProxyProblem::Socks("ALL_PROXY")), 2),
        (server(untrusted), 3),
        (server(Cause::TooLong), 3),
        (server(Cause::Proxy(Some(407))), 3),
        (server(Cause::NoTls("a:1".to_owned())), 3),
        (refused(400), 1),
        (refused(403), 1),
        (refused(404), 1),
        (refused(405), 1),
        (RedeemProblem::Foreign(said()), 3),
        (RedeemProblem::Answer(not_issued), 1),
        (clock(Validity::NotYet(now())), 3),
        (clock(Validity::Ended(now())), 3),
        (
            RedeemProblem::Doubt {
                since: None,
                cause: said(),
            },
            3,
        ),
        (
            RedeemProblem::GaveUp {
                cause: said(),
                pause: Duration::ZERO,
            },
            3,
        ),
    ];
    others.into_iter().chain(cluster).collect()
}

#[test]
fn only_what_the_server_says_of_the_token_is_final() {
    for (problem, expected) in table() {
        assert_eq!(problem.exit_code(), expected, "{problem:?}");
        let message = problem.to_string();
        assert!(
            !message.contains('\n') && !message.ends_with('.'),
            "{message}"
        );
    }
}
