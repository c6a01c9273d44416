//! One running guest.

use wasmi::{Memory, Store, TypedFunc};

use crate::guest::{Environment, Guest};
use crate::module::link_error;
use crate::{HostError, Module};

/// A started guest. Hosts make one for every request; a second call to the same instance finds
/// what the first one left in its memory.
pub struct Instance {
    store: Store<Guest>,
    linked: wasmi::Instance,
    memory: Memory,
    guest_call: TypedFunc<(u32, u32), u32>,
    fuel: u64,
}

/// Answer of a guest, and its cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The response, as the guest wrote it.
    pub bytes: Vec<u8>,
    /// Fuel spent since the instance was made, its start included.
    pub fuel_used: u64,
    /// Size of the guest's linear memory after the call, in bytes. Memory never shrinks: this is
    /// the peak.
    pub memory_bytes: usize,
}

impl Instance {
    /// Asks the guest to carry out `operation` (`validate`, `validate_settings`,
    /// `protocol_version`) with `payload`.
    ///
    /// # Errors
    ///
    /// [`HostError::Trap`], [`HostError::OutOfFuel`], [`HostError::Guest`] or
    /// [`HostError::NoAnswer`]. [`Instance::output`] and [`Instance::log`] stay readable.
    pub fn call(&mut self, operation: &str, payload: &[u8]) -> Result<Answer, HostError> {
        let guest = self.store.data_mut();
        guest.operation = operation.as_bytes().to_vec();
        guest.payload = payload.to_vec();
        guest.response = None;
        guest.error = None;

        let lengths = (length(operation.as_bytes())?, length(payload)?);
        let returned = self.guest_call.call(&mut self.store, lengths)?;

        let fuel_used = self.fuel_used();
        let memory_bytes = self.memory.data_size(&self.store);
        let guest = self.store.data_mut();
        if let Some(error) = guest.error.take() {
            return Err(HostError::Guest(error));
        }
        match guest.response.take() {
            Some(bytes) if returned != 0 => Ok(Answer {
                bytes,
                fuel_used,
                memory_bytes,
            }),
            _ => Err(HostError::NoAnswer),
        }
    }

    /// Everything the guest wrote to standard output and standard error since its start.
    #[must_use]
    pub fn output(&self) -> &[u8] {
        &self.store.data().output
    }

    /// Every line the guest gave to the host's log since its start.
    #[must_use]
    pub fn log(&self) -> &[String] {
        &self.store.data().log
    }

    /// Every call to the host that the guest tried, as `binding/namespace/operation`. All of them
    /// were refused.
    #[must_use]
    pub fn host_calls(&self) -> &[String] {
        &self.store.data().host_calls
    }

    /// Fuel spent since the instance was made, also when a call failed.
    #[must_use]
    pub fn fuel_used(&self) -> u64 {
        self.fuel
            .saturating_sub(self.store.get_fuel().unwrap_or_default())
    }

    /// Links a module and runs nothing but its WebAssembly `start` function, if it has one.
    pub(crate) fn link(module: &Module, environment: &Environment) -> Result<Self, HostError> {
        let engine = module.compiled().engine();
        let mut store = Store::new(engine, Guest::new(environment));
        store.limiter(|guest| &mut guest.limits);
        store.set_fuel(environment.fuel)?;
        let linked = module
            .linker()
            .instantiate_and_start(&mut store, module.compiled())
            .map_err(link_error)?;
        let memory = linked
            .get_memory(&store, "memory")
            .ok_or(HostError::MissingExport("memory"))?;
        let guest_call = linked
            .get_typed_func(&store, "__guest_call")
            .map_err(|_| HostError::MissingExport("__guest_call"))?;
        Ok(Self {
            store,
            linked,
            memory,
            guest_call,
            fuel: environment.fuel,
        })
    }

    /// Links a module and calls its start functions, in the order waPC hosts do.
    pub(crate) fn start(module: &Module, environment: &Environment) -> Result<Self, HostError> {
        let mut started = Self::link(module, environment)?;
        for name in STARTS {
            if let Ok(start) = started
                .linked
                .get_typed_func::<(), ()>(&started.store, name)
            {
                start.call(&mut started.store, ())?;
            }
        }
        Ok(started)
    }
}

fn length(bytes: &[u8]) -> Result<u32, HostError> {
    u32::try_from(bytes.len()).map_err(|_| HostError::Trap("a payload of 4 GiB or more".to_owned()))
}

/// The function that a host calls before the first request, where the guest exports it.
/// Source: the `wapc` crate, `wapc_functions::REQUIRED_STARTS`.
const STARTS: [&str; 2] = ["_start", "wapc_init"];
