//! Certificates that clients show, made up at random.

use proptest::prelude::*;
use sidecar_test_support::invariants::client_certificate;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_site_did_not_sign_is_a_strangers_and_what_is_recognized_can_be_renewed(
        bytes in prop::collection::vec(any::<u8>(), 0..18),
    ) {
        client_certificate(&bytes);
    }
}
