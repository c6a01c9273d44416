//! The address under which redeemers reach the service: `https://HOST:PORT`.

use std::fmt;
use std::str::FromStr;

use skupper_access_policy::value::host::Host;
use skupper_access_policy::value::redemption_url::RedemptionUrl;

use crate::redemption::GrantUid;

/// An https address without a path. It is what tokens carry, with the uid of the grant behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedUrl(RedemptionUrl);

impl AdvertisedUrl {
    /// Its host, which the server certificate is made for.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.0.host()
    }

    /// The URL at which a grant is redeemed.
    #[must_use]
    pub fn of_grant(&self, uid: &GrantUid) -> String {
        format!("{self}/{uid}")
    }
}

impl FromStr for AdvertisedUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let base = text.strip_suffix('/').unwrap_or(text);
        let url = RedemptionUrl::parse(&format!("{base}{A_PATH}"));
        let url = url.map_err(|problem| problem.to_string())?;
        if !url.is_https() {
            return Err("scheme must be 'https'".to_owned());
        }
        if url.path() != A_PATH {
            return Err("must not have a path, such as 'https://192.0.2.1:9090'".to_owned());
        }
        Ok(Self(url))
    }
}

impl fmt::Display for AdvertisedUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "https://{}", self.0.host())?;
        match self.0.port() {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Every redemption URL has a path, so one is put in place for reading.
const A_PATH: &str = "/grant";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_url_is_https_a_host_and_a_port() {
        let cases = [
            (
                "a name",
                "https://grants.example:9090",
                Some("https://grants.example:9090"),
            ),
            (
                "a slash",
                "https://grants.example:9090/",
                Some("https://grants.example:9090"),
            ),
            (
                "in brackets",
                "https://[2001:DB8::1]:9090",
                Some("https://[2001:db8::1]:9090"),
            ),
            (
                "the port of https",
                "https://192.0.2.1",
                Some("https://192.0.2.1"),
            ),
            ("a path", "https://grants.example/a", None),
            ("http", "http://grants.example", None),
            ("bare IPv6", "https://2001:db8::1:9090", None),
            ("a user", "https://a@grants.example", None),
            ("no scheme", "grants.example:9090", None),
            ("a query", "https://grants.example?", None),
            ("nothing", "", None),
        ];
        for (name, text, expected) in cases {
            let url = text
                .parse::<AdvertisedUrl>()
                .ok()
                .map(|url| url.to_string());
            assert_eq!(url.as_deref(), expected, "{name}");
        }
    }
}
