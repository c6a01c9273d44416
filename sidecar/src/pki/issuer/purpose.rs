//! The two sides of a TLS connection that a certificate may be for.

use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::rfc5280;

/// Side of a TLS connection that may show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The client.
    Client,
    /// The server.
    Server,
}

impl Purpose {
    pub(crate) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Client => rfc5280::ID_KP_CLIENT_AUTH,
            Self::Server => rfc5280::ID_KP_SERVER_AUTH,
        }
    }

    /// Its name in an extended key usage.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Client => "clientAuth",
            Self::Server => "serverAuth",
        }
    }

    pub(super) fn as_webpki(self) -> webpki::KeyUsage {
        match self {
            Self::Client => webpki::KeyUsage::client_auth(),
            Self::Server => webpki::KeyUsage::server_auth(),
        }
    }
}
