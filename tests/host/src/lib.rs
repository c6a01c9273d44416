//! A waPC host on wasmi.
