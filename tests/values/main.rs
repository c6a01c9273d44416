//! The tables of the value types that are too long to stand beside them.

mod certificate;
mod redemption_url;
