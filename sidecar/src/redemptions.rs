//! The HTTP side of a redemption: one request in, one answer out, in the order of the protocol.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use chrono::{DateTime, Utc};

use crate::ledger::Ledger;
use crate::protocol;
use crate::redemption::{Grant, Refusal};
use crate::service::{Granted, Service, is_code};
