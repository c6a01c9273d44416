//! The register of links in the embedded ledger.
//!
//! A link that was never renewed is known from its redemption, which is durable before its answer.
//! Renewals are noted behind their answers. A revocation is a row that is durable before the command says
//! so, and every process sees it in its next read.
//!
//! A ledger that is known to lack changes may lack revocations, too: until it is restored, or its loss is
//! accepted, no link is [good](Standing::Good). A ledger whose place was taken by a backup while it was
//! closed does not know what it lacks, and links go on: the first renewal of a link that it should know
//! says that revocations may be lost. Nothing can be said where the rows of `revocations` alone were
//! deleted; the rest of the register is an inventory that renewals fill again.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use super::notes::Noted;
use super::{AUTHORITIES, SqliteLedger, links, queries, revocations};
use crate::ledger::{Answer, LedgerFault, LinkChoice, LinkRecord, LinkTally, Links, Register};
use crate::redemption::{LinkId, Serial};
use crate::renewal::{Authorities, Issued, LinkCertificate, Standing};

/// A tally that took long.
pub(super) struct KnownTally {
    tally: LinkTally,
    until: Instant,
}

impl Register for SqliteLedger {
    async fn standing(
        &self,
        _namespace: Option<&str>,
        certificate: &LinkCertificate,
    ) -> Result<Standing, LedgerFault> {
        self.check_whole()?;
        let revoked = self.look_up(|connection| {
            revocations::revoked(connection, certificate.link, certificate.grant.as_ref())
        });
        Ok(match revoked.await? {
            Some(_) => Standing::Revoked,
            None => Standing::Good,
        })
    }

    async fn expect_life(&self, life: TimeDelta) -> Result<(), LedgerFault> {
        self.write_unnumbered(move |connection| revocations::keep_longest_life(connection, life))
            .await
    }

    /// Redemptions are known without a note.
    fn note(&self, issued: Issued) {
        if issued.is_renewal() {
            self.notes.add(issued.link, Noted::renewal(issued));
        }
    }

    fn note_told(&self, _namespace: Option<&str>, link: LinkId, serial: Serial) {
        self.notes.add(link, Noted::told(serial));
    }

    /// It looks at every link and redemption: where that takes long, what was found is good for much
    /// longer.
    async fn tally_links(&self, now: DateTime<Utc>) -> Result<LinkTally, LedgerFault> {
        let begun = Instant::now();
        let lock = || self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*lock()
            && begun < known.until
        {
            return Ok(known.tally.clone());
        }
        let tally = self.read(move |connection| links::tally(connection, now));
        let tally = tally.await?;
        let took = begun.elapsed();
        *lock() = (took > LONG).then(|| KnownTally {
            tally: tally.clone(),
            until: begun + took * 50,
        });
        Ok(tally)
    }

    /// The wall clock alone decides nothing, as with grants. Rows are looked for without keeping others
    /// from writing.
    async fn prune_links(&self, keep: TimeDelta, now: DateTime<Utc>) -> Result<usize, LedgerFault> {
        let mut deleted = 0;
        loop {
            let ended = self.read(move |connection| links::ended(connection, keep, now));
            let ended = ended.await?;
            if ended.is_empty() {
                return Ok(deleted);
            }
            let rows = self.write_unnumbered(move |connection| links::delete(connection, &ended));
            let rows = rows.await?;
            if rows == 0 {
                return Ok(deleted);
            }
            deleted += rows;
        }
    }
}

impl Links for SqliteLedger {
    fn links<'a>(&'a self, choice: &'a LinkChoice) -> Answer<'a, Vec<LinkRecord>> {
        let choice = choice.clone();
        Box::pin(async {
            let links = self.read(move |connection| links::list(connection, &choice));
            Ok(links.await?.into_iter().map(|known| known.record).collect())
        })
    }

    fn authorities(&self) -> Answer<'_, Option<Authorities>> {
        Box::pin(async {
            let kept = self.read(|connection| queries::kept(connection, AUTHORITIES));
            let kept = kept.await?;
            Ok(kept.map(|text| Authorities::from_stored(&text)))
        })
    }

    fn revoke_links<'a>(
        &'a self,
        choice: &'a LinkChoice,
        now: DateTime<Utc>,
    ) -> Answer<'a, Vec<LinkRecord>> {
        let choice = choice.clone();
        Box::pin(self.write(move |connection| revocations::revoke(connection, &choice, now)))
    }
}

/// A tally that takes longer is not made for every question.
const LONG: Duration = Duration::from_millis(20);
