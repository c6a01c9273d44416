//! The command line of the redemption sidecar.

fn main() {}
