//! The host against guests of a few instructions each.

#![expect(
    clippy::unwrap_used,
    reason = "these functions are used by tests alone"
)]

use policy_host::{Environment, HostError, Module};

/// A guest whose `__guest_call` has `body`. Its request lies at 0 (operation) and 64 (payload).
fn guest(imports: &str, body: &str) -> Vec<u8> {
    let text = format!(
        r#"(module
            (import "wapc" "__guest_request" (func $request (param i32 i32)))
            (import "wapc" "__guest_response" (func $response (param i32 i32)))
            (import "wapc" "__guest_error" (func $error (param i32 i32)))
            {imports}
            (memory (export "memory") 1)
            (data (i32.const 1024) "out of ink")
            (func $deeper (param i32) (result i32)
                local.get 0 i32.const 1 i32.add call $deeper)
            (func (export "__guest_call") (param $operation i32) (param $payload i32) (result i32)
                {body}))"#
    );
    wat::parse_str(text).unwrap()
}

fn call(wasm: &[u8], payload: &[u8]) -> Result<Vec<u8>, HostError> {
    let environment = Environment {
        fuel: 1_000_000,
        ..Environment::default()
    };
    let mut instance = Module::load(wasm)?.instantiate_in(&environment)?;
    instance
        .call("validate", payload)
        .map(|answer| answer.bytes)
}

const ECHO: &str = "i32.const 0 i32.const 64 call $request
    i32.const 64 local.get $payload call $response i32.const 1";

#[test]
fn a_guest_gets_its_payload_and_its_response_comes_back() {
    let wasm = guest("", ECHO);
    assert_eq!(call(&wasm, b"{}").unwrap(), b"{}");
    assert_eq!(call(&wasm, b"").unwrap(), b"");
}

/// A name, the body of a guest, and whether the error is the expected one.
type Row = (&'static str, &'static str, fn(&HostError) -> bool);

#[test]
fn what_a_guest_does_wrong_is_told_apart() {
    let rows: &[Row] = &[
        ("unreachable code", "unreachable", |error| {
            matches!(error, HostError::Trap(_))
        }),
        (
            "recursion without end",
            "i32.const 0 call $deeper",
            |error| matches!(error, HostError::Trap(_)),
        ),
        (
            "a loop without end",
            "(loop $again br $again) unreachable",
            |error| matches!(error, HostError::OutOfFuel),
        ),
        (
            "a response outside its memory",
            "i32.const 65530 i32.const 100 call $response i32.const 1",
            |error| matches!(error, HostError::Trap(_)),
        ),
        (
            "a request outside its memory",
            "i32.const 65530 i32.const 65530 call $request i32.const 1",
            |error| matches!(error, HostError::Trap(_)),
        ),
        ("neither response nor error", "i32.const 1", |error| {
            matches!(error, HostError::NoAnswer)
        }),
        (
            "a response that is then called a failure",
            "i32.const 0 i32.const 0 call $response i32.const 0",
            |error| matches!(error, HostError::NoAnswer),
        ),
        (
            "an error of its own",
            "i32.const 1024 i32.const 10 call $error i32.const 0",
            |error| *error == HostError::Guest("out of ink".to_owned()),
        ),
    ];
    for (name, body, expected) in rows {
        let error = call(&guest("", body), b"{}").unwrap_err();
        assert!(expected(&error), "{name}: {error}");
    }
}

