//! The functions of WASI preview 1 that a policy may use. It gets no files, no environment, one
//! fixed time and a repeatable sequence in place of randomness.
//!
//! The list is short on purpose: a new import of the guest is a new door and fails at load.

use wasmi::{Caller, Error, Linker};

use crate::guest::{Guest, read, read_u32, write};

/// Adds every function to `linker`.
pub(crate) fn add_to(linker: &mut Linker<Guest>) -> Result<(), Error> {
    linker
        .func_wrap(WASI, "clock_time_get", clock_time_get)?
        .func_wrap(WASI, "random_get", random_get)?
        .func_wrap(WASI, "fd_write", fd_write)?
        .func_wrap(WASI, "environ_get", environ_get)?
        .func_wrap(WASI, "environ_sizes_get", environ_sizes_get)?
        .func_wrap(WASI, "sched_yield", || SUCCESS)?
        .func_wrap(WASI, "proc_exit", proc_exit)?;
    Ok(())
}

fn clock_time_get(
    mut caller: Caller<'_, Guest>,
    _clock: u32,
    _precision: u64,
    time_at: u32,
) -> Result<u32, Error> {
    let now = caller.data().unix_nanos.to_le_bytes();
    write(&mut caller, time_at, &now)?;
    Ok(SUCCESS)
}

fn random_get(mut caller: Caller<'_, Guest>, at: u32, len: u32) -> Result<u32, Error> {
    // Reading first bounds `len` by the guest's memory.
    let mut bytes = read(&caller, at, len)?;
    let next = &mut caller.data_mut().random;
    for byte in &mut bytes {
        *byte = *next;
        *next = next.wrapping_add(1);
    }
    write(&mut caller, at, &bytes)?;
    Ok(SUCCESS)
}

/// Standard output and standard error go to one buffer; other files do not exist.
fn fd_write(
    mut caller: Caller<'_, Guest>,
    fd: u32,
    buffers_at: u32,
    buffers: u32,
    written_at: u32,
) -> Result<u32, Error> {
    if !matches!(fd, STDOUT | STDERR) {
        return Ok(BAD_FILE);
    }
    let mut written: u32 = 0;
    for index in 0..buffers {
        let entry = buffers_at.saturating_add(index.saturating_mul(8));
        let at = read_u32(&caller, entry)?;
        let len = read_u32(&caller, entry.saturating_add(4))?;
        let bytes = read(&caller, at, len)?;
        caller.data_mut().output.extend_from_slice(&bytes);
        written = written.saturating_add(len);
    }
    write(&mut caller, written_at, &written.to_le_bytes())?;
    Ok(SUCCESS)
}

fn environ_get(_: Caller<'_, Guest>, _variables_at: u32, _text_at: u32) -> u32 {
    SUCCESS
}

fn environ_sizes_get(
    mut caller: Caller<'_, Guest>,
    count_at: u32,
    text_len_at: u32,
) -> Result<u32, Error> {
    write(&mut caller, count_at, &0_u32.to_le_bytes())?;
    write(&mut caller, text_len_at, &0_u32.to_le_bytes())?;
    Ok(SUCCESS)
}

fn proc_exit(_: Caller<'_, Guest>, status: u32) -> Result<(), Error> {
    Err(Error::new(format!("the guest exited with status {status}")))
}

const WASI: &str = "wasi_snapshot_preview1";

/// `errno` values. Source: WASI preview 1, `$errno`.
const SUCCESS: u32 = 0;
const BAD_FILE: u32 = 8;

const STDOUT: u32 = 1;
const STDERR: u32 = 2;
