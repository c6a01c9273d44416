use std::path::Path;
use std::time::Instant;

use proptest::prelude::*;
use skupper_access_policy::value::host::Host;
use tempfile::TempDir;

use super::super::health::Health;
use super::*;
use crate::ledger::{Grants as _, SqliteLedger};
use crate::pki::issuer::LeafRequest;
use crate::pki::key::{KeyKind, PrivateKey};
use crate::redemption::{CodeDigest, Grant, GrantUid, Serial};
use crate::site::config::FILE_NAME;
use crate::site::init::init;
use crate::site::reload::Watch;
use crate::site::source::SiteSource;
use crate::system::random;

/// A service whose clocks are arguments.
struct World {
    folder: TempDir,
    upkeep: Upkeep<SqliteLedger>,
    health: Health<SqliteLedger>,
    /// The steady clock, and the time at which it was right.
    begin: Reading,
    steady: Instant,
    /// Lead of the wall clock over the truth.
    error: TimeDelta,
    grants: Vec<(Grant, DateTime<Utc>)>,
}

impl World {
    /// A first start while the wall clock is this far ahead.
    async fn begin(error: TimeDelta) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let begin = Reading {
            wall: clock::EARLIEST + TimeDelta::days(100),
            steady: Instant::now(),
        };
        let now = begin.wall + error;
        let upkeep = upkeep(folder.path(), Reading { wall: now, ..begin });
        let health = Health::new(
            Arc::clone(&upkeep.ledger),
            Arc::clone(&upkeep.current),
            Arc::clone(&upkeep.shown),
        );
        let mut world = Self {
            folder,
            upkeep,
            health,
            begin,
            steady: begin.steady,
            error,
            grants: Vec::new(),
        };
        world.issue(TimeDelta::days(30)).await;
        world
    }

    fn truth(&self) -> DateTime<Utc> {
        let passed = self.steady.duration_since(self.begin.steady);
        self.begin.wall + TimeDelta::from_std(passed).unwrap()
    }

    fn reading(&self) -> Reading {
        Reading {
            wall: self.truth() + self.error,
            steady: self.steady,
        }
    }

    async fn wait(&mut self, time: Duration) {
        self.steady += time;
        self.upkeep.look(false, self.reading()).await;
    }

    /// Makes a grant that lives this long, by the wall clock.
    async fn issue(&mut self, life: TimeDelta) {
        let uid = GrantUid::from_random(random::bytes());
        let now = self.reading().wall;
        let grant = Grant {
            uid,
            name: format!("grant-{}", self.grants.len()),
            code: CodeDigest::of_code(&uid, b"a code of sixteen"),
            redemptions_allowed: 1,
            redemptions: 0,
            created: now,
            expiration_time: now + life,
            revoked: None,
            issuer: None,
            namespace: None,
            has_short_code: false,
        };
        let ledger = &self.upkeep.ledger;
        ledger.insert(&grant, now).await.unwrap().unwrap();
        self.grants.push((grant, self.truth() + life));
    }

    async fn kept(&self) -> Vec<GrantUid> {
        let grants = self.upkeep.ledger.list().await.unwrap();
        grants.into_iter().map(|grant| grant.uid).collect()
    }

    /// No grant is gone that lives in truth, or ended less than the time to keep it ago.
    async fn assert_nothing_is_lost(&self) {
        let kept = self.kept().await;
        for (grant, end) in &self.grants {
            let is_to_keep = self.truth() <= *end + KEEP;
            assert!(
                !is_to_keep || kept.contains(&grant.uid),
                "{} is gone",
                grant.name
            );
        }
    }

    /// Redeemers whose clock is right get in, and what they get is within the promise.
    async fn assert_ready(&self) {
        let now = self.truth();
        self.health.readiness_at(now).await.unwrap();
        let shown = self.upkeep.shown.load();
        assert!(shown.judge(now - TimeDelta::hours(23)).is_ok());
        assert!(now < shown.end() && shown.end() <= now + TimeDelta::days(90));

        let sites = self.upkeep.current.load();
        let (_, issuer) = sites.issuers().next().unwrap();
        let key = PrivateKey::generate(KeyKind::P256);
        let request = LeafRequest {
            spki: key.spki(),
            subject: "west",
            serial: Serial::from_bytes([1; 16]),
            at: now,
            duration: None,
            grant: None,
        };
        let leaf = issuer.certify(&request, now).unwrap();
        assert!(now < leaf.not_after && leaf.not_after <= issuer.not_after());
    }
}

fn upkeep(folder: &Path, reading: Reading) -> Upkeep<SqliteLedger> {
    let now = reading.wall;
    let host = Host::parse("192.0.2.1").unwrap();
    let site = folder.join("site");
    init(&site, Some(&host), None, now).unwrap();
    let source = SiteSource::Config {
        file: site.join(FILE_NAME),
        issuers: Vec::new(),
    };
    let (watch, _) = Watch::start(source, now).unwrap();
    let watch = SiteWatch::Files(Box::new(watch));
    let current = Arc::new(ArcSwap::from_pointee(watch.current()));
    let mut identity = Identity::own(folder, now).unwrap();
    let shown = identity
        .certificate(std::slice::from_ref(&host), &current.load(), now)
        .unwrap();
    let seen = identity.fingerprint();
    Upkeep {
        ledger: Arc::new(SqliteLedger::open(folder).unwrap()),
        watch,
        current,
        identity,
        certificate: ServerCertificate::new(shown.certified_key.clone()),
        offer: Arc::default(),
        shown: Arc::new(ArcSwap::from_pointee(shown)),
        metrics: Arc::new(Metrics::new()),
        keep: KEEP,
        folder: folder.to_owned(),
        url: "https://192.0.2.1:9090".parse().unwrap(),
        is_url_given: true,
        last: reading,
        pruned: None,
        seen,
        said: Problems::default(),
        issuers: SaidIssuers::default(),
    }
}

