//! `issue`: makes a grant and prints the AccessToken that redeems it.

mod token_file;

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use skupper_access_policy::value::certificate::CertificateBundle;
use zeroize::Zeroizing;

use super::report::time;
use super::store::Store;
use super::{Failure, deliver, tell};
use crate::args::Issue;
use crate::ledger::{GrantOrder, Issued, Published, Taken};
use crate::redemption::{Grant, MIN_CODE_BYTES};
use crate::system::clock;
use crate::system::wording;
use crate::wire::access_token::AccessToken;
use crate::wire::manifest;
use token_file::TokenFile;

pub(super) async fn run(options: Issue) -> Result<(), Failure> {
    let now = clock::now();
    let order = order(&options, now)?;
    for warning in &order.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let store = Store::of(&options.store)?;
    store.check_clock(now)?;
    let grants = store.grants().await?;
    let ca = options.ca_file.as_deref().map(read_ca).transpose()?;
    let named = options.url.clone().zip(ca);
    let named = named.map(|(url, ca)| Published { url, ca });
    let prospect = grants.prospect().await?;
    let published = named.or(prospect.published);
    if let Some(Published { ca, .. }) = &published {
        is_in_date(ca, now)?;
    }
    // A token is written once. So the place for it is taken before the grant is made.
    let output = file(options.output)?;
    let name = order.name.clone();
    let issued = grants.create(order, published, now).await?;
    let issued = issued.map_err(|taken| name_taken(&name, taken, &store))?;
    if let Some(warning) = prospect.warning {
        tell(format_args!("warning: {warning}"));
    }
    let terms = terms(&issued.grant);
    if let Err(failure) = write_token(issued, options.link_cost, output) {
        // Nobody has the token. Whether this succeeds changes nothing about the failure.
        let _ = grants.revoke(&name, now).await;
        return Err(failure);
    }
    tell(terms);
    Ok(())
}

/// Writes the token of a grant, if somebody can redeem it.
fn write_token(
    issued: Issued,
    link_cost: NonZeroU32,
    output: Option<TokenFile>,
) -> Result<(), Failure> {
    let Issued {
        grant,
        code,
        url,
        ca,
    } = issued;
    is_in_date(&ca, clock::now())?;
    warn_of_end(&ca, grant.expiration_time);
    let token = AccessToken {
        note: format!("The token of grant {}", terms(&grant)),
        name: grant.name,
        url,
        code,
        ca,
        link_cost: link_cost.get(),
    };
    let text = token.to_yaml();
    match output {
        Some(output) => output.fill(text.as_bytes()),
        None => deliver(text.as_bytes()),
    }
}

fn name_taken(name: &str, taken: Taken, store: &Store) -> Failure {
    let until = taken.until.map(|end| format!(", until {}", time(end)));
    Failure::refused(format_args!(
        "the grant '{name}' is there already{}: choose another name, or end it with {}",
        until.unwrap_or_default(),
        store.command(&format!("revoke {name}"))
    ))
}

/// The file of the option: none for standard output.
fn file(output: Option<PathBuf>) -> Result<Option<TokenFile>, Failure> {
    let file = output.filter(|path| path != Path::new("-"));
    file.map(TokenFile::create).transpose()
}

/// Refuses a CA that redeemers do not accept now: nobody could use a token that carries it.
fn is_in_date(ca: &str, now: DateTime<Utc>) -> Result<(), Failure> {
    let is_read = CertificateBundle::parse(ca);
    if is_read.is_ok_and(|ca| !ca.is_any_valid_at(now.timestamp())) {
        return Err(Failure::try_again(format_args!(
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

/// Terms of a grant, for the holder of its token.
fn terms(grant: &Grant) -> String {
    let times = match grant.redemptions_allowed {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let until = time(grant.expiration_time);
    format!("'{}' can be redeemed {times} until {until}", grant.name)
}

fn order(options: &Issue, now: DateTime<Utc>) -> Result<GrantOrder, Failure> {
    if let Some(file) = &options.filename {
        let bytes = read_bytes(file)?;
        let order = GrantOrder::of_manifest(&bytes, options.name.as_deref(), now);
        return order
            .map_err(|problem| Failure::usage(format_args!("{}: {problem}", file.display())));
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
        return Err(Failure::usage(format_args!(
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
    .map_err(Failure::usage)
}

/// The CA of a file.
fn read_ca(file: &Path) -> Result<String, Failure> {
    let ca = read(file)?.to_string();
    match CertificateBundle::parse(&ca) {
        Ok(_) => Ok(ca),
        Err(problem) => {
            let problem = wording::ca_of_tokens(problem);
            Err(Failure::usage(format_args!(
                "{}: {problem}",
                file.display()
            )))
        }
    }
}

/// The text of a file, or of standard input for `-`.
fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = read_bytes(path)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Failure::usage(format_args!(
            "cannot read {}: must be text in UTF-8",
            path.display()
        ))),
    }
}

/// The bytes of a file, or of standard input for `-`.
fn read_bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let limit = manifest::MAX_BYTES as u64 + 1;
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::usage(format_args!(
            "cannot read {}: {}",
            path.display(),
            wording::io(&error)
        ))),
    }
}
