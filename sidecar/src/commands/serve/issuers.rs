//! Words about the issuers: which CAs certify links, which they have followed, and that one ends sooner
//! than its certificates should.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};

use crate::args::Serve;
use crate::pki::issuer::Issuer;
use crate::renewal::AuthorityId;
use crate::site::Sites;
use crate::system::wording::time;

/// The issuers, as far as something was said of them.
#[derive(Default)]
pub(super) struct SaidIssuers {
    /// The longest life that certificates are to have.
    life: TimeDelta,
    /// By namespace and name.
    said: BTreeMap<(Option<Arc<str>>, String), Vec<Word>>,
}

/// Something to say of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Word {
    /// The CA that certifies, and those before it.
    #[error("it certifies links with the CA {}{}", .0.as_str(), before(.1))]
    Certifies(AuthorityId, Vec<AuthorityId>),
    /// Certificates of now end before their life is over.
    #[error(
        "it ends at {}, and what it certifies from now on ends with it, sooner than it should: change the \
         CA of the links", time(*.0)
    )]
    EndsTooSoon(DateTime<Utc>),
}

impl SaidIssuers {
    /// Nothing said yet, of certificates with the lives that options choose. Others live as long as their
    /// issuer anyway.
    pub(super) fn new(options: &Serve) -> Self {
        let renewed = options.renewed_certificate_duration;
        Self {
            life: options
                .certificate_duration
                .map_or(renewed, |life| life.max(renewed)),
            said: BTreeMap::new(),
        }
    }

    /// Says what has changed since the last look.
    pub(super) fn say(&mut self, sites: &Sites, now: DateTime<Utc>) {
        for (namespace, issuer, word) in self.look(sites, now) {
            let namespace = namespace.as_deref();
            match word {
                Word::Certifies(..) => info!(namespace, issuer, "{word}"),
                Word::EndsTooSoon(_) => warn!(namespace, issuer, "{word}"),
            }
        }
    }

    fn look(&mut self, sites: &Sites, now: DateTime<Utc>) -> Vec<(Option<Arc<str>>, String, Word)> {
        let mut new = Vec::new();
        let mut said = BTreeMap::new();
        for (namespace, site) in sites.all() {
            for (name, issuer) in &site.issuers {
                let key = (namespace.cloned(), name.clone());
                let words = self.words(issuer, now);
                let known = self.said.get(&key).map_or(&[][..], Vec::as_slice);
                let unsaid = words.iter().filter(|word| !known.contains(word)).cloned();
                new.extend(unsaid.map(|word| (key.0.clone(), key.1.clone(), word)));
                said.insert(key, words);
            }
        }
        self.said = said;
        new
    }

    fn words(&self, issuer: &Issuer, now: DateTime<Utc>) -> Vec<Word> {
        let end = issuer.not_after();
        let wanted = now.checked_add_signed(self.life);
        let mut words = vec![Word::Certifies(
            issuer.id(),
            issuer.previous_ids().collect(),
        )];
        if wanted.is_none_or(|wanted| end < wanted) {
            words.push(Word::EndsTooSoon(end));
        }
        words
    }
}

