//! The keys of clients that bring none.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::time::timeout_at;

use crate::pki::key::{KeyKind, PrivateKey};
use crate::redemption::Refusal;

/// Makes keys of one kind.
///
/// An RSA key takes a tenth of a second: it is not made on a thread that serves others, and not more
/// of them are made at once than there are cores. Else a burst makes all of them late. Who waits does
/// so in order.
pub struct KeyGenerator {
    kind: KeyKind,
    cores: Arc<Semaphore>,
}

impl KeyGenerator {
    /// A generator for the cores of this machine.
    #[must_use]
    pub fn new(kind: KeyKind) -> Self {
        Self {
            kind,
            cores: Arc::new(Semaphore::new(
                available_parallelism().map_or(1, usize::from),
            )),
        }
    }

    /// A new key.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] at the deadline when no core was free before it.
    pub async fn generate(&self, deadline: Instant) -> Result<PrivateKey, Refusal> {
        if self.kind == KeyKind::P256 {
            return Ok(PrivateKey::generate(self.kind));
        }
        let waiting = Arc::clone(&self.cores).acquire_owned();
        let Ok(Ok(core)) = timeout_at(deadline.into(), waiting).await else {
            tracing::warn!("too many clients wait for an RSA key that is made here");
            return Err(Refusal::Unavailable);
        };
        let kind = self.kind;
        let make = move || {
            let key = PrivateKey::generate(kind);
            drop(core);
            key
        };
        tokio::task::spawn_blocking(make).await.map_err(|fault| {
            tracing::error!(%fault, "cannot make a key");
            Refusal::Unavailable
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn with_cores(kind: KeyKind, cores: usize) -> KeyGenerator {
        KeyGenerator {
            kind,
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    #[tokio::test]
    async fn an_rsa_key_waits_for_a_core_until_the_deadline_and_a_small_key_does_not() {
        let soon = || Instant::now() + Duration::from_millis(50);
        for (name, kind, cores, made) in [
            ("rsa, a core is free", KeyKind::Rsa2048, 1, true),
            ("rsa, none is free", KeyKind::Rsa2048, 0, false),
            ("p256, none is free", KeyKind::P256, 0, true),
        ] {
            let seen = with_cores(kind, cores).generate(soon()).await;
            assert_eq!(seen.is_ok(), made, "{name}");
        }
    }

    #[tokio::test]
    async fn every_key_that_waits_is_made_and_every_core_is_given_back() {
        let generator = Arc::new(with_cores(KeyKind::Rsa2048, 1));
        let deadline = Instant::now() + Duration::from_mins(1);
        let keys: Vec<_> = (0..4)
            .map(|_| {
                let generator = Arc::clone(&generator);
                tokio::spawn(async move { generator.generate(deadline).await.is_ok() })
            })
            .collect();
        let mut ended = 0;
        for key in keys {
            assert!(key.await.unwrap());
            ended += 1;
        }
        assert_eq!((ended, generator.cores.available_permits()), (4, 1));
    }

    #[tokio::test]
    async fn a_client_that_leaves_gives_its_core_back_when_its_key_is_made() {
        let generator = with_cores(KeyKind::Rsa2048, 1);
        let deadline = Instant::now() + Duration::from_mins(1);
        let left = tokio::time::timeout(Duration::from_millis(1), generator.generate(deadline));
        drop(left.await);
        assert!(generator.generate(deadline).await.is_ok());
    }
}
