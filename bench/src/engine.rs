//! policy-server's way to run a guest: compiled and linked once, then a new instance, a new store
//! and a new waPC host for every request.
//!
//! Source: Kubewarden's `policy-evaluator`, `runtimes/wapc/stack_pre.rs` and `stack.rs`.

use std::error::Error;
use std::time::{Duration, Instant};

use wapc::WapcHost;
use wasmtime_provider::wasmtime::{Config, Engine, Module};
use wasmtime_provider::{EpochDeadlines, WasmtimeEngineProviderBuilder, WasmtimeEngineProviderPre};

/// A guest ready to be brought to life for each request.
pub(crate) struct Guest {
    stack: WasmtimeEngineProviderPre,
    /// How long the module took to compile.
    pub(crate) compile: Duration,
}

impl Guest {
    pub(crate) fn compile(wasm: &[u8]) -> Result<Self, Box<dyn Error>> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        let engine = Engine::new(&config)?;
        let start = Instant::now();
        let module = Module::new(&engine, wasm)?;
        let compile = start.elapsed();
        let stack = WasmtimeEngineProviderBuilder::new()
            .engine(engine)
            .module(module)
            .build_pre()?;
        Ok(Self { stack, compile })
    }

    /// Answers one request in an instance of its own. The time is that of the instance's whole
    /// life, its end included.
    pub(crate) fn call(
        &self,
        operation: &str,
        payload: &[u8],
    ) -> Result<(Vec<u8>, Duration), Box<dyn Error>> {
        let start = Instant::now();
        let engine = self.stack.rehydrate(Some(DEADLINES))?;
        let host = WapcHost::new(Box::new(engine), Some(Box::new(refuse_host_call)))?;
        let answer = host.call(operation, payload)?;
        drop(host);
        Ok((answer, start.elapsed()))
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
