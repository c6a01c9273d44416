//! `links`: every link of this site.

use super::Failure;
use super::link_places::homes;
use super::renew::failure;
use super::report::print_kept;
use crate::args::Links;
use crate::system::clock;

pub(super) async fn run(options: Links) -> Result<(), Failure> {
    let now = clock::now();
    let mut links = Vec::new();
    for home in homes(&options.places, None).await? {
        links.extend(home.links(now).await.map_err(|problem| failure(&problem))?);
    }
    print_kept(&links, options.output, now)
}
