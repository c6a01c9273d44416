//! Judges a renewed certificate beside the one in place.

use std::collections::BTreeSet;

use skupper_access_policy::value::certificate::CertificateBundle;
use thiserror::Error;

use super::kept::Kept;
use crate::redeemer::answer::Answer;
use crate::redemption::KeyOrigin;

/// Certificates that are taken for the next one of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    /// One of a CA in place that ends later.
    Next,
    /// One that may end earlier, too.
    EarlierEnd,
    /// One of any CA, by force.
    Anything,
}

/// Takes an answer, which is right in itself, for the next certificate of a link. The costs of its Links are
/// those in place.
pub(super) fn judge(
    kept: &Kept,
    mut answer: Answer,
    accept: Accept,
) -> Result<Answer, RenewalFlaw> {
    let (old, new) = (&kept.credential, &answer.credential);
    if new.key_made_by != KeyOrigin::Redeemer {
        return Err(RenewalFlaw::OtherKey);
    }
    let link = old.serial.map(|serial| serial.link());
    if link.is_none() || new.serial.map(|serial| serial.link()) != link {
        return Err(RenewalFlaw::OtherLink);
    }
    if new.subject != old.subject {
        return Err(RenewalFlaw::OtherSubject);
    }
    if accept != Accept::Anything && !shares_ca(&kept.secret.object.ca_crt, &answer.secret.ca_crt) {
        return Err(RenewalFlaw::OtherCa);
    }
    if accept == Accept::Next && new.not_after < old.not_after {
        return Err(RenewalFlaw::EarlierEnd);
    }
    let cost = kept.links.first().and_then(|link| link.object.cost);
    for link in &mut answer.links {
        link.cost = cost;
    }
    if answer.renewal.is_none() {
        answer.renewal = Some(kept.server.clone());
    }
    Ok(answer)
}

/// True where one of the CAs in place is among the new ones: a change of the CA has an overlap, and what
/// has none shuts the router out.
fn shares_ca(old: &str, new: &str) -> bool {
    let ders = |pem: &str| -> BTreeSet<Vec<u8>> {
        let bundle = CertificateBundle::parse(pem).ok();
        let bundle = bundle.iter().flat_map(CertificateBundle::ders);
        bundle.map(<[u8]>::to_vec).collect()
    };
    !ders(old).is_disjoint(&ders(new))
}

/// Reason a renewed certificate is not put in place. Holds nothing of it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
pub enum RenewalFlaw {
    /// The server made the key.
    #[error("it is for a key that the server made")]
    OtherKey,
    /// It is one of another link.
    #[error("it is the certificate of another link")]
    OtherLink,
    /// It has another common name.
    #[error("it has another common name")]
    OtherSubject,
    /// None of the CAs in place is among its CAs.
    #[error(
        "none of the CAs in place is among those that come with it: if the CA of the links was replaced \
         at once, take them with '--force'"
    )]
    OtherCa,
    /// It ends before the one in place.
    #[error("it ends before the one in place, which stays: '--force' takes it")]
    EarlierEnd,
}