/// An event: the wall clock is set so many days off, some time passes, and sometimes a grant is
/// made that lives so many hours.
fn step() -> impl Strategy<Value = (i64, Duration, Option<i64>)> {
    let pause = prop_oneof![
        Just(LOOK),
        (2_u64..1_000).prop_map(Duration::from_secs),
        (1_u64..90).prop_map(|hours| Duration::from_secs(hours * 3_600)),
    ];
    let error = prop_oneof![2 => Just(0), 3 => -70_i64..=70];
    (error, pause, prop::option::weighted(0.3, 1_i64..100))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_wall_clock_that_jumps_loses_no_grant_and_a_right_one_is_enough_to_be_ready(
        first in -70_i64..=70,
        steps in prop::collection::vec(step(), 1..30),
    ) {
        runtime().block_on(async {
            let mut world = World::begin(TimeDelta::days(first)).await;
            for (error, pause, life) in steps {
                world.error = TimeDelta::days(error);
                world.wait(pause).await;
                if let Some(hours) = life {
                    world.issue(TimeDelta::hours(hours)).await;
                }
                world.assert_nothing_is_lost().await;
                if error == 0 {
                    // 10 s are enough.
                    for _ in 0..5 {
                        world.wait(LOOK).await;
                    }
                    world.assert_ready().await;
                }
            }
            // What ended is not kept for ever, either.
            world.error = TimeDelta::zero();
            for _ in 0..20 {
                world.wait(Duration::from_hours(11 * 24)).await;
            }
            assert_eq!(world.kept().await, []);
        });
    }
}

#[test]
fn a_clock_that_is_ahead_for_seconds_deletes_nothing() {
    runtime().block_on(async {
        let mut world = World::begin(TimeDelta::zero()).await;
        for pause in [LOOK, Duration::from_hours(1), Duration::from_hours(1)] {
            world.wait(pause).await;
        }
        world.error = TimeDelta::days(70);
        // Whatever was due is done at these looks.
        for pause in [
            Duration::from_hours(1),
            LOOK,
            Duration::from_hours(1),
            Duration::from_hours(1),
        ] {
            world.wait(pause).await;
            assert_eq!(world.kept().await.len(), 1);
        }
    });
}

#[test]
fn a_clock_before_the_program_makes_no_certificate_and_no_service_ready() {
    runtime().block_on(async {
        let mut world = World::begin(TimeDelta::zero()).await;
        let before = world.upkeep.shown.load_full();
        world.error = TimeDelta::days(-5_000);
        world.wait(LOOK).await;
        let readiness = world.health.readiness_at(world.reading().wall).await;
        assert!(readiness.unwrap_err().to_string().contains("set the clock"));
        assert!(Arc::ptr_eq(&before, &world.upkeep.shown.load_full()));
        world.error = TimeDelta::zero();
        for _ in 0..5 {
            world.wait(LOOK).await;
        }
        world.assert_ready().await;
        assert!(world.folder.path().join("ledger.db").exists());
    });
}

#[test]
fn a_next_ca_of_the_server_is_published_at_the_next_look_and_used_when_its_operator_says_so() {
    runtime().block_on(async {
        let mut world = World::begin(TimeDelta::zero()).await;
        let next = world.folder.path().join("server-ca/next");
        let mut first = Vec::new();
        let rows = [
            ("as it is", 1, false),
            ("damaged", 1, false),
            ("announced", 2, true),
            ("used", 2, true),
        ];
        for (name, count, is_another) in rows {
            match name {
                "damaged" => {
                    std::fs::create_dir(&next).unwrap();
                    std::fs::write(next.join("ca.key"), "half").unwrap();
                }
                "announced" => std::fs::remove_file(next.join("ca.key")).unwrap(),
                "used" => std::fs::write(next.join("use"), "").unwrap(),
                _ => {}
            }
            let before = world.upkeep.shown.load_full();
            world.wait(LOOK).await;
            world.wait(LOOK).await;
            let shown = world.upkeep.shown.load_full();
            assert_eq!(!Arc::ptr_eq(&before, &shown), is_another, "{name}");
            assert_eq!(shown.ca.matches("BEGIN").count(), count, "{name}");
            assert!(shown.judge(world.truth()).is_ok(), "{name}");
            first.push(
                shown
                    .ca
                    .split_inclusive("END CERTIFICATE-----")
                    .next()
                    .unwrap()
                    .to_owned(),
            );
            if is_another {
                let published = world.upkeep.ledger.published().await.unwrap().unwrap();
                assert_eq!(published.ca, shown.ca, "{name}");
            }
        }
        assert_eq!(first[0], first[2], "the one that signs goes first");
        assert_ne!(first[2], first[3]);
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Runtime::new().unwrap()
}

const KEEP: TimeDelta = TimeDelta::hours(1);
