//! The review refuses whatever the checker refuses.

use super::*;

/// A guest that accepts everything, so that only what the checker finds is left.
const ACCEPTING: &str = r#"(module
    (import "wapc" "__guest_response" (func $respond (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "{\"accepted\":true}")
    (func (export "wapc_init"))
    (func (export "__guest_call") (param i32 i32) (result i32)
        (call $respond (i32.const 0) (i32.const 17))
        (i32.const 1)))"#;

const GRANT: &str = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrant\nmetadata: {name: west}\nspec: {expirationWindow: 1 month}\n";

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
fn what_the_checker_refuses_is_refused_in_whatever_form_it_comes() {
    let folder = std::env::temp_dir().join(format!("review-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let module = folder.join("module.wasm");
    fs::write(&module, wat::parse_str(ACCEPTING).unwrap()).unwrap();
    let item = GRANT.trim_end().replace('\n', "\n  ");
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {item}\n");
    let nested = list.trim_end().replace('\n', "\n  ");
    let typed = "apiVersion: skupper.io/v2alpha1\nkind: AccessGrantList\nitems:\n- metadata: {name: west}\n  spec: {expirationWindow: 1 month}\n";
    let table: [(&str, Vec<u8>, bool); 14] = [
        ("a grant", GRANT.into(), true),
        ("UTF-16", utf16(GRANT), true),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf", GRANT.as_bytes()].concat(),
            true,
        ),
        ("a list", list.clone().into(), true),
        (
            "a list in a list",
            format!("apiVersion: v1\nkind: List\nitems:\n- {nested}\n").into(),
            true,
        ),
        ("a typed list", typed.into(), true),
        (
            "the second document",
            format!("a: 1\n---\n{GRANT}").into(),
            true,
        ),
        (
            "another version",
            GRANT.replace("v2alpha1", "v9").into(),
            true,
        ),
        (
            "no apiVersion",
            GRANT
                .replace("apiVersion: skupper.io/v2alpha1\n", "")
                .into(),
            true,
        ),
        (
            "no apiVersion beside a good one",
            format!("{}---\nkind: AccessGrant\n", GRANT.replace("1 month", "1h")).into(),
            true,
        ),
        (
            "a label that is none",
            GRANT
                .replace("west", "west, labels: {a: 1}")
                .replace("1 month", "1h")
                .into(),
            true,
        ),
        (
            "what cannot be read",
            GRANT.replace("west}", "west").into(),
            true,
        ),
        ("nothing", "# nothing\n".into(), true),
        ("a good grant", GRANT.replace("1 month", "1h").into(), false),
    ];
    for (name, bytes, is_refused) in table {
        let file = folder.join("grant.yml");
        fs::write(&file, bytes).unwrap();
        let done = run(&module, None, &[file.to_str().unwrap()]);
        assert_eq!(done.is_err(), is_refused, "{name}: {done:?}");
    }
    let settings = folder.join("policy.yml");
    fs::write(&settings, "apiVersion: policies.kubewarden.io/v1\nkind: ClusterAdmissionPolicy\nspec: {settings: {accessGrant: {maxExpirationWindow: 30m}}}\n").unwrap();
    let file = folder.join("grant.yml");
    let done = run(&module, Some(&settings), &[file.to_str().unwrap()]);
    assert_eq!(
        done,
        Err("one object is refused".to_owned()),
        "settings in a policy"
    );
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_token_request_is_a_subresource_of_its_service_account() {
    let text = include_str!("../../../examples/token-request-one-year.yml");
    let document = skupper_access_manifest::answer::first_document(text).unwrap();
    let request = request(&document);
    assert_eq!(request["name"], "web");
    assert_eq!(request["subResource"], "token");
    assert_eq!(request["resource"]["resource"], "serviceaccounts");
    assert_eq!(
        request["object"]["metadata"],
        json!({ "namespace": "default" })
    );
    assert_eq!(request["object"]["spec"]["expirationSeconds"], 3607);
}
