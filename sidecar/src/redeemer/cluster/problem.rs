//! Reasons a namespace cannot take a redemption or a renewal, and what to do.

use thiserror::Error;

use super::object::{ObjectKind, ObjectName};
use crate::kubernetes::{FailureKind, lacks_kind, lacks_verb, wording};
use crate::redeemer::flaw::{self, Flaw};

/// Reason a namespace cannot take a redemption or a renewal. One line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ClusterProblem {
    /// The user or ServiceAccount may not do this.
    #[error("grant the verb '{verb}' on '{}' and run the same command again: {said}", kind.resource())]
    Denied {
        /// The verb that is to be granted.
        verb: &'static str,
        /// The kind of the objects.
        kind: ObjectKind,
        /// The words of the API server.
        said: String,
    },
    /// Skupper's kinds are not installed.
    #[error("the cluster knows no {0}s: install Skupper's custom resources first")]
    NoKind(ObjectKind),
    /// The API server refuses for another reason.
    #[error("cannot {verb} the {object}: {said}")]
    Refused {
        /// The verb of the request.
        verb: &'static str,
        /// Its object.
        object: ObjectName,
        /// The words of the API server.
        said: String,
    },
    /// The outcome of a request is unknown, or the API server has too much to do.
    #[error("cannot {verb} the {object}: run the same command again later: {said}")]
    Unanswered {
        /// The verb of the request.
        verb: &'static str,
        /// Its object.
        object: ObjectName,
        /// The cause.
        said: String,
    },
    /// An object is there already.
    #[error(
        "the {object} exists{}: delete it, choose another name with '--name', or replace it with \
         '--force'",
        flaw::shown(*.flaw)
    )]
    Exists {
        /// The object.
        object: ObjectName,
        /// Reason it is not the one of the token; absent where it is simply there.
        flaw: Option<Flaw>,
    },
    /// An object is there already, and the token is redeemed: the answer is kept.
    #[error(
        "the {0} exists with other content: the token is redeemed and its answer is kept, so delete \
         the {0} and run the same command again, or replace it with '--force'"
    )]
    ExistsNow(ObjectName),
    /// An object that was to be replaced was changed at the same time, or does not go away.
    #[error(
        "the {0} cannot be replaced, somebody changes it or holds it with a finalizer: run the same \
         command again"
    )]
    Contended(ObjectName),
    /// The key waits in a Secret of this name, but that one is of another token.
    #[error(
        "the {0} does not hold the key of this token: redeem the token it is of, choose another name \
         with '--name', or replace it with '--force', which gives up a redemption that may be counted \
         for its key"
    )]
    OtherToken(ObjectName),
    /// A Secret of the name in which the key waits is none of a redeemer.
    #[error(
        "the {0} is none in which a redeemer keeps a key, and is not replaced: delete it yourself or \
         choose another name with '--name'"
    )]
    NotAKey(ObjectName),
    /// A Secret of the name in which the key of a renewal waits is another one.
    #[error(
        "the {0} does not hold the key of a renewal: finish the redemption that it is of, or delete it \
         yourself"
    )]
    OtherUse(ObjectName),
    /// Something else manages the Secret of a link.
    #[error(
        "the {0} has a label 'app.kubernetes.io/managed-by' of something else, which may write over \
         renewals: remove the label first"
    )]
    Managed(ObjectName),
    /// The Secret of this name holds no key.
    #[error(
        "the {0} holds no key that can be used: restore or delete it; without its key a redemption \
         that was counted for it is lost"
    )]
    Damaged(ObjectName),
}

impl ClusterProblem {
    /// The problem of a request that failed.
    pub(super) fn of(verb: &'static str, object: ObjectName, error: &kube::Error) -> Self {
        let said = wording(error);
        let kind = object.kind;
        if lacks_verb(error, verb) {
            return Self::Denied { verb, kind, said };
        }
        if lacks_kind(error) {
            return Self::NoKind(kind);
        }
        match FailureKind::of(error) {
            FailureKind::Busy(_) | FailureKind::Unknown => Self::Unanswered { verb, object, said },
            FailureKind::Conflict
            | FailureKind::Gone
            | FailureKind::Denied
            | FailureKind::Refused => Self::Refused { verb, object, said },
        }
    }

    /// The exit code of the command, as that of `RedeemProblem`. A cluster says nothing of the token,
    /// so nothing that it says is final.
    pub(in crate::redeemer) fn exit_code(&self) -> u8 {
        match self {
            Self::Exists { .. }
            | Self::ExistsNow(_)
            | Self::OtherToken(_)
            | Self::NotAKey(_)
            | Self::OtherUse(_)
            | Self::Managed(_)
            | Self::Damaged(_) => 2,
            Self::Denied { .. }
            | Self::NoKind(_)
            | Self::Refused { .. }
            | Self::Unanswered { .. }
            | Self::Contended(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn a_refusal_that_a_role_would_mend_is_told_from_the_others() {
        let object = ObjectName::secret("west");
        let of = |code: u16, reason: &str, message: &str| {
            let status = Status::failure(message, reason).with_code(code);
            let error = kube::Error::Api(status.boxed());
            ClusterProblem::of("create", object.clone(), &error)
        };
        let forbidden = "secrets is forbidden: User \"a\" cannot create resource \"secrets\" in \
            API group \"\" in the namespace \"b\"";
        let quota = "secrets \"west\" is forbidden: exceeded quota: few, requested: secrets=1";
        let gone = "namespaces \"b\" not found";
        let table = [
            (
                403,
                "Forbidden",
                forbidden,
                3,
                "grant the verb 'create' on 'secrets' and run",
            ),
            (
                403,
                "Forbidden",
                quota,
                3,
                "cannot create the Secret 'west': secrets \"west\" is",
            ),
            (
                401,
                "Unauthorized",
                "Unauthorized",
                3,
                "cannot create the Secret 'west': Unauth",
            ),
            (
                404,
                "NotFound",
                gone,
                3,
                "cannot create the Secret 'west': namespaces \"b\" not",
            ),
            (
                404,
                "",
                "404 page not found",
                3,
                "the cluster knows no Secrets: install",
            ),
            (
                422,
                "Invalid",
                "Secret \"west\" is invalid",
                3,
                "cannot create the Secret 'west'",
            ),
            (
                429,
                "TooManyRequests",
                "later",
                3,
                "cannot create the Secret 'west': run the same",
            ),
            (
                500,
                "InternalError",
                "etcd",
                3,
                "cannot create the Secret 'west': run the same",
            ),
        ];
        for (code, reason, message, exit_code, expected) in table {
            let problem = of(code, reason, message);
            let text = problem.to_string();
            assert!(text.starts_with(expected), "{message}: {text}");
            assert_eq!(problem.exit_code(), exit_code, "{message}");
        }
    }
}
