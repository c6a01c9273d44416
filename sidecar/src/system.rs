//! The edge to the machine: the wall clock, randomness, and the wording of its errors.

pub mod clock;
pub(crate) mod private_files;
pub mod random;
pub(crate) mod wording;
