//! Files with manifests: which ones paths name, what they hold, and what stands beside them.

pub mod exclude;
pub mod input;
pub mod settings;
pub mod surroundings;

pub use exclude::Excluded;
pub use input::{Input, Inputs, Text, Unread, expand, read, shown};
pub use surroundings::Surroundings;
