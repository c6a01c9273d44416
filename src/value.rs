//! Values that were checked: who holds one of these types holds the proof.

pub mod audience;
pub mod certificate;
pub mod code;
pub mod duration;
pub mod host;
pub mod host_pattern;
pub mod name;
pub mod placeholder;
pub mod redemption_url;
