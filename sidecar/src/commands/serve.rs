//! `serve`: the redemption service of a site.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{Failure, data};
use crate::advertised::AdvertisedUrl;
use crate::args::Serve;
use crate::ledger::Ledger;
use crate::ledger::sqlite::SqliteLedger;
use crate::metrics::Metrics;
use crate::operations::{self, Probe};
use crate::redemption::GrantState;
use crate::redemptions::Redemptions;
use crate::server::{Limits, Server, ServerCertificate, listen, load_certified_key, raise_file_limit};
use crate::service::Service;
use crate::site::Site;
use crate::site::reload::Watch;
use crate::{clock, log};
