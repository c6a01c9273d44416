//! Refusals of the API server that an operator can mend.

/// True when the API server does not know the kind. It says otherwise that an object, or its namespace,
/// is missing.
#[must_use]
pub fn lacks_kind(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404 && status.reason != "NotFound")
}

/// True when a role that grants this verb would help. Other refusals have the same code: a quota, a
/// namespace that is being deleted.
///
/// Source: Kubernetes `pkg/endpoints/handlers/responsewriters`, `forbiddenMessage`.
#[must_use]
pub fn lacks_verb(error: &kube::Error, verb: &str) -> bool {
    let needed = format!(" cannot {verb} resource ");
    matches!(error, kube::Error::Api(status) if status.code == 403 && status.message.contains(&needed))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn what_can_be_mended_is_told_from_other_refusals() {
        let forbidden = "secrets is forbidden: User \"a\" cannot create resource \"secrets\" in \
            API group \"\" in the namespace \"b\"";
        let quota = "secrets \"west\" is forbidden: exceeded quota: few, requested: secrets=1";
        let table = [
            (403, "Forbidden", forbidden, false, true),
            (403, "Forbidden", quota, false, false),
            (401, "Unauthorized", "Unauthorized", false, false),
            (404, "NotFound", "namespaces \"b\" not found", false, false),
            (404, "", "404 page not found", true, false),
            (500, "InternalError", "etcd", false, false),
        ];
        for (code, reason, message, kind, verb) in table {
            let status = Status::failure(message, reason).with_code(code);
            let error = kube::Error::Api(status.boxed());
            assert_eq!(lacks_kind(&error), kind, "{message}");
            assert_eq!(lacks_verb(&error, "create"), verb, "{message}");
            assert!(!lacks_verb(&error, "get"), "{message}");
        }
    }
}
