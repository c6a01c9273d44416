//! `issue`: makes a grant and prints the AccessToken that redeems it.

mod token_file;

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use skupper_access_policy::value::certificate::CertificateBundle;
use zeroize::Zeroizing;

use super::report::time;
use super::{Failure, cluster, data, deliver, edge_site, stamps, tell};
use crate::args::Issue;
use crate::commands::grant_order::{GrantOrder, GrantProblem, MIN_CODE_BYTES};
use crate::ledger::kubernetes::administration::{Administration, Complete, Published};
use crate::redemption::{CodeDigest, Grant, GrantUid};
use crate::system::clock;
use crate::system::random;
use crate::system::wording;
use crate::wire::advertised::AdvertisedUrl;
use crate::wire::objects::AccessToken;
use crate::wire::yaml;
use token_file::TokenFile;

pub(super) async fn run(options: Issue) -> Result<(), Failure> {
    let now = clock::now();
    let order = order(&options, now)?;
    for warning in &order.warnings {
        tell(format_args!("warning: {warning}"));
    }
    if let Some(administration) = cluster::administration(&options.cluster).await? {
        return on_cluster(&administration, options, order).await;
    }
    let folder = data::folder(&options.data)?;
    stamps::plausible(&folder, now)?;
    let ledger = data::ledger(&folder)?;
    let published = ledger.published().await?.ok_or_else(|| {
        Failure::usage(format!(
            "no service has run on {}, so its URL and CA are not known: run 'redemption-sidecar \
             serve' once",
            folder.display()
        ))
    })?;

    if let Some(name) = ledger.edge_site().await? {
        return Err(edge_site(name));
    }
    let url: AdvertisedUrl = published.url.parse().map_err(|problem| {
        Failure::usage(format!(
            "the URL in the ledger, {}: {problem}",
            published.url
        ))
    })?;
    let expiration_time = now.checked_add_signed(order.expiration_window);
    let expiration_time = expiration_time
        .ok_or_else(|| Failure::usage("the expiration window ends after the year 262142"))?;
    is_in_date(&published.ca, now)?;
    warn_of_end(&published.ca, expiration_time);
    let uid = GrantUid::from_random(random::bytes());
    let code = order.code.unwrap_or_else(random::code);
    let grant = Grant {
        uid,
        code: CodeDigest::of_code(&uid, code.expose_secret().as_bytes()),
        redemptions_allowed: order.redemptions_allowed,
        redemptions: 0,
        created: now,
        expiration_time,
        revoked: None,
        issuer: order.issuer,
        namespace: None,
        has_short_code: false,
        name: order.name,
    };
    let token = AccessToken {
        name: grant.name.clone(),
        url: url.of_grant(&uid),
        code,
        ca: published.ca,
        link_cost: options.link_cost.get(),
        note: format!("The token of grant {}", terms(&grant)),
    };
    let text = token.to_yaml();

    // A token is written once. So the place for it is taken before the grant is made.
    let output = file(options.output)?;
    if let Err(live) = ledger.create(&grant, now).await? {
        return Err(Failure::refused(format!(
            "the grant '{}' is there already, until {}: choose another name, or end it with \
             'redemption-sidecar revoke {0}'",
            live.name,
            time(live.expiration_time)
        )));
    }
    let written = match output {
        Some(output) => output.fill(text.as_bytes()),
        None => deliver(text.as_bytes()),
    };
    if let Err(failure) = written {
        ledger.revoke(&grant.name, now).await?;
        return Err(failure);
    }
    tell(terms(&grant));
    Ok(())
}

/// Makes an AccessGrant, and a token of it as soon as Skupper's controller, or a service with
/// `--own-status`, has given it a code.
async fn on_cluster(
    administration: &Administration,
    options: Issue,
    order: GrantOrder,
) -> Result<(), Failure> {
    let now = clock::now();
    clock::plausible(now)?;
    let ca = options.ca_file.as_deref().map(read_ca).transpose()?;
    ca.as_deref().map_or(Ok(()), |ca| is_in_date(ca, now))?;
    let named = options.url.as_ref().zip(ca);
    let warning = cluster::accepts_links(administration).await?;
    let output = file(options.output)?;
    let made = administration.create(&order.name, order.spec).await;
    let made = match made {
        Ok(Ok(made)) => made,
        refused => {
            // A problem with the cluster goes before a name that is taken.
            let _taken = refused?;
            return Err(Failure::refused(format!(
                "the AccessGrant '{}' is there already: choose another name, or end it with \
                 'redemption-sidecar revoke --kubernetes {0}'",
                order.name
            )));
        }
    };
    if let Some(warning) = warning {
        tell(format_args!("warning: {warning}"));
    }
    tell(format_args!(
        "waiting for the code of AccessGrant '{}'",
        made.name
    ));
    let complete = administration
        .wait_for_code(&made, named.is_none(), CODE_PATIENCE)
        .await;
    let token = complete.map_err(Failure::from).and_then(|complete| {
        let Complete {
            grant,
            code,
            published,
        } = complete.ok_or_else(no_code)?;
        let named = named.map(|(url, ca)| (url.of_grant(&grant.uid), ca));
        let published = published.map(|Published { url, ca }| (url, ca));
        let (url, ca) = named.or(published).ok_or_else(|| not_published(&grant))?;
        is_in_date(&ca, clock::now())?;
        warn_of_end(&ca, grant.expiration_time);
        let token = AccessToken {
            name: grant.name.clone(),
            url,
            code,
            ca,
            link_cost: options.link_cost.get(),
            note: format!("The token of grant {}", terms(&grant)),
        };
        Ok((grant, token.to_yaml()))
    });
    let written = match (token, output) {
        (Ok((grant, text)), Some(output)) => output.fill(text.as_bytes()).map(|()| grant),
        (Ok((grant, text)), None) => deliver(text.as_bytes()).map(|()| grant),
        (Err(failure), _) => Err(failure),
    };
    match written {
        Ok(grant) => {
            tell(terms(&grant));
            Ok(())
        }
        Err(failure) => {
            // Nobody has the token. Whether this succeeds changes nothing about the failure.
            if let Ok(Some(made)) = administration.find(&made.name).await {
                let _ = administration.delete(&made).await;
            }
            Err(failure)
        }
    }
}

