//! An API server in memory that asks the policy.

use serde_json::{Value, json};
use skupper_access_policy::admission_request;
use skupper_access_policy::review_payload;
use skupper_access_policy::verdict::Verdict;

use crate::step::{Action, Step, check};

/// The server, holding one object.
pub(crate) struct ApiServer {
    settings: Value,
    stored: Option<Value>,
    resource_version: u32,
    /// The outcome of the last `apply`.
    applied: Value,
}

impl ApiServer {
    pub(crate) fn new(settings: Value, stored: Option<Value>) -> Self {
        let mut server = Self {
            settings,
            stored: None,
            resource_version: 0,
            applied: Value::Null,
        };
        if let Some(stored) = stored {
            let status = stored["status"].clone();
            server.put(stored, status);
        }
        server
    }

    /// Asks the policy and stores what came of it.
    ///
    /// # Errors
    /// Says what else came of it than the step expects.
    pub(crate) fn take(&mut self, step: &Step) -> Result<(), String> {
        let request = self.request(step);
        let verdict = self.ask(&request);
        check(step, &request, &verdict)?;
        self.ask_again(request.clone(), &verdict)?;
        let before = self.resource_version;
        if verdict.is_allowed() && !step.is_dry_run {
            let object = verdict
                .mutated_object()
                .unwrap_or_else(|| request["object"].clone());
            self.store(&step.action, object);
        }
        if step.stays && before != self.resource_version {
            return Err(format!("drift: {:?}", self.stored));
        }
        let stored = self.stored.as_ref().map(|stored| &stored["spec"]);
        for (name, value) in &step.stores {
            let is = stored.and_then(|spec| spec.get(name));
            if is.map(Value::to_string) != Some(value.to_string()) {
                return Err(format!("stored as {name}: {is:?}"));
            }
        }
        Ok(())
    }

    fn ask(&self, request: &Value) -> Verdict {
        let payload = json!({"request": request, "settings": self.settings}).to_string();
        review_payload(payload.as_bytes(), test_support::now())
    }

    /// The answer is final: a second review edits nothing and finds nothing new.
    fn ask_again(&self, mut request: Value, first: &Verdict) -> Result<(), String> {
        let Some(object) = first.mutated_object() else {
            return Ok(());
        };
        request["object"] = object;
        let second = self.ask(&request);
        let codes = |verdict: &Verdict| -> Vec<&str> {
            verdict
                .findings
                .iter()
                .map(|finding| finding.code)
                .collect()
        };
        let is_new = |code: &&str| !codes(first).contains(code);
        if second.mutated_text.is_some() || codes(&second).iter().any(is_new) {
            return Err(format!(
                "a second review has more to say: {:?} {:?}",
                second.mutated_text, second.findings
            ));
        }
        Ok(())
    }

    fn request(&self, step: &Step) -> Value {
        let old = self.stored.clone();
        let live = || old.clone().unwrap_or_default();
        let (object, sub_resource) = match &step.action {
            Action::Raw(request) => {
                let mut request = request.clone();
                request["userInfo"] = step.user.clone();
                return request;
            }
            Action::Create(object) => (object.clone(), None),
            Action::ApplyClientSide(file) => {
                let mut object = self.merged(file);
                let annotation = "kubectl.kubernetes.io/last-applied-configuration";
                object["metadata"]["annotations"][annotation] = file.to_string().into();
                (object, None)
            }
            Action::ApplyServerSide(file) => {
                let mut object = self.merged(file);
                object["metadata"]["managedFields"] =
                    json!([{"manager": "kubectl", "operation": "Apply"}]);
                (object, None)
            }
            Action::Replace(object) => {
                let mut object = object.clone();
                let version = &live()["metadata"]["resourceVersion"];
                object["metadata"]["resourceVersion"] = version.clone();
                (object, None)
            }
            Action::Patch(patch) => {
                let mut object = live();
                merge(&mut object, patch);
                (object, None)
            }
            Action::Status(status) => {
                let mut object = live();
                object["status"] = status.clone();
                (object, Some("status"))
            }
            Action::Delete => (live(), None),
        };
        let mut request = admission_request(object, old, Some(step.user.clone()));
        request["uid"] = "1299d386-525b-4032-98ae-1949f69f9cfc".into();
        request["dryRun"] = step.is_dry_run.into();
        if let Some(sub_resource) = sub_resource {
            request["subResource"] = sub_resource.into();
        }
        if matches!(step.action, Action::Delete) {
            request["operation"] = "DELETE".into();
            request["object"] = Value::Null;
        }
        request
    }

    /// The stored object with the file laid over it, without what only the last file had.
    fn merged(&self, file: &Value) -> Value {
        let mut object = self.stored.clone().unwrap_or_else(|| json!({}));
        take_away(&mut object, &self.applied, file);
        merge(&mut object, file);
        object
    }

    fn store(&mut self, action: &Action, object: Value) {
        match action {
            Action::Raw(_) => return,
            Action::Delete => {
                self.stored = None;
                return;
            }
            Action::ApplyClientSide(file) | Action::ApplyServerSide(file) => {
                self.applied = file.clone();
            }
            _ => {}
        }
        let status = match action {
            Action::Status(_) => object["status"].clone(),
            _ => self
                .stored
                .as_ref()
                .map_or(Value::Null, |stored| stored["status"].clone()),
        };
        self.put(object, status);
    }

    fn put(&mut self, mut object: Value, status: Value) {
        object["status"] = status;
        object["metadata"]["resourceVersion"] = self.resource_version.to_string().into();
        if self.stored.as_ref() != Some(&object) {
            self.resource_version += 1;
            object["metadata"]["resourceVersion"] = self.resource_version.to_string().into();
            self.stored = Some(object);
        }
    }
}

/// JSON merge patch: `null` takes away.
fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut object[name], value);
        }
    }
}

fn take_away(object: &mut Value, last: &Value, file: &Value) {
    let (Value::Object(object), Value::Object(last)) = (object, last) else {
        return;
    };
    for (name, was) in last {
        match (object.get_mut(name), file.get(name)) {
            (Some(inner), Some(is)) => take_away(inner, was, is),
            (Some(_), None) => drop(object.remove(name)),
            (None, _) => {}
        }
    }
}
