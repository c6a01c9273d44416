//! `show`: the grants of a name, with what was redeemed of them and the links that came of it.

use super::report::print_grants;
use super::store::Store;
use super::{Failure, tell};
use crate::args::Show;
use crate::ledger::{LedgerFault, LinkChoice};
use crate::system::clock;

pub(super) async fn run(options: Show) -> Result<(), Failure> {
    let store = Store::of(&options.store)?;
    let records = store.grants().await?.find(&options.name).await?;
    let choice = LinkChoice::Grant(options.name.clone());
    let links = match store.links().await?.links(&choice).await {
        // Whoever may see grants need not see links.
        Err(LedgerFault::Forbidden(cause)) => {
            tell(format_args!("warning: the links are not shown: {cause}"));
            Vec::new()
        }
        links => links?,
    };
    if records.is_empty() && links.is_empty() {
        return Err(Failure::refused(format_args!(
            "there is no grant '{}': {} shows those there are",
            options.name,
            store.command("list")
        )));
    }
    print_grants(
        &options.name,
        &records,
        &links,
        options.output,
        clock::now(),
    )
}
