//! The built policy, run as policy-server runs it: compiled once, a new instance for each request.
//!
//! Source: Kubewarden's `policy-evaluator`, `runtimes/wapc/stack_pre.rs` and `stack.rs`.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use wapc::WapcHost;
use wasmtime_provider::wasmtime::{Config, Engine, Module};
use wasmtime_provider::{EpochDeadlines, WasmtimeEngineProviderBuilder, WasmtimeEngineProviderPre};

use crate::Problem;
use crate::binaries::repository;

/// A policy that answers requests.
pub struct Guest {
    stack: WasmtimeEngineProviderPre,
}

impl Guest {
    /// Compiles a module.
    ///
    /// # Errors
    /// The file cannot be read, or is no module of a Kubewarden policy.
    pub fn compile(file: &Path) -> Result<Self, Problem> {
        let wasm = fs::read(file).map_err(|error| {
            format!(
                "cannot read {}: {error}: run 'make annotated-policy.wasm'",
                file.display()
            )
        })?;
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, wasm)?;
        let stack = WasmtimeEngineProviderBuilder::new()
            .engine(engine)
            .module(module)
            .build_pre()?;
        Ok(Self { stack })
    }

    /// The policy that ships, compiled once for all tests of a file.
    ///
    /// # Errors
    /// As [`Guest::compile`].
    pub fn shipped() -> Result<Arc<Self>, Problem> {
        static SHIPPED: LazyLock<Result<Arc<Guest>, String>> = LazyLock::new(|| {
            Guest::compile(&repository().join("annotated-policy.wasm"))
                .map(Arc::new)
                .map_err(|problem| problem.to_string())
        });
        Ok(SHIPPED.clone()?)
    }

    /// Answers one call in an instance of its own.
    ///
    /// # Errors
    /// The guest trapped or answered with an error.
    pub fn call(&self, operation: &str, payload: &[u8]) -> Result<Vec<u8>, Problem> {
        let engine = self.stack.rehydrate(Some(DEADLINES))?;
        let host = WapcHost::new(Box::new(engine), Some(Box::new(refuse_host_call)))?;
        Ok(host.call(operation, payload)?)
    }
}

fn refuse_host_call(
    _id: u64,
    _binding: &str,
    _namespace: &str,
    _operation: &str,
    _payload: &[u8],
) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    Err("this host answers no host calls".into())
}

/// Never reached: nothing counts the epochs. They are here because policy-server sets them.
const DEADLINES: EpochDeadlines = EpochDeadlines {
    wapc_init: 2,
    wapc_func: 2,
};
