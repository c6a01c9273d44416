//! The ledger of a cluster: the AccessGrants themselves.

pub mod admit;
pub mod grants;
pub mod keys;
pub mod object;
pub mod outcome;
pub mod queues;
