//! The world as a running guest sees it, and what it left behind.

use wasmi::{Caller, Error, Extern, Memory, StoreLimits, StoreLimitsBuilder};

use crate::HostError;

/// The world a guest runs in. Nothing else reaches it.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The time that every clock shows, in nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_nanos: u64,
    /// Budget of an instance for its whole life. About one unit is one WebAssembly
    /// instruction; the same module and input cost the same on every machine.
    pub fuel: u64,
    /// Largest linear memory, in bytes. `memory.grow` beyond it fails, it does not trap.
    pub memory_bytes: usize,
}

impl Default for Environment {
    /// 2026-11-22T00:00:00Z, four thousand million units of fuel, 128 MiB.
    fn default() -> Self {
        Self {
            unix_nanos: 1_795_305_600_000_000_000,
            fuel: 4_000_000_000,
            memory_bytes: 128 << 20,
        }
    }
}

/// The host's side of one instance.
pub(crate) struct Guest {
    pub(crate) operation: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) response: Option<Vec<u8>>,
    pub(crate) error: Option<String>,
    pub(crate) output: Vec<u8>,
    pub(crate) log: Vec<String>,
    pub(crate) host_calls: Vec<String>,
    pub(crate) unix_nanos: u64,
    pub(crate) random: u8,
    pub(crate) limits: StoreLimits,
}

impl Guest {
    pub(crate) fn new(environment: &Environment) -> Self {
        Self {
            operation: Vec::new(),
            payload: Vec::new(),
            response: None,
            error: None,
            output: Vec::new(),
            log: Vec::new(),
            host_calls: Vec::new(),
            unix_nanos: environment.unix_nanos,
            random: 0,
            limits: StoreLimitsBuilder::new()
                .memory_size(environment.memory_bytes)
                .build(),
        }
    }
}

/// Copies `len` bytes at `address` out of the guest's memory; traps when they lie outside it.
pub(crate) fn read(caller: &Caller<'_, Guest>, address: u32, len: u32) -> Result<Vec<u8>, Error> {
    let start = address as usize;
    memory(caller)?
        .data(caller)
        .get(start..start.saturating_add(len as usize))
        .map(<[u8]>::to_vec)
        .ok_or_else(out_of_bounds)
}

/// As [`read`], for text. Bytes that are not UTF-8 become replacement characters.
pub(crate) fn read_text(
    caller: &Caller<'_, Guest>,
    address: u32,
    len: u32,
) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&read(caller, address, len)?).into_owned())
}

/// Reads a little-endian 32 bit integer.
pub(crate) fn read_u32(caller: &Caller<'_, Guest>, address: u32) -> Result<u32, Error> {
    let mut bytes = [0; 4];
    memory(caller)?
        .read(caller, address as usize, &mut bytes)
        .map_err(|_| out_of_bounds())?;
    Ok(u32::from_le_bytes(bytes))
}

/// Copies `bytes` to `address` of the guest's memory; traps when they do not fit there.
pub(crate) fn write(
    caller: &mut Caller<'_, Guest>,
    address: u32,
    bytes: &[u8],
) -> Result<(), Error> {
    memory(caller)?
        .write(caller, address as usize, bytes)
        .map_err(|_| out_of_bounds())
}

fn memory(caller: &Caller<'_, Guest>) -> Result<Memory, Error> {
    caller
        .get_export("memory")
        .and_then(Extern::into_memory)
        .ok_or_else(|| Error::new(HostError::MissingExport("memory").to_string()))
}

fn out_of_bounds() -> Error {
    Error::new("an address outside the guest's memory was given to the host")
}
