//! How many writes the API server saw.

use cluster_tests::User;
use redemption_bench::Fault;

/// Writes of the status of AccessGrants so far, whatever became of them.
///
/// Source: Kubernetes metrics reference, `apiserver_request_total`.
pub(crate) async fn so_far(user: &User) -> Result<u32, Fault> {
    let request = http::Request::get("/metrics").body(Vec::new())?;
    let text = user.client().request_text(request).await;
    let mut writes = 0;
    for line in text?.lines().filter(|line| line.starts_with(METRIC)) {
        let is_write = ["verb=\"PUT\"", "verb=\"PATCH\"", "verb=\"POST\""]
            .iter()
            .any(|verb| line.contains(verb));
        if is_write && line.contains("resource=\"accessgrants\"") {
            let count = line.rsplit(' ').next().unwrap_or_default();
            writes += count.parse::<u32>()?;
        }
    }
    Ok(writes)
}

const METRIC: &str = "apiserver_request_total{";
