//! Users of the API server.

/// A user, as authentication would find it.
#[derive(Clone, Debug)]
pub enum Identity {
    /// In group `system:masters`.
    Admin,
    /// A name and groups, which the administrator impersonates.
    User(String, Vec<String>),
    /// Whoever holds this bearer token.
    Token(String),
}

impl Identity {
    /// A user in these groups, beside `system:authenticated`.
    #[must_use]
    pub fn user(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().chain(&["system:authenticated"]);
        Self::User(name.to_owned(), groups.map(ToString::to_string).collect())
    }

    /// A kubelet.
    #[must_use]
    pub fn node(name: &str) -> Self {
        Self::user(&format!("system:node:{name}"), &["system:nodes"])
    }

    /// The controller manager, which is in no group of its own.
    #[must_use]
    pub fn controller_manager() -> Self {
        Self::user("system:kube-controller-manager", &[])
    }
}
