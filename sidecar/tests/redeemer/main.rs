//! The redeemer and its partners: good ones, hostile ones, and files that are in the way.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod answers;
mod clocks;
mod exit_codes;
mod good;
mod granting;
mod hostile;
mod identity;
mod loader;
mod namespaces;
mod output;
mod partner;
mod proxies;
mod renewals;
mod retries;
mod servers;
mod stopped;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redeemer::{FolderTarget, Order, Proxies, RedeemProblem, Redeemed, redeem};
use sidecar_test_support::openssl::now;

static NO_PROXY: LazyLock<Proxies> = LazyLock::new(Proxies::default);

/// An order that is tried for a few seconds.
fn order<'a>(token: &'a Token, folder: &'a Path) -> Order<'a, FolderTarget<'a>> {
    Order {
        token,
        subject: None,
        target: FolderTarget {
            path: folder,
            namespace: None,
        },
        force: false,
        renews: true,
        timeout: Duration::from_secs(5),
        proxies: &NO_PROXY,
        now: now(),
    }
}

async fn run(token: &Token, folder: &Path) -> Result<Redeemed, RedeemProblem> {
    redeem(&order(token, folder), &mut ()).await
}

/// The names of what is in a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
