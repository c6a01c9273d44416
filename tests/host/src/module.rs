//! A compiled policy.

use wasmi::errors::{ErrorKind, LinkerError};
use wasmi::{CompilationMode, Config, Engine, Linker};

use crate::guest::{Environment, Guest};
use crate::{HostError, Instance, wapc, wasi};

/// A policy compiled once, from which every request gets a fresh [`Instance`].
pub struct Module {
    compiled: wasmi::Module,
    linker: Linker<Guest>,
    size: usize,
}

/// A named part of the file that is no code, such as `io.kubewarden.metadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomSection<'module> {
    /// Its name; several sections may share one.
    pub name: &'module str,
    /// Its content.
    pub data: &'module [u8],
}

impl Module {
    /// Compiles the module and checks that everything it imports exists and that it is a waPC
    /// guest.
    ///
    /// # Errors
    ///
    /// [`HostError::Unreadable`], [`HostError::UnknownImport`] with the import's name, or
    /// [`HostError::MissingExport`].
    pub fn load(wasm: &[u8]) -> Result<Self, HostError> {
        let engine = Engine::new(&config());
        let compiled = wasmi::Module::new(&engine, wasm).map_err(unreadable)?;
        let mut linker = Linker::new(&engine);
        wapc::add_to(&mut linker).map_err(unreadable)?;
        wasi::add_to(&mut linker).map_err(unreadable)?;
        let loaded = Self {
            compiled,
            linker,
            size: wasm.len(),
        };
        Instance::link(&loaded, &Environment::default())?;
        Ok(loaded)
    }

    /// A fresh instance in the default [`Environment`].
    ///
    /// # Errors
    ///
    /// As [`Module::instantiate_in`].
    pub fn instantiate(&self) -> Result<Instance, HostError> {
        self.instantiate_in(&Environment::default())
    }

    /// A fresh instance, started, ready for a call.
    ///
    /// # Errors
    ///
    /// [`HostError::Trap`] or [`HostError::OutOfFuel`] when its start fails.
    pub fn instantiate_in(&self, environment: &Environment) -> Result<Instance, HostError> {
        Instance::start(self, environment)
    }

    /// Size of the module's file, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Every import in the order of the file, as `module::name`.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.compiled
            .imports()
            .map(|import| format!("{}::{}", import.module(), import.name()))
            .collect()
    }

    /// The custom sections in the order of the file.
    pub fn custom_sections(&self) -> impl Iterator<Item = CustomSection<'_>> {
        self.compiled
            .custom_sections()
            .map(|section| CustomSection {
                name: section.name(),
                data: section.data(),
            })
    }

    pub(crate) fn compiled(&self) -> &wasmi::Module {
        &self.compiled
    }

    pub(crate) fn linker(&self) -> &Linker<Guest> {
        &self.linker
    }
}

/// Says of an error while linking which import is to blame.
pub(crate) fn link_error(error: wasmi::Error) -> HostError {
    match error.kind() {
        ErrorKind::Linker(LinkerError::MissingDefinition { name, .. }) => {
            HostError::UnknownImport {
                module: name.module().to_owned(),
                name: name.name().to_owned(),
            }
        }
        ErrorKind::Linker(_) | ErrorKind::Instantiation(_) => unreadable(error),
        _ => error.into(),
    }
}

fn config() -> Config {
    let mut config = Config::default();
    config
        .consume_fuel(true)
        // A lazily compiled function would charge its compilation to the first call.
        .compilation_mode(CompilationMode::Eager)
        .set_max_recursion_depth(MAX_RECURSION)
        .set_max_stack_height(MAX_STACK);
    config
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that map_err asks for"
)]
fn unreadable(error: wasmi::Error) -> HostError {
    HostError::Unreadable(error.to_string())
}

/// Deepest nesting of WebAssembly calls; beyond it the guest traps.
const MAX_RECURSION: usize = 10_000;

/// Largest stack of the interpreter in bytes, as much as policy-server's engine allows.
/// Source: wasmtime's `Config::max_wasm_stack`.
const MAX_STACK: usize = 512 << 10;
