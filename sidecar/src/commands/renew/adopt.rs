//! `renew --adopt`: a link that Skupper's own client redeemed becomes one that is kept.

use std::fs;

use super::{Failure, Run, end, say};
use crate::args::Renew;
use crate::commands::link_places::{cluster_home, folder_home};
use crate::redeemer::keeper::{LinkName, adopt_in_folder};
use crate::redeemer::{RenewalServer, RenewalServerProblem};
use crate::system::wording;

pub(super) async fn run(options: &Renew, name: &str) -> Result<(), Failure> {
    let server = server(options)?;
    let run = Run::of(options);
    let (link, adopted) = if options.places.kubernetes {
        let home = cluster_home(&options.places).await?;
        let link = named(home.namespace.as_ref(), name);
        let adopted = home.adopt(run.order(name), &link, server).await;
        (link, adopted)
    } else {
        let home = folder_home(&options.places, options.exec.as_ref())?;
        let order = run.order(name);
        let adopted = adopt_in_folder(order, home.target(), &home.router, server).await;
        (named(home.namespace.as_ref(), name), adopted)
    };
    end(&match adopted {
        Ok(done) => say(&link, done).into_iter().collect(),
        Err(problem) => vec![(Some(link), problem)],
    })
}

fn named(namespace: Option<&String>, name: &str) -> LinkName {
    LinkName {
        namespace: namespace.cloned(),
        name: name.to_owned(),
    }
}

/// The server of the options.
fn server(options: &Renew) -> Result<RenewalServer, Failure> {
    let (Some(url), Some(file)) = (&options.url, &options.server_ca) else {
        return Err(Failure::usage("--adopt needs --url and --server-ca"));
    };
    let ca = fs::read_to_string(file)
        .map_err(|error| Failure::usage(wording::unreadable(file, &error)))?;
    RenewalServer::new(url, &ca).map_err(|problem| {
        Failure::usage(match problem {
            RenewalServerProblem::Url => {
                "--url must be an https URL, such as 'https://192.0.2.1:9090/renew'".to_owned()
            }
            RenewalServerProblem::Ca => {
                format!("--server-ca: {} holds no CA in PEM", file.display())
            }
        })
    })
}
