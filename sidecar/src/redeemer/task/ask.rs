//! The requests of a redemption, repeated until there is an answer or nothing more can be done.

use hyper::header::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::Task;
use crate::redeemer::answer::Answer;
use crate::redeemer::destination::{Destination, PendingKey};
use crate::redeemer::exchange::{self, Fault, Question, Reply};
use crate::redeemer::problem::{self, RedeemProblem};
use crate::redeemer::progress::Progress;
use crate::redeemer::proxy::Route;
use crate::redeemer::refused;
use crate::redeemer::retry::{Attempt, Attempts, Step};
use crate::redemption::KeyOrigin;
use crate::system::random;
use crate::wire::certificate_request;
use crate::wire::protocol::{CERTIFICATE_REQUEST, NAME, RENEWS, SUBJECT};

impl<T> Task<'_, T> {
    /// Asks until there is an answer with all that is needed, and keeps it. A key that redeems nothing any
    /// more is removed.
    pub(super) async fn ask(
        &self,
        destination: &mut impl Destination,
        key: &PendingKey,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let mut attempts = Attempts::new(self.order.timeout, key.made_before);
        let problem = match self.attempt(key, &mut attempts, progress).await {
            Ok(answer) => return destination.keep(answer, self.clock.now()).await,
            Err(problem) => problem,
        };
        if !attempts.may_be_counted() {
            destination.discard_key().await;
        } else if attempts.is_retry_safe() && problem.is_end_of_grant() {
            // The server knows every key that it counted, and this one gets no answer any more.
            destination.discard_key().await;
            progress
                .remark(&"removed the key of the earlier attempts: it redeems nothing any more");
        }
        Err(problem)
    }

    /// Asks until there is an answer with all that is needed.
    pub(super) async fn attempt(
        &self,
        key: &PendingKey,
        attempts: &mut Attempts,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let (token, clock) = (self.order.token, self.clock);
        let route = self.order.proxies.route(&token.url)?;
        let tls = exchange::tls(&token.ca, None, clock).map_err(RedeemProblem::Tls)?;
        let certificate_request = certificate_request::create(&key.key);
        let question = Question {
            url: &token.url,
            headers: self.headers(&certificate_request)?,
            body: Zeroizing::new(token.code.expose_secret().as_bytes().to_vec()),
        };
        loop {
            let at = clock.now();
            let time = exchange::exchange_time(self.order.timeout.saturating_sub(clock.elapsed()));
            let result = exchange::exchange(&question, &tls, &route, time).await;
            let chance = u32::from_ne_bytes(random::bytes());
            let pause = match attempts.next(ending(&result), at, clock.elapsed(), chance) {
                Step::Wait(pause) => pause,
                Step::Take => match &result {
                    Ok(reply) => return self.read(key, reply, &route, progress),
                    Err(_) => continue,
                },
                step => return Err(problem::of(step, result, token, attempts, &route)),
            };
            progress.waiting(&problem::reason(&result, &route), pause);
            tokio::time::sleep(pause).await;
        }
    }

    fn headers(&self, certificate_request: &str) -> Result<HeaderMap, RedeemProblem> {
        // Text beyond ASCII is sent as its UTF-8 bytes.
        let value = |text: &str| {
            HeaderValue::from_bytes(text.as_bytes()).map_err(|_| RedeemProblem::Subject)
        };
        let mut headers = HeaderMap::new();
        headers.insert(NAME, value(&self.order.token.name)?);
        headers.insert(CERTIFICATE_REQUEST, value(certificate_request)?);
        if let Some(subject) = self.order.subject {
            headers.insert(SUBJECT, value(subject)?);
        }
        if self.order.renews {
            headers.insert(RENEWS, HeaderValue::from_static("1"));
        }
        Ok(headers)
    }

    /// Reads the answer and adds the facts that the server does not know: our key and the cost.
    fn read(
        &self,
        key: &PendingKey,
        reply: &Reply,
        route: &Route,
        progress: &mut impl Progress,
    ) -> Result<Answer, RedeemProblem> {
        let (token, now) = (self.order.token, self.clock.now());
        let read = Answer::read(&reply.body, &token.name, key.key.spki(), now);
        let mut answer = read.map_err(|problem| {
            if reply.is_of_a_redemption_server() {
                RedeemProblem::Answer(problem)
            } else {
                RedeemProblem::Foreign(refused::foreign(reply, route))
            }
        })?;
        if answer.credential.key_made_by == KeyOrigin::Redeemer {
            answer.secret.tls_key = Some(key.key.to_pem());
            answer.renewal = reply.renewal.clone().filter(|_| self.order.renews);
        }
        for link in &mut answer.links {
            link.cost = token.link_cost;
        }
        // A server may repeat the code anywhere.
        let code = token.code.expose_secret();
        let left_out: Vec<_> = answer.left_out.iter().map(String::as_str).collect();
        let left_out = left_out.join(", ");
        if !left_out.is_empty() && !left_out.contains(code) {
            progress.remark(&format_args!("left out of the server's answer: {left_out}"));
        }
        Ok(answer)
    }
}

fn ending(result: &Result<Reply, Fault>) -> Attempt {
    match result {
        Ok(reply) => Attempt::Reply {
            status: reply.status,
            is_retry_safe: reply.is_retry_safe,
            is_own: reply.is_of_a_redemption_server(),
            retry_after: reply.retry_after,
        },
        Err(fault) => Attempt::Fault {
            is_after_request: fault.is_after_request,
            is_retry_safe: fault.is_retry_safe,
            is_final: fault.cause.is_final(),
        },
    }
}
