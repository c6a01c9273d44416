//! `show`: the grants of a name, with what was redeemed of them.

use super::Failure;
use super::report::print_grants;
use super::store::Store;
use crate::args::Show;
use crate::system::clock;

pub(super) async fn run(options: Show) -> Result<(), Failure> {
    let store = Store::of(&options.store)?;
    let records = store.grants().await?.find(&options.name).await?;
    if records.is_empty() {
        return Err(Failure::refused(format_args!(
            "there is no grant '{}': {} shows those there are",
            options.name,
            store.command("list")
        )));
    }
    print_grants(&records, options.output, clock::now())
}
