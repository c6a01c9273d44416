//! The steps of a situation: who does what, and what must come of it.

use serde_json::{Map, Value, json};
use skupper_access_policy::finding::Severity;
use skupper_access_policy::verdict::Verdict;

use crate::objects::SECRETS;

/// Steps that happen one after the other.
pub(crate) struct Situation {
    pub(crate) name: String,
    pub(crate) settings: Value,
    /// The object that is stored before the first step, whatever the settings say of it.
    pub(crate) stored: Option<Value>,
    pub(crate) steps: Vec<Step>,
}

impl Situation {
    pub(crate) fn new(name: impl Into<String>, steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            name: name.into(),
            settings: Value::Null,
            stored: None,
            steps: steps.into_iter().collect(),
        }
    }

    pub(crate) fn with(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }

    pub(crate) fn storing(mut self, object: Value) -> Self {
        self.stored = Some(object);
        self
    }
}

/// One request, and what must come of it. Unless said otherwise it is allowed as it is, with
/// nothing found.
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) user: Value,
    pub(crate) is_dry_run: bool,
    expected: Expected,
    warned: Vec<&'static str>,
    not_covered: bool,
    pub(crate) stays: bool,
    /// Fields of `spec` that must then be stored so.
    pub(crate) stores: Map<String, Value>,
}

/// Action of a user.
pub(crate) enum Action {
    Create(Value),
    /// `kubectl apply`: what the last file had and this one has not is taken away.
    ApplyClientSide(Value),
    ApplyServerSide(Value),
    /// `kubectl replace`.
    Replace(Value),
    /// A merge patch: labels, finalizers, a controller's update.
    Patch(Value),
    /// A new status, through the subresource.
    Status(Value),
    Delete,
    /// A request as it stands; nothing is stored of it.
    Raw(Value),
}

/// Outcome that is expected of a request.
enum Expected {
    Unchanged,
    /// Allowed, with these fields of `spec` written.
    Edited(Map<String, Value>),
    /// Refused, because of these rules and no others.
    Refused(&'static [&'static str]),
    /// Not judged at all, with this code.
    Failed(u16),
}

impl Action {
    /// The action with the expectation that it is allowed as it is.
    pub(crate) fn step(self) -> Step {
        Step {
            action: self,
            user: json!({"username": "admin", "groups": ["system:masters", "system:authenticated"]}),
            is_dry_run: false,
            expected: Expected::Unchanged,
            warned: Vec::new(),
            not_covered: false,
            stays: false,
            stores: Map::new(),
        }
    }
}

impl Step {
    pub(crate) fn by(mut self, user: Value) -> Self {
        self.user = user;
        self
    }

    pub(crate) fn dry_run(mut self) -> Self {
        self.is_dry_run = true;
        self
    }

    pub(crate) fn edited(mut self, fields: Value) -> Self {
        self.expected = Expected::Edited(map(fields));
        self
    }

    /// These fields are then stored to the letter.
    pub(crate) fn stores(mut self, fields: Value) -> Self {
        self.stores = map(fields);
        self
    }

    pub(crate) fn refused(mut self, codes: &'static [&'static str]) -> Self {
        self.expected = Expected::Refused(codes);
        self
    }

    pub(crate) fn failed(mut self, code: u16) -> Self {
        self.expected = Expected::Failed(code);
        self
    }

    pub(crate) fn warned(mut self, codes: &[&'static str]) -> Self {
        self.warned = codes.to_vec();
        self
    }

    /// No rule is about such a request, and the audit log says so.
    pub(crate) fn not_covered(mut self) -> Self {
        self.not_covered = true;
        self
    }

    /// The stored object is the same before and after: no new resourceVersion.
    pub(crate) fn stays(mut self) -> Self {
        self.stays = true;
        self
    }
}

/// # Errors
/// Says what else came of the request than the step expects.
pub(crate) fn check(step: &Step, request: &Value, verdict: &Verdict) -> Result<(), String> {
    let refusal = verdict.refusal.as_ref().map(|refusal| refusal.code);
    let expected = match &step.expected {
        Expected::Unchanged | Expected::Edited(_) => None,
        Expected::Refused(_) => Some(422),
        Expected::Failed(code) => Some(*code),
    };
    let denied: &[&str] = match &step.expected {
        Expected::Refused(codes) => codes,
        _ => &[],
    };
    if refusal != expected || codes(verdict, Severity::Deny) != denied {
        return Err(format!("{:?} {:?}", verdict.refusal, verdict.findings));
    }
    if codes(verdict, Severity::Warn) != step.warned {
        return Err(format!("warnings: {:?}", verdict.warnings));
    }
    let edited = match &step.expected {
        Expected::Edited(fields) => Some(with_spec(&request["object"], fields)),
        _ => None,
    };
    if verdict.mutated_object() != edited {
        return Err(format!("edited: {:?}", verdict.mutated_object()));
    }
    let annotations = &verdict.audit_annotations;
    let is_not_covered = annotations.iter().any(|(key, _)| *key == "not-covered");
    if is_not_covered != step.not_covered {
        return Err(format!("annotations: {annotations:?}"));
    }
    let told = format!(
        "{:?} {:?} {annotations:?} {:?}",
        verdict.refusal, verdict.warnings, verdict.findings
    );
    match SECRETS.iter().find(|secret| told.contains(*secret)) {
        Some(secret) => Err(format!("told '{secret}': {told}")),
        None => Ok(()),
    }
}

fn map(fields: Value) -> Map<String, Value> {
    let Value::Object(fields) = fields else {
        panic!("what is written are the fields of an object");
    };
    fields
}

fn codes(verdict: &Verdict, severity: Severity) -> Vec<&'static str> {
    let findings = verdict.findings.iter();
    findings
        .filter(|finding| finding.severity == severity)
        .map(|finding| finding.code)
        .collect()
}

fn with_spec(object: &Value, fields: &Map<String, Value>) -> Value {
    let mut object = object.clone();
    for (name, value) in fields {
        object["spec"][name] = value.clone();
    }
    object
}
