//! `list`: every grant, or every link.

use super::Failure;
use super::report::{print_links, print_list};
use super::store::Store;
use crate::args::List;
use crate::ledger::LinkChoice;
use crate::system::clock;

pub(super) async fn run(options: List) -> Result<(), Failure> {
    let store = Store::of(&options.store)?;
    if options.links {
        let choice = options.name.map_or(LinkChoice::All, LinkChoice::Grant);
        let links = store.links().await?.links(&choice).await?;
        return print_links(&links, options.output, clock::now());
    }
    let records = store.grants().await?.list().await?;
    print_list(&records, options.output, clock::now())
}
