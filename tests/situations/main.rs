//! Sequences of requests as clusters see them, against an API server in memory.
//!
//! A situation is a list of steps. Each step says who does what, and what must come of it; after
//! each the server holds what a real one would. Whatever the step, the answer is also reviewed a
//! second time, as a second policy would, and may show no secret.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a table that cannot be read must fail its test"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "tables are written with json!, and read better without a borrow at each row"
)]

mod api_server;
mod dispatch;
mod grants;
mod objects;
mod step;
mod token_requests;
mod tokens;

use api_server::ApiServer;
use step::Situation;

#[test]
fn every_situation_ends_as_it_should() {
    let tables: [Vec<Situation>; 4] = [
        dispatch::situations(),
        grants::situations(),
        tokens::situations(),
        token_requests::situations(),
    ];
    let mut problems = Vec::new();
    for situation in tables.into_iter().flatten() {
        let mut server = ApiServer::new(situation.settings, situation.stored);
        for (number, step) in (1..).zip(&situation.steps) {
            if let Err(problem) = server.take(step) {
                problems.push(format!("{}: step {number}: {problem}", situation.name));
                break;
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
