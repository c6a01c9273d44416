//! `redeem --kubernetes`: what it makes of a token, wherever it is stopped and whoever is in its way.

mod accidents;
pub(crate) mod hostile;
mod in_the_way;
mod rights;
mod whole_way;

use cluster_tests::Cluster;
use redemption_sidecar::redeemer::token::Token;
use redemption_sidecar::redemption::GrantUid;
use redemption_sidecar::wire::access_token::AccessToken;

use crate::room::{CODE, Room};
use crate::service::{Service, Services};
use crate::target::read;

/// A service for grants of this namespace.
struct Grants {
    room: Room,
    services: Services,
    service: Service,
}

impl Grants {
    async fn serve(cluster: &Cluster, namespace: &str) -> Self {
        let room = Room::new(cluster, namespace).await;
        room.site().await;
        let services = Services::new(cluster, &room);
        let service = services.start(&[]).await;
        Self {
            room,
            services,
            service,
        }
    }

    /// The token of a new grant that can be redeemed once.
    async fn token(&self, grant: &str) -> Token {
        let uid = self.room.grant(grant, 1).await;
        read(&self.access_token(grant, &uid))
    }

    fn access_token(&self, name: &str, uid: &GrantUid) -> AccessToken {
        AccessToken {
            name: name.to_owned(),
            url: format!("https://127.0.0.1:{}/{uid}", self.service.port),
            code: CODE.into(),
            ca: self.services.ca(),
            link_cost: 7,
            note: String::new(),
        }
    }
}
