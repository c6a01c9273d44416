//! The register of links in the embedded ledger.
//!
//! A link that was never renewed is known from its redemption, which is durable before its answer. The
//! table `links` holds what came after: renewals, which are written behind their answers, and
//! revocations.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::OptionalExtension as _;

use super::SqliteLedger;
use crate::ledger::{LedgerFault, LinkTally, Register};
use crate::redemption::{LinkId, Serial};
use crate::renewal::{Issued, LinkCertificate, Standing};

impl Register for SqliteLedger {
    async fn standing(
        &self,
        _namespace: Option<&str>,
        certificate: &LinkCertificate,
    ) -> Result<Standing, LedgerFault> {
        let link = certificate.link;
        let revoked = self.read(move |connection| {
            connection
                .prepare_cached("SELECT at FROM revocations WHERE id = ?1")?
                .query_row([link.as_bytes()], |row| row.get::<_, i64>(0))
                .optional()
        });
        Ok(match revoked.await? {
            Some(_) => Standing::Revoked,
            None => Standing::Good,
        })
    }

    fn note(&self, _issued: Issued) {}

    fn note_told(&self, _namespace: Option<&str>, _link: LinkId, _serial: Serial) {}

    async fn tally_links(&self, _now: DateTime<Utc>) -> Result<LinkTally, LedgerFault> {
        Ok(LinkTally::default())
    }

    async fn prune_links(
        &self,
        _keep: TimeDelta,
        _now: DateTime<Utc>,
    ) -> Result<usize, LedgerFault> {
        Ok(0)
    }
}
