//! The writes of a redemption, judged by the API server before the first request.

use serde_json::json;

use super::Namespace;
use super::object::{Draft, ObjectName};
use super::problem::ClusterProblem;
use super::requests::Run;

impl Namespace<'_> {
    /// Finds out which write is forbidden, before the server counts a redemption.
    pub(super) async fn rehearse(&self, force: bool) -> Result<(), ClusterProblem> {
        let mut judged = Vec::new();
        let spec = json!({"endpoints": [], "tlsCredentials": self.name});
        let link = Draft::new(ObjectName::link(self.name), json!({"spec": spec}));
        let made = self.requests.create(&link, Run::Dry).await;
        judged.push(made.map(|_| ()));
        self.requests.site().await?;
        if let Some(pending) = self.own_pending() {
            let name = self.pending_name();
            let updated = self.requests.update(&name, pending, Run::Dry).await;
            judged.push(updated.map(|_| ()));
            judged.push(self.requests.delete(&name, pending, Run::Dry).await);
        }
        if force {
            for name in [ObjectName::secret(self.name), link.name] {
                if let Some(found) = self.requests.get(&name).await? {
                    judged.push(self.requests.delete(&name, &found, Run::Dry).await);
                }
            }
        }
        for problem in judged.into_iter().filter_map(Result::err) {
            // Admission may refuse a dry run, or a Link without endpoints.
            if !matches!(problem, ClusterProblem::Refused { .. }) {
                return Err(problem);
            }
        }
        Ok(())
    }
}
