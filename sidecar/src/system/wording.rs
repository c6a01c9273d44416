//! Words for the causes of others, and for times, in our messages.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use rustls::CertificateError;
pub(crate) use skupper_access_policy::printable::io_error as io;
use skupper_access_policy::value::certificate::BundleProblem;

/// RFC 3339, UTC, in whole seconds.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A path that cannot be read, and why. Where permission is missing: whose it is.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> String {
    let shown = path.display();
    let cause = io(error);
    if error.kind() != io::ErrorKind::PermissionDenied {
        return format!("cannot read {shown}: {cause}");
    }
    // The last one that can be looked at is the one that may not be entered or read.
    let found = path
        .ancestors()
        .find_map(|path| Some((path, path.metadata().ok()?)));
    let Some((closed, metadata)) = found else {
        return format!("cannot read {shown}: {cause}");
    };
    format!(
        "cannot read {shown}: {cause}: {} belongs to user {} and has mode {:04o}, and this is user \
         {}: run as that user, or change owner or mode",
        closed.display(),
        metadata.uid(),
        metadata.mode() & 0o7777,
        rustix::process::geteuid().as_raw(),
    )
}

/// A problem of webpki with a certificate: its own text is that of `Debug`.
pub(crate) fn webpki(error: &webpki::Error) -> &'static str {
    use webpki::Error;
    match error {
        Error::CaUsedAsEndEntity => "it is the certificate of a CA",
        Error::CertExpired { .. } => "one of the certificates has ended",
        Error::CertNotValidYet { .. } => {
            "one of the certificates is not valid yet: look at the clock"
        }
        Error::CertNotValidForName(_) => "it is not for this host",
        Error::EndEntityUsedAsCa => "one that signed another is not the certificate of a CA",
        Error::InvalidSignatureForPublicKey => "a signature is not that of the CA above",
        Error::NameConstraintViolation => "a CA above does not allow its name",
        Error::PathLenConstraintViolated => "a CA above does not allow as many CAs below it",
        Error::RequiredEkuNotFoundContext(_) => "one of the certificates is not for this purpose",
        Error::UnknownIssuer => "the one that signed it is not there",
        Error::UnsupportedCriticalExtension => "it has a critical extension that nobody knows",
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => UNSUPPORTED,
        _ => "it is malformed",
    }
}

/// A problem of rustls: that of a certificate has the text of `Debug`.
pub(crate) fn rustls(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else {
        return error.to_string();
    };
    let text = match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has ended",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: look at the clock"
        }
        CertificateError::UnknownIssuer => "the one that signed it is not there",
        CertificateError::BadSignature => "a signature is not that of the CA above",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is not for this host"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not for this purpose"
        }
        CertificateError::UnhandledCriticalExtension => {
            "it has a critical extension that nobody knows"
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => UNSUPPORTED,
        _ => "it is malformed",
    };
    text.to_owned()
}

const UNSUPPORTED: &str = "a signature is of a kind that TLS libraries do not accept, such as one by \
                           an RSA key that is marked rsassaPss";

/// Reason why certificates cannot be the CA that tokens carry.
pub(crate) fn ca_of_tokens(problem: BundleProblem) -> String {
    match problem {
        BundleProblem::TooLong => format!(
            "{problem}: every token carries it, so name the CA that signed the server's certificate \
             and not the bundle of a system"
        ),
        _ => problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_permission_names_what_is_closed_and_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site/redemption.yaml");
        let denied = io::ErrorKind::PermissionDenied.into();
        let text = unreadable(&path, &denied);
        let user = rustix::process::geteuid().as_raw();
        let owner = format!(
            "{} belongs to user {user} and has mode 07",
            folder.path().display()
        );
        assert!(
            text.starts_with(&format!("cannot read {}: ", path.display())),
            "{text}"
        );
        assert!(text.contains(&owner), "{text}");
        let gone = unreadable(&path, &io::ErrorKind::NotFound.into());
        assert!(!gone.contains("belongs"), "{gone}");
    }

    #[test]
    fn no_text_of_a_certificate_is_one_for_programmers() {
        use rustls::Error::InvalidCertificate;
        let of_rustls = [
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![1],
                supported_algorithms: Vec::new(),
            },
            CertificateError::UnhandledCriticalExtension,
            CertificateError::BadEncoding,
            CertificateError::NotValidForName,
        ];
        let of_rustls = of_rustls.map(|error| rustls(&InvalidCertificate(error)));
        let of_webpki =
            [webpki::Error::UnknownIssuer, webpki::Error::BadDer].map(|error| webpki(&error));
        for text in of_rustls.iter().map(String::as_str).chain(of_webpki) {
            assert!(
                text.contains(' ') && !text.contains(['{', '[', '(']),
                "{text}"
            );
        }
    }

    #[test]
    fn a_bundle_of_a_system_is_told_what_tokens_need() {
        let bundle = ca_of_tokens(BundleProblem::TooLong);
        assert!(
            bundle.contains("name the CA that signed the server's"),
            "{bundle}"
        );
        let other = BundleProblem::NoCertificate;
        assert_eq!(ca_of_tokens(other), other.to_string());
    }
}
