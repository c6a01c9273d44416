//! AccessGrant (`skupper.io/v2alpha1`): permits a number of redemptions within a window.
//!
//! Source: Skupper's AccessGrant reference, and what its controller does with each field.

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
use crate::value::code::{Code, CodeProblem};
use crate::value::duration::{GoDuration, WindowProblem, read_window};
use crate::value::name::{NameProblem, SubdomainName};

/// An AccessGrant that may be created. No `Debug`: it may hold a code.
pub struct AccessGrant {
    /// Its name; absent where `generateName` makes one.
    pub name: Option<String>,
    /// Number of redemptions.
    pub redemptions_allowed: u32,
    /// Time from the creation to the expiry.
    pub expiration_window: GoDuration,
    /// The code, where the user chose one.
    pub code: Option<String>,
    /// The issuer, where the user named one.
    pub issuer: Option<String>,
}

impl AccessGrant {
    /// Judges a request to create an AccessGrant, and reads it.
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

impl Typed for AccessGrant {
    fn of(review: &Review<'_, Self>) -> Result<Self, Unreadable> {
        let spec = &review.new.spec;
        let default = review.settings.access_grant.default_redemptions_allowed;
        let allowed = *spec.redemptions_allowed.read()?.unwrap_or(&default);
        let window = replacement(review).or_else(|| spec.window(review.settings));
        Ok(Self {
            name: review.new.name.read()?.map(|name| (*name).to_owned()),
            redemptions_allowed: allowed.try_into().map_err(|_| Unreadable)?,
            expiration_window: window.ok_or(Unreadable)?,
            code: spec.code.read()?.map(|code| code.reveal().to_owned()),
            issuer: spec.issuer.read()?.map(|name| name.as_str().to_owned()),
        })
    }
}

/// The fields of an AccessGrant's `spec`.
pub(crate) struct GrantSpec<'a> {
    redemptions_allowed: Field<i64>,
    expiration_window: Field<GoDuration, WindowProblem>,
    code: Field<Code<'a>, CodeProblem>,
    issuer: Field<SubdomainName<'a>, NameProblem>,
    settings: Field<&'a Map<String, Value>>,
}

impl Kind for AccessGrant {
    type Spec<'a> = GrantSpec<'a>;

    const GVK: GroupVersionKind = GroupVersionKind {
        group: "skupper.io",
        version: "v2alpha1",
        kind: "AccessGrant",
    };

    const FIELDS: &'static [SpecField<Self>] = &[
        SpecField {
            is_same: |new, old, settings| {
                let default = settings.access_grant.default_redemptions_allowed;
                let of = |spec: &GrantSpec<'_>| spec.redemptions_allowed.or_default(default);
                of(new).is_some() && of(new) == of(old)
            },
            default: Some(|settings| {
                Some(settings.access_grant.default_redemptions_allowed.into())
            }),
            ..SpecField::plain("redemptionsAllowed", |spec| {
                spec.redemptions_allowed.is_absent()
            })
        },
        SpecField {
            is_same: |new, old, settings| {
                // Skupper reads what is stored only in Go's form: `24h` mends a stored `1 day`.
                let grant = &settings.access_grant;
                let stored = old.expiration_window.or_default(grant.default_window());
                let asked = new.window(settings);
                stored.is_some()
                    && (stored == asked || stored == asked.map(|asked| grant.lowered(asked)))
            },
            default: Some(|settings| {
                let window = settings.access_grant.default_window();
                Some(window.to_string().into())
            }),
            ..SpecField::plain("expirationWindow", |spec| {
                spec.expiration_window.is_absent()
            })
        },
        SpecField {
            is_removable: true,
            ..SpecField::plain("code", |spec| spec.code.is_absent())
        },
        SpecField::plain("issuer", |spec| spec.issuer.is_absent()),
        SpecField {
            is_same: |new, old, _| is_same_map(&new.settings, &old.settings),
            ..SpecField::plain("settings", |spec| spec.settings.is_absent())
        },
    ];

    // Names of the drafts of `v2alpha1`, and of version 1 of the command line.
    // Source: github.com/skupperproject/skupper, pull request 1508.
    const VOCABULARY: Vocabulary = Vocabulary {
        owner: "Skupper",
        earlier: &[
            ("claims", "redemptionsAllowed"),
            ("allowedRedemptions", "redemptionsAllowed"),
            ("redemptions", "redemptionsAllowed"),
            ("uses", "redemptionsAllowed"),
            ("validFor", "expirationWindow"),
            ("expiry", "expirationWindow"),
            ("secret", "code"),
            ("password", "code"),
        ],
        is_open: false,
        below: None,
    };

    const RULES: &'static [Row<Self>] = rules::RULES;

    fn read<'a>(spec: &Cursor<'_, 'a>, mismatches: &mut Mismatches) -> GrantSpec<'a> {
        GrantSpec {
            redemptions_allowed: spec.field("redemptionsAllowed").integer(mismatches),
            expiration_window: spec
                .field("expirationWindow")
                .text_such_as("a string such as '15m'", mismatches)
                .parse(read_window),
            code: spec.field("code").text(mismatches).parse(Code::parse),
            issuer: spec
                .field("issuer")
                .text(mismatches)
                .parse(SubdomainName::parse),
            settings: spec.field("settings").map_of_texts(mismatches),
        }
    }

    fn is_processed(status: &Cursor<'_, '_>) -> bool {
        let expiry = status.field("expirationTime").value();
        expiry.is_some_and(|expiry| *expiry != "")
    }

    /// From 2.2.0 on Skupper's controller itself turns 0, and nothing, into 1.
    fn is_own_change(field: &str, new: &GrantSpec<'_>, old: &GrantSpec<'_>) -> bool {
        field == "redemptionsAllowed"
            && new.redemptions_allowed == Field::Set(1)
            && matches!(old.redemptions_allowed, Field::Absent | Field::Set(0))
    }

    fn replacements(review: &Review<'_, Self>) -> Vec<Edit> {
        let replacement = replacement(review).map(|window| Edit {
            field: "expirationWindow",
            value: window.to_string().into(),
        });
        replacement.into_iter().collect()
    }
}

/// The window that is stored instead of the written one, where that is rewritten or lowered. What is
/// stored already is no longer lowered.
fn replacement(review: &Review<'_, AccessGrant>) -> Option<GoDuration> {
    let written = &review.new.spec.expiration_window;
    let asked = review
        .new
        .spec
        .window(review.settings)
        .filter(|_| !written.is_absent())?;
    let stored = review
        .old
        .as_ref()
        .map(|old| &old.object.spec.expiration_window);
    let window = match stored {
        Some(Field::Set(stored)) if *stored == asked => asked,
        _ => review.settings.access_grant.lowered(asked),
    };
    (window != asked || written.problem().is_some()).then_some(window)
}

impl GrantSpec<'_> {
    /// The window that is asked for: what is written, what that is rewritten to, or the default.
    fn window(&self, settings: &Settings) -> Option<GoDuration> {
        let default = settings.access_grant.default_window();
        let written = self.expiration_window.or_default(default);
        written.or(self.spelled_window(settings))
    }

    /// The window in the human grammar, where the settings have it rewritten. A policy that may not edit
    /// refuses what it would have rewritten.
    fn spelled_window(&self, settings: &Settings) -> Option<GoDuration> {
        match self.expiration_window {
            Field::Malformed(WindowProblem::Spelled(window))
                if settings.access_grant.rewrite_windows && settings.defaulting =>
            {
                Some(window)
            }
            _ => None,
        }
    }
}
