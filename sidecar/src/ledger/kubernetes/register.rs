//! The register of links in a cluster: a Lease for each.

use chrono::{DateTime, TimeDelta, Utc};

use super::KubernetesLedger;
use crate::ledger::{LedgerFault, LinkTally, Register};
use crate::redemption::{LinkId, Serial};
use crate::renewal::{Issued, LinkCertificate, Standing};

impl Register for KubernetesLedger {
    async fn standing(
        &self,
        _namespace: Option<&str>,
        _certificate: &LinkCertificate,
    ) -> Result<Standing, LedgerFault> {
        Ok(Standing::Unknown)
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
