//! `list`: every grant.

use super::Failure;
use super::report::print_list;
use super::store::Store;
use crate::args::List;
use crate::system::clock;

pub(super) async fn run(options: List) -> Result<(), Failure> {
    let store = Store::of(&options.store)?;
    let records = store.grants().await?.list().await?;
    print_list(&records, options.output, clock::now())
}
