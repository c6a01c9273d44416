//! The functions of the module `wapc`: how a guest gets its request and gives its answer.
//!
//! Host calls (`__host_call`) are recorded and refused: a policy that needs none must not depend
//! on one.

use wasmi::{Caller, Error, Linker};

use crate::guest::{Guest, read, read_text, write};

/// Adds every function of waPC to `linker`.
pub(crate) fn add_to(linker: &mut Linker<Guest>) -> Result<(), Error> {
    linker
        .func_wrap(WAPC, "__guest_request", guest_request)?
        .func_wrap(WAPC, "__guest_response", guest_response)?
        .func_wrap(WAPC, "__guest_error", guest_error)?
        .func_wrap(WAPC, "__console_log", console_log)?
        .func_wrap(WAPC, "__host_call", host_call)?
        .func_wrap(WAPC, "__host_response_len", || 0_u32)?
        .func_wrap(WAPC, "__host_response", |_: u32| {})?
        .func_wrap(WAPC, "__host_error_len", || 0_u32)?
        .func_wrap(WAPC, "__host_error", |_: u32| {})?;
    Ok(())
}

fn guest_request(
    mut caller: Caller<'_, Guest>,
    operation_at: u32,
    payload_at: u32,
) -> Result<(), Error> {
    let operation = std::mem::take(&mut caller.data_mut().operation);
    let payload = std::mem::take(&mut caller.data_mut().payload);
    write(&mut caller, operation_at, &operation)?;
    write(&mut caller, payload_at, &payload)
}

fn guest_response(mut caller: Caller<'_, Guest>, at: u32, len: u32) -> Result<(), Error> {
    caller.data_mut().response = Some(read(&caller, at, len)?);
    Ok(())
}

fn guest_error(mut caller: Caller<'_, Guest>, at: u32, len: u32) -> Result<(), Error> {
    caller.data_mut().error = Some(read_text(&caller, at, len)?);
    Ok(())
}

fn console_log(mut caller: Caller<'_, Guest>, at: u32, len: u32) -> Result<(), Error> {
    let line = read_text(&caller, at, len)?;
    caller.data_mut().log.push(line);
    Ok(())
}

#[expect(
    clippy::too_many_arguments,
    reason = "the signature is waPC's: four pairs of address and length"
)]
fn host_call(
    mut caller: Caller<'_, Guest>,
    binding_at: u32,
    binding_len: u32,
    namespace_at: u32,
    namespace_len: u32,
    operation_at: u32,
    operation_len: u32,
    _payload_at: u32,
    _payload_len: u32,
) -> Result<u32, Error> {
    let call = [
        read_text(&caller, binding_at, binding_len)?,
        read_text(&caller, namespace_at, namespace_len)?,
        read_text(&caller, operation_at, operation_len)?,
    ];
    caller.data_mut().host_calls.push(call.join("/"));
    Ok(FAILURE)
}

const WAPC: &str = "wapc";

/// The value that `__host_call` returns for a call that failed; its error text is empty.
const FAILURE: u32 = 0;