#[test]
fn an_import_nobody_offers_fails_at_load_with_its_name() {
    let rows = [
        ("wasi_snapshot_preview1", "path_open"),
        ("__wbindgen_placeholder__", "__wbindgen_describe"),
        ("wapc", "__guest_request2"),
    ];
    for (module, name) in rows {
        let import = format!(r#"(import "{module}" "{name}" (func))"#);
        let error = Module::load(&guest(&import, ECHO)).err();
        assert_eq!(
            error,
            Some(HostError::UnknownImport {
                module: module.to_owned(),
                name: name.to_owned()
            })
        );
    }
}

#[test]
fn an_import_of_another_type_fails_at_load() {
    let import = r#"(import "wapc" "__host_call" (func (param i64)))"#;
    let error = Module::load(&guest(import, ECHO)).err();
    assert!(matches!(error, Some(HostError::Unreadable(_))), "{error:?}");
}

#[test]
fn what_is_no_wapc_guest_fails_at_load() {
    let rows = [
        ("no memory", "(module)", HostError::MissingExport("memory")),
        (
            "no entry",
            r#"(module (memory (export "memory") 1))"#,
            HostError::MissingExport("__guest_call"),
        ),
    ];
    for (name, text, expected) in rows {
        let error = Module::load(&wat::parse_str(text).unwrap()).err();
        assert_eq!(error, Some(expected), "{name}");
    }
    let error = Module::load(b"no module").err();
    assert!(matches!(error, Some(HostError::Unreadable(_))), "{error:?}");
}

#[test]
fn time_randomness_and_output_are_the_callers() {
    let imports = r#"
        (import "wasi_snapshot_preview1" "clock_time_get"
            (func $clock (param i32 i64 i32) (result i32)))
        (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write"
            (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wapc" "__console_log" (func $log (param i32 i32)))
        (import "wapc" "__host_call"
            (func $host (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
    let body = "
        i32.const 0 i64.const 1 i32.const 8 call $clock drop
        i32.const 16 i32.const 4 call $random drop
        i32.const 32 i32.const 1024 i32.store
        i32.const 36 i32.const 10 i32.store
        i32.const 2 i32.const 32 i32.const 1 i32.const 40 call $write drop
        i32.const 1024 i32.const 3 call $log
        i32.const 1024 i32.const 3 i32.const 1028 i32.const 2 i32.const 1031 i32.const 3
        i32.const 0 i32.const 0 call $host drop
        i32.const 8 i32.const 12 call $response i32.const 1";
    let module = Module::load(&guest(imports, body)).unwrap();
    let environment = Environment {
        unix_nanos: 0x0102_0304_0506_0708,
        ..Environment::default()
    };
    let mut instance = module.instantiate_in(&environment).unwrap();
    let answer = instance.call("validate", b"").unwrap();
    assert_eq!(answer.bytes, [8, 7, 6, 5, 4, 3, 2, 1, 0, 1, 2, 3]);
    assert_eq!(instance.output(), b"out of ink");
    assert_eq!(instance.log(), ["out"]);
    assert_eq!(instance.host_calls(), ["out/of/ink"]);
}

#[test]
fn memory_grows_to_its_limit_and_is_reported() {
    let body = "i32.const 3 memory.grow drop i32.const 100 memory.grow drop
        i32.const 0 i32.const 0 call $response i32.const 1";
    let module = Module::load(&guest("", body)).unwrap();
    let environment = Environment {
        memory_bytes: 8 << 16,
        ..Environment::default()
    };
    let mut instance = module.instantiate_in(&environment).unwrap();
    let answer = instance.call("validate", b"").unwrap();
    assert_eq!(answer.memory_bytes, 4 << 16);
}

#[test]
fn the_same_call_costs_the_same_fuel() {
    let module = Module::load(&guest("", ECHO)).unwrap();
    let cost = |payload: &[u8]| {
        let mut instance = module.instantiate().unwrap();
        instance.call("validate", payload).unwrap().fuel_used
    };
    assert!(cost(b"{}") > 0);
    assert_eq!(cost(b"{}"), cost(b"{}"));
}

#[test]
fn imports_sections_and_size_are_those_of_the_file() {
    let wasm = guest(r#"(@custom "io.kubewarden.metadata" "{}")"#, ECHO);
    let module = Module::load(&wasm).unwrap();
    assert_eq!(
        module.imports(),
        [
            "wapc::__guest_request",
            "wapc::__guest_response",
            "wapc::__guest_error"
        ]
    );
    let section = module.custom_sections().next().unwrap();
    assert_eq!(
        (section.name, section.data),
        ("io.kubewarden.metadata", b"{}".as_slice())
    );
    assert_eq!(module.size(), wasm.len());
}
