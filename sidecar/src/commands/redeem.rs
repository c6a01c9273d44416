//! `redeem`: redeems a token file and writes Secret and Link.
