//! The grants of the embedded ledger, for those who make, list and end them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;

use super::fault::SqliteFault;
use super::{SqliteLedger, queries};
use crate::ledger::{
    Answer, GrantOrder, GrantRecord, Grants, Issued, LedgerFault, Prospect, Published, Taken,
};
use crate::redemption::{CodeDigest, Grant, GrantUid};
use crate::system::random;

impl Grants for SqliteLedger {
    fn prospect(&self) -> Answer<'_, Prospect> {
        Box::pin(async {
            let published = self.published().await?;
            if published.is_none() {
                return Err(self.unserved());
            }
            if let Some(site) = self.edge_site().await? {
                return Err(LedgerFault::edge_site(&site));
            }
            Ok(Prospect {
                published,
                warning: None,
            })
        })
    }

    fn create(
        &self,
        order: GrantOrder,
        published: Option<Published>,
        now: DateTime<Utc>,
    ) -> Answer<'_, Result<Issued, Taken>> {
        Box::pin(async move {
            let uid = GrantUid::from_random(random::bytes());
            let code = order.code.unwrap_or_else(random::code);
            let end = now.checked_add_signed(order.expiration_window);
            let grant = Grant {
                uid,
                name: order.name,
                code: CodeDigest::of_code(&uid, code.expose_secret().as_bytes()),
                redemptions_allowed: order.redemptions_allowed,
                redemptions: 0,
                created: now,
                expiration_time: end.unwrap_or(DateTime::<Utc>::MAX_UTC),
                revoked: None,
                issuer: order.issuer,
                namespace: None,
                has_short_code: false,
            };
            let Published { url, ca } = published.ok_or_else(|| self.unserved())?;
            let inserted = self.insert(&grant, now).await?;
            let made = inserted.map(|()| Issued {
                url: url.of_grant(&uid),
                grant,
                code,
                ca,
            });
            Ok(made.map_err(|live| Taken {
                until: Some(live.expiration_time),
            }))
        })
    }

    fn list(&self) -> Answer<'_, Vec<GrantRecord>> {
        Box::pin(self.read(queries::list))
    }

    fn find<'a>(&'a self, name: &'a str) -> Answer<'a, Vec<GrantRecord>> {
        let name = name.to_owned();
        Box::pin(self.read(move |connection| queries::find(connection, &name)))
    }

    /// There is more than one only after the clock was set back.
    fn revoke<'a>(&'a self, name: &'a str, now: DateTime<Utc>) -> Answer<'a, Vec<GrantRecord>> {
        let name = name.to_owned();
        Box::pin(self.write(move |connection| queries::revoke(connection, &name, now)))
    }
}

impl SqliteLedger {
    fn unserved(&self) -> LedgerFault {
        SqliteFault::Unserved(Arc::clone(self.files.file())).into()
    }
}
