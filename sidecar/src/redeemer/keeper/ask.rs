//! The requests of a renewal.

use hyper::header::{HeaderMap, HeaderValue};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::ExposeSecret as _;
use skupper_access_policy::printable::printable;
use skupper_access_policy::value::redemption_url::RedemptionUrl;
use zeroize::Zeroizing;

use super::RenewalOrder;
use super::kept::Kept;
use super::problem::KeepProblem;
use crate::redeemer::answer::{Answer, AnswerProblem};
use crate::redeemer::clock::Clock;
use crate::redeemer::credential::CredentialProblem;
use crate::redeemer::destination::PendingKey;
use crate::redeemer::exchange::{self, Question, Reply, Shown};
use crate::redeemer::renewal_server::{RenewalServerProblem, RenewalTarget};
use crate::wire::certificate_request;
use crate::wire::protocol::{CERTIFICATE_REQUEST, NAME};
use crate::wire::renewal::TOLD;

/// Asks once for a certificate of a key. The key is in the Secret of the answer.
pub(super) async fn ask(
    order: RenewalOrder<'_>,
    kept: &Kept,
    key: &PendingKey,
    clock: Clock,
) -> Result<Answer, KeepProblem> {
    let certificate_request = certificate_request::create(&key.key);
    let target = target(kept)?;
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (NAME, kept.name()),
        (CERTIFICATE_REQUEST, &certificate_request),
    ] {
        let value = HeaderValue::from_str(value).map_err(|_| unusable(kept))?;
        headers.insert(name, value);
    }
    let reply = exchange(order, kept, &target, &target.url, headers, clock).await?;
    let mut answer = Answer::read(&reply.body, kept.name(), key.key.spki(), clock.now())?;
    answer.secret.tls_key = Some(key.key.to_pem());
    answer.renewal = reply.renewal;
    Ok(answer)
}

/// Tells the granting site that the router was told of the certificate in place.
pub(super) async fn report(
    order: RenewalOrder<'_>,
    kept: &Kept,
    clock: Clock,
) -> Result<(), KeepProblem> {
    let target = target(kept)?;
    let port = target.url.port();
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let (host, path) = (target.url.host(), target.url.path());
    let url = format!("https://{host}{port}{}{TOLD}", path.trim_end_matches('/'));
    let url = RedemptionUrl::parse(&url).map_err(|_| edited(kept, RenewalServerProblem::Url))?;
    let told = exchange(order, kept, &target, &url, HeaderMap::new(), clock).await;
    told.map(drop)
}

/// A request with the certificate in place, and the answer to it.
async fn exchange(
    order: RenewalOrder<'_>,
    kept: &Kept,
    target: &RenewalTarget,
    url: &RedemptionUrl,
    headers: HeaderMap,
    clock: Clock,
) -> Result<Reply, KeepProblem> {
    let route = order.proxies.route(url)?;
    let shown = shown(kept).ok_or_else(|| unusable(kept))?;
    let tls = exchange::tls(&target.ca, Some(shown), clock).map_err(KeepProblem::Tls)?;
    let question = Question {
        url,
        headers,
        body: Zeroizing::default(),
    };
    let time = exchange::exchange_time(order.timeout);
    if let Some(pace) = order.pace {
        pace.turn().await;
    }
    match exchange::exchange(&question, &tls, &route, time).await {
        Ok(reply) if reply.status == 200 => Ok(reply),
        Ok(reply) => {
            let text = String::from_utf8_lossy(&reply.body);
            let line = text.trim().lines().next().unwrap_or_default();
            Err(KeepProblem::Refused {
                status: reply.status,
                retry_after: reply.retry_after,
                text: printable(line).to_string(),
            })
        }
        Err(fault) => Err(KeepProblem::Server {
            cause: fault.cause,
            route,
        }),
    }
}

fn target(kept: &Kept) -> Result<RenewalTarget, KeepProblem> {
    let target = kept.server.target();
    target.map_err(|problem| edited(kept, problem))
}

fn edited(kept: &Kept, problem: RenewalServerProblem) -> KeepProblem {
    KeepProblem::Annotations {
        name: kept.name().to_owned(),
        problem,
    }
}

fn unusable(kept: &Kept) -> KeepProblem {
    KeepProblem::Secret {
        name: kept.name().to_owned(),
        problem: AnswerProblem::Credential(CredentialProblem::Certificate),
    }
}

/// The certificate and the key of the Secret.
fn shown(kept: &Kept) -> Option<Shown> {
    let secret = &kept.secret.object;
    let leaf = CertificateDer::from_pem_slice(secret.tls_crt.as_bytes()).ok()?;
    let key = secret.tls_key.as_ref()?.expose_secret();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?;
    Some((leaf, key))
}