/// The file of the option: none for standard output.
fn file(output: Option<PathBuf>) -> Result<Option<TokenFile>, Failure> {
    let file = output.filter(|path| path != Path::new("-"));
    file.map(TokenFile::create).transpose()
}

fn no_code() -> Failure {
    Failure::try_again(
        "the AccessGrant got no code: see that Skupper's controller serves grants, or start 'serve \
         --kubernetes' with --own-status",
    )
}

/// Skupper's controller publishes the URL and the CA of its own server.
fn not_published(grant: &Grant) -> Failure {
    Failure::usage(format!(
        "the URL and the CA of the service are not known: name them with --url and --ca-file. Those \
         in the AccessGrant '{}' are of Skupper's redemption server, unless serve runs with \
         --own-status",
        grant.name
    ))
}

/// Tells whether redeemers accept the CA that a token carries: nobody can use the token otherwise.
fn is_in_date(ca: &str, now: DateTime<Utc>) -> Result<(), Failure> {
    let is_read = CertificateBundle::parse(ca);
    if is_read.is_ok_and(|ca| !ca.is_any_valid_at(now.timestamp())) {
        return Err(Failure::try_again(format!(
            "no token was made, because nobody could redeem it: the CA of the server is not in date, \
             and the clock of this machine shows {}: look at the clock, then renew the CA",
            time(now)
        )));
    }
    Ok(())
}

fn warn_of_end(ca: &str, expiration_time: DateTime<Utc>) {
    if CertificateBundle::parse(ca).is_ok_and(|ca| !ca.is_any_valid_at(expiration_time.timestamp()))
    {
        tell(format_args!(
            "warning: the token can be redeemed until {}, but the CA of the server ends before: \
             choose a shorter --expiration-window",
            time(expiration_time)
        ));
    }
}

/// What the holder of a token must know.
fn terms(grant: &Grant) -> String {
    let times = match grant.redemptions_allowed {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let until = time(grant.expiration_time);
    format!("'{}' can be redeemed {times} until {until}", grant.name)
}

/// How long a grant may take to get its code.
const CODE_PATIENCE: Duration = Duration::from_mins(1);

fn order(options: &Issue, now: DateTime<Utc>) -> Result<GrantOrder, Failure> {
    let usage = |problem: GrantProblem| Failure::usage(problem.to_string());
    if let Some(file) = &options.filename {
        let bytes = read_bytes(file)?;
        let order = GrantOrder::of_manifest(&bytes, options.name.as_deref(), now);
        return order.map_err(|problem| Failure::usage(format!("{}: {problem}", file.display())));
    }
    let code = options.code_file.as_deref().map(read).transpose()?;
    // A file of one line ends with a line end that is not part of the code.
    let code = code.as_ref().map(|text| {
        let line = text.strip_suffix('\n').unwrap_or(text);
        line.strip_suffix('\r').unwrap_or(line)
    });
    if let (Some(code), Some(file)) = (code, &options.code_file)
        && code.len() < MIN_CODE_BYTES
    {
        return Err(Failure::usage(format!(
            "the code in {} must have at least {MIN_CODE_BYTES} bytes: leave --code-file out for a \
             random one",
            file.display()
        )));
    }
    GrantOrder::of_options(
        options.name.as_deref().unwrap_or_default(),
        options.redemptions_allowed.map(NonZeroU32::get),
        options.expiration_window.as_deref(),
        code,
        now,
    )
    .map_err(usage)
}

/// The CA of a file.
fn read_ca(file: &Path) -> Result<String, Failure> {
    let ca = read(file)?.to_string();
    match CertificateBundle::parse(&ca) {
        Ok(_) => Ok(ca),
        Err(problem) => {
            let problem = wording::ca_of_tokens(problem);
            Err(Failure::usage(format!("{}: {problem}", file.display())))
        }
    }
}

/// The text of a file, or of standard input for `-`.
fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = read_bytes(path)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::usage(format!(
            "cannot read {}: must be text in UTF-8",
            path.display()
        ))),
    }
}

/// The bytes of a file, or of standard input for `-`.
fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let limit = yaml::MAX_BYTES as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::usage(format!(
            "cannot read {}: {}",
            path.display(),
            wording::io(&error)
        ))),
    }
}