fn before(previous: &[AuthorityId]) -> String {
    let previous: Vec<_> = previous.iter().map(AuthorityId::as_str).collect();
    match previous.as_slice() {
        [] => String::new(),
        previous => format!(", and renews certificates of {}", previous.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::pki::issuer::{PreviousIssuer, new_site_ca};
    use crate::renewal::Authorities;
    use crate::site::Site;
    use crate::system::clock;

    /// A look: the issuers at a time, and what is said of which.
    type Row<'a> = (
        &'a str,
        &'a [(&'a str, &'a Issuer)],
        DateTime<Utc>,
        Vec<(&'a str, Word)>,
    );

    fn sites(issuers: &[(&str, &Issuer)]) -> Sites {
        let issuers = issuers.iter().map(|(name, issuer)| {
            let issuer = Issuer::clone(issuer);
            ((*name).to_owned(), Arc::new(issuer))
        });
        Sites::One(Arc::new(Site {
            name: "west".to_owned(),
            endpoints: Vec::new(),
            is_edge: false,
            default_issuer: "ca".to_owned(),
            issuers: issuers.collect(),
        }))
    }

    #[test]
    fn a_change_of_cas_and_an_end_that_comes_too_soon_are_said_once() {
        let begin = clock::EARLIEST + TimeDelta::days(1);
        let ca = |name: &str| new_site_ca(name, begin).unwrap();
        let load = |(certificate, key): &(String, secrecy::SecretString)| {
            let key = key.expose_secret().as_bytes();
            Issuer::load(certificate.as_bytes(), key, begin).unwrap()
        };
        let (old, new) = (ca("old"), ca("new"));
        let (before, alone) = (load(&old), load(&new));
        let previous = PreviousIssuer::load_below(old.0.as_bytes(), &[], begin).unwrap();
        let mut following = alone.clone();
        following.follow(&Arc::new(previous)).unwrap();

        let certifies = |issuer: &Issuer, previous: &[&Issuer]| {
            let previous = previous.iter().map(|issuer| issuer.id());
            Word::Certifies(issuer.id(), previous.collect())
        };
        let end = before.not_after();
        let day = TimeDelta::days(1);
        let mut said = SaidIssuers {
            life: day * 7,
            said: BTreeMap::new(),
        };
        let rows: [Row<'_>; 9] = [
            (
                "the first look",
                &[("ca", &before)],
                begin,
                vec![("ca", certifies(&before, &[]))],
            ),
            ("nothing new", &[("ca", &before)], begin, vec![]),
            (
                "a whole life to go",
                &[("ca", &before)],
                end - day * 7,
                vec![],
            ),
            (
                "less than a life",
                &[("ca", &before)],
                end - day * 7 + TimeDelta::seconds(1),
                vec![("ca", Word::EndsTooSoon(end))],
            ),
            ("it was said", &[("ca", &before)], end - day, vec![]),
            (
                "another one with the one before it",
                &[("ca", &following)],
                begin,
                vec![("ca", certifies(&alone, &[&before]))],
            ),
            (
                "the one before dropped out",
                &[("ca", &alone)],
                begin,
                vec![("ca", certifies(&alone, &[]))],
            ),
            (
                "a second issuer",
                &[("ca", &alone), ("partners", &before)],
                begin,
                vec![("partners", certifies(&before, &[]))],
            ),
            (
                "the end of both",
                &[("ca", &alone), ("partners", &before)],
                end,
                vec![
                    ("ca", Word::EndsTooSoon(end)),
                    ("partners", Word::EndsTooSoon(end)),
                ],
            ),
        ];
        for (name, issuers, now, expected) in rows {
            let words = said.look(&sites(issuers), now);
            let words: Vec<_> = words
                .iter()
                .map(|(_, name, word)| (name.as_str(), word))
                .collect();
            let expected: Vec<_> = expected.iter().map(|(name, word)| (*name, word)).collect();
            assert_eq!(words, expected, "{name}");
        }
    }

    #[test]
    fn the_end_of_an_issuer_is_its_own_whatever_it_has_followed() {
        let begin = clock::EARLIEST + TimeDelta::days(1);
        let (old, _) = new_site_ca("old", begin).unwrap();
        let (new, key) = new_site_ca("new", begin + TimeDelta::days(99)).unwrap();
        let key = key.expose_secret().as_bytes();
        let mut issuer = Issuer::load(new.as_bytes(), key, begin).unwrap();
        let previous = PreviousIssuer::load_below(old.as_bytes(), &[], begin).unwrap();
        issuer.follow(&Arc::new(previous)).unwrap();
        let sites = sites(&[("ca", &issuer)]);
        assert_eq!(sites.issuer_ends(), [("ca", issuer.not_after())].into());
        assert!(issuer.not_after() > begin + TimeDelta::days(3700));
        let authorities = sites.authorities();
        assert_eq!(
            (authorities.current.len(), authorities.previous.len()),
            (1, 1)
        );
        assert_eq!(
            Authorities::from_stored(&authorities.to_string()),
            authorities
        );
    }
}
