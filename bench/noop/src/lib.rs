//! No-op.
