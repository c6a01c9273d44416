//! Advice about a fault for those who look at a grant: in Events, and in its status. Pure.

use skupper_access_policy::printable::printable;

use crate::redemption::fault::Fault;

/// The fault, and a way to mend it.
pub(super) fn advice(fault: &Fault) -> String {
    match fault {
        Fault::WrongCodes => {
            "wrong codes: a client sent too many of them and is locked out for up \
            to a minute; the log of the service has its address. If the token may be in the wrong \
            hands, delete the grant and make another one"
                .to_owned()
        }
        Fault::ShortCode => "wrong codes: too many of them were sent, and everybody is locked out \
            for up to an hour, because the code of the grant has fewer than 16 bytes. Make a grant \
            with a longer code, or without one"
            .to_owned(),
        Fault::WrongCodesByName => {
            "wrong codes: too many of them were sent to the name of the grant, \
            and nobody is answered there for up to a minute; redeemers with a URL that has its uid \
            are. The log of the service has the addresses"
                .to_owned()
        }
        Fault::IssuerUnusable(issuer) => format!(
            "the issuer '{}' cannot be used, and nothing can be redeemed: its Secret must hold a CA \
             certificate in 'tls.crt' and its key in 'tls.key', and the service must be allowed to \
             read it; the log of the service says more",
            printable(issuer)
        ),
        Fault::IssuerNotServed { issuer, .. } => {
            let issuer = printable(issuer);
            format!(
                "the issuer '{issuer}' of the grant is not served, and it cannot be redeemed: start \
                 the service with '--issuer {issuer}', or make a grant without 'spec.issuer'. If it \
                 was started so, its log says more"
            )
        }
        Fault::NoSite => "there is no Site in the namespace of the grant, and it cannot be \
            redeemed: make one that other sites can link to"
            .to_owned(),
        Fault::NoEndpoints => "the Site has no endpoint to link to, and nothing can be redeemed: \
            set its 'spec.linkAccess', and see whether its status then has endpoints"
            .to_owned(),
        Fault::EdgeSite(site) => format!(
            "site '{}' is an edge site and accepts no links, and nothing can be redeemed: make the \
             grant at another site",
            printable(site)
        ),
        Fault::Forbidden => "the service may not count redemptions, and nothing can be redeemed: \
            let it 'get' 'accessgrants' and 'update' 'accessgrants/status'; its log says more"
            .to_owned(),
    }
}
