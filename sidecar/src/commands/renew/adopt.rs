//! `renew --adopt`: a link that Skupper's own client redeemed becomes one that is kept.

use std::fs;

use super::{Failure, Run, end, say};
use crate::args::Renew;
use crate::commands::link_places::folder_home;
use crate::redeemer::RenewalServer;
use crate::redeemer::keeper::{LinkName, adopt_in_folder};
use crate::system::wording;

pub(super) async fn run(options: &Renew, name: &str) -> Result<(), Failure> {
    let server = server(options)?;
    let home = folder_home(&options.places, options.exec.as_ref())?;
    let run = Run::of(options);
    let adopted = adopt_in_folder(run.order(name), home.target(), &home.router, server).await;
    let name = LinkName {
        namespace: home.namespace.clone(),
        name: name.to_owned(),
    };
    end(&match adopted {
        Ok(done) => say(&name, done).into_iter().collect(),
        Err(problem) => vec![(Some(name), problem)],
    })
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
            crate::redeemer::RenewalServerProblem::Url => {
                "--url must be an https URL, such as 'https://192.0.2.1:9090/renew'".to_owned()
            }
            crate::redeemer::RenewalServerProblem::Ca => {
                format!("--server-ca: {} holds no CA in PEM", file.display())
            }
        })
    })
}
