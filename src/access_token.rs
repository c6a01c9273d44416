//! AccessToken (`skupper.io/v2alpha1`): the URL, the code and the CA of a grant at another site.
//!
//! Source: Skupper's AccessToken reference, and what its controller does with each field.

mod rules;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::admitted::{Admitted, NotAdmitted, Typed, admit};
use crate::field::{Cursor, Field, Mismatches, Unreadable};
use crate::kind::{Edit, GroupVersionKind, Kind, Row, SpecField, Vocabulary};
use crate::request::Request;
use crate::review::Review;
use crate::settings::Settings;
use crate::skupper_object::is_same_map;
use crate::value::certificate::{BundleProblem, CertificateBundle};
use crate::value::code::{Code, CodeProblem};
use crate::value::redemption_url::{RedemptionUrl, UrlProblem};

/// An AccessToken that may be created. No `Debug`: it holds the code.
pub struct AccessToken {
    /// Its name; absent where `generateName` makes one.
    pub name: Option<String>,
    /// The place of redemption.
    pub url: RedemptionUrl,
    /// The code of the grant.
    pub code: String,
    /// The CA of the redemption server.
    pub ca: Option<CertificateBundle>,
    /// The cost of the link, where the user named one.
    pub link_cost: Option<u32>,
}

impl AccessToken {
    /// Judges a request to create an AccessToken, and reads it.
    ///
    /// # Errors
    /// Rules deny it, or it is another request.
    pub fn admit(
        request: &Request<'_>,
        settings: &Settings,
        now: DateTime<Utc>,
    ) -> Result<Admitted<Self>, NotAdmitted> {
        admit(request, settings, now)
    }
}

impl Typed for AccessToken {
    fn of(review: &Review<'_, Self>) -> Result<Self, Unreadable> {
        let spec = &review.new.spec;
        let link_cost = spec.link_cost.read()?.map(|cost| u32::try_from(*cost));
        Ok(Self {
            name: review.new.name.read()?.map(|name| (*name).to_owned()),
            url: spec.url.read()?.ok_or(Unreadable)?.clone(),
            code: spec.code.read()?.ok_or(Unreadable)?.reveal().to_owned(),
            ca: spec.ca.read()?.cloned(),
            link_cost: link_cost.transpose().map_err(|_| Unreadable)?,
        })
    }
}

/// The fields of an AccessToken's `spec`.
pub(crate) struct TokenSpec<'a> {
    url: Field<RedemptionUrl, UrlProblem>,
    code: Field<Code<'a>, CodeProblem>,
    ca: Field<CertificateBundle, BundleProblem>,
    link_cost: Field<i64>,
    settings: Field<&'a Map<String, Value>>,
}

impl Kind for AccessToken {
    type Spec<'a> = TokenSpec<'a>;

    const GVK: GroupVersionKind = GroupVersionKind {
        group: "skupper.io",
        version: "v2alpha1",
        kind: "AccessToken",
    };

    const FIELDS: &'static [SpecField<Self>] = &[
        SpecField {
            is_same: |new, old, _| new.url.set().is_some() && new.url.set() == old.url.set(),
            is_credential: true,
            ..SpecField::plain("url", |spec| spec.url.is_absent())
        },
        SpecField {
            is_credential: true,
            ..SpecField::plain("code", |spec| spec.code.is_absent())
        },
        SpecField {
            is_same: |new, old, _| new.ca.set().is_some() && new.ca.set() == old.ca.set(),
            is_credential: true,
            ..SpecField::plain("ca", |spec| spec.ca.is_absent())
        },
        SpecField {
            is_same: |new, old, settings| {
                let default = settings.access_token.default_link_cost;
                let cost = new.link_cost.or_default(default);
                cost.is_some() && cost == old.link_cost.or_default(default)
            },
            default: Some(|settings| Some(settings.access_token.default_link_cost.into())),
            ..SpecField::plain("linkCost", |spec| spec.link_cost.is_absent())
        },
        SpecField {
            is_same: |new, old, _| is_same_map(&new.settings, &old.settings),
            ..SpecField::plain("settings", |spec| spec.settings.is_absent())
        },
    ];

    // Names of the drafts of `v2alpha1`, of a Link, and of version 1 of the command line.
    // Source: github.com/skupperproject/skupper, pull request 1508.
    const VOCABULARY: Vocabulary = Vocabulary {
        owner: "Skupper",
        earlier: &[
            ("secret", "code"),
            ("password", "code"),
            ("cost", "linkCost"),
        ],
        is_open: false,
        below: None,
    };

    const RULES: &'static [Row<Self>] = rules::RULES;

    fn read<'a>(spec: &Cursor<'_, 'a>, mismatches: &mut Mismatches) -> TokenSpec<'a> {
        TokenSpec {
            url: spec
                .field("url")
                .text(mismatches)
                .parse(RedemptionUrl::parse),
            code: spec.field("code").text(mismatches).parse(Code::parse),
            ca: spec
                .field("ca")
                .text(mismatches)
                .parse(CertificateBundle::parse),
            link_cost: spec.field("linkCost").integer(mismatches),
            settings: spec.field("settings").map_of_texts(mismatches),
        }
    }

    /// True once the token was redeemed.
    fn is_processed(status: &Cursor<'_, '_>) -> bool {
        let is_redeemed =
            status.field("redeemed").boolean(&mut Mismatches::default()) == Field::Set(true);
        is_redeemed || has_redeemed_condition(status)
    }

    fn replacements(_review: &Review<'_, Self>) -> Vec<Edit> {
        Vec::new()
    }
}

fn has_redeemed_condition(status: &Cursor<'_, '_>) -> bool {
    let conditions = status.field("conditions");
    let Field::Set(mut conditions) = conditions.elements(&mut Mismatches::default()) else {
        return false;
    };
    conditions.any(|condition| {
        let is = |name: &str, value: &str| {
            condition.value().and_then(|condition| condition.get(name)) == Some(&value.into())
        };
        is("type", "Redeemed") && is("status", "True")
    })
}
