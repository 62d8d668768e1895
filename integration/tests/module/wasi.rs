//! The `wasi_snapshot_preview1` functions that Envoy gives a module: environment, clock, random numbers, standard output.

use wasmi::{Error, Linker};

use crate::guest::{Answer, Host, read, read_word, word, write};
use crate::proxy::{LogLine, Proxy};

const SUCCESS: u32 = 0;
const BAD_DESCRIPTOR: u32 = 8;
const INVALID: u32 = 28;
const NOT_SUPPORTED: u32 = 58;

/// Envoy refuses to give more random bytes at once.
const RANDOM_LIMIT: u32 = 64 * 1024;

/// Adds the functions.
pub(crate) fn link(linker: &mut Linker<Proxy>) -> Result<(), Error> {
    const MODULE: &str = "wasi_snapshot_preview1";
    linker
        .func_wrap(MODULE, "environ_sizes_get", environ_sizes_get)?
        .func_wrap(MODULE, "environ_get", environ_get)?
        .func_wrap(MODULE, "args_sizes_get", args_sizes_get)?
        .func_wrap(MODULE, "args_get", |_: Host<'_>, _: u32, _: u32| SUCCESS)?
        .func_wrap(MODULE, "clock_time_get", clock_time_get)?
        .func_wrap(MODULE, "random_get", random_get)?
        .func_wrap(MODULE, "fd_write", fd_write)?
        .func_wrap(MODULE, "sched_yield", |_: Host<'_>| SUCCESS)?
        .func_wrap(MODULE, "proc_exit", proc_exit)?;
    Ok(())
}

/// The variables as the guest's C library wants them: `NAME=value`, zero-ended.
fn variables(proxy: &Proxy) -> Vec<Vec<u8>> {
    proxy.environment.iter().map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}

fn environ_sizes_get(mut host: Host<'_>, count_at: u32, size_at: u32) -> Answer {
    let variables = variables(host.data());
    let size: usize = variables.iter().map(Vec::len).sum();
    write(&mut host, count_at, &word(variables.len())?.to_le_bytes())?;
    write(&mut host, size_at, &word(size)?.to_le_bytes())?;
    Ok(SUCCESS)
}

fn environ_get(mut host: Host<'_>, mut pointer_at: u32, mut text_at: u32) -> Answer {
    for variable in variables(host.data()) {
        write(&mut host, pointer_at, &text_at.to_le_bytes())?;
        write(&mut host, text_at, &variable)?;
        pointer_at += 4;
        text_at += word(variable.len())?;
    }
    Ok(SUCCESS)
}

fn args_sizes_get(mut host: Host<'_>, count_at: u32, size_at: u32) -> Answer {
    write(&mut host, count_at, &[0; 4])?;
    write(&mut host, size_at, &[0; 4])?;
    Ok(SUCCESS)
}

/// Clocks: 0 the wall clock, 1 the monotonic one.
fn clock_time_get(mut host: Host<'_>, clock: u32, _precision: u64, time_at: u32) -> Answer {
    if clock > 1 {
        return Ok(NOT_SUPPORTED);
    }
    host.data_mut().note("clock_time_get", b"");
    let nanoseconds = host.data().now * 1_000_000_000;
    write(&mut host, time_at, &nanoseconds.to_le_bytes())?;
    Ok(SUCCESS)
}

fn random_get(mut host: Host<'_>, at: u32, size: u32) -> Answer {
    if size > RANDOM_LIMIT {
        return Ok(INVALID);
    }
    host.data_mut().note("random_get", b"");
    let mut bytes = Vec::new();
    while bytes.len() < size as usize {
        bytes.extend(host.data_mut().next_random().to_le_bytes());
    }
    bytes.truncate(size as usize);
    write(&mut host, at, &bytes)?;
    Ok(SUCCESS)
}

/// Standard output and error end up in Envoy's log.
fn fd_write(mut host: Host<'_>, descriptor: u32, vectors_at: u32, vectors: u32, written_at: u32) -> Answer {
    let level = match descriptor {
        1 => 2,
        2 => 4,
        _ => return Ok(BAD_DESCRIPTOR),
    };
    let mut text = Vec::new();
    for vector in 0..vectors {
        let address = read_word(&host, vectors_at + 8 * vector)?;
        let size = read_word(&host, vectors_at + 8 * vector + 4)?;
        text.extend(read(&host, address, size)?);
    }
    let line = LogLine { level, text: String::from_utf8_lossy(&text).into_owned() };
    host.data_mut().note("fd_write", line.text.as_bytes());
    host.data_mut().log.push(line);
    write(&mut host, written_at, &word(text.len())?.to_le_bytes())?;
    Ok(SUCCESS)
}

fn proc_exit(_: Host<'_>, code: u32) -> Result<(), Error> {
    Err(Error::new(format!("the module ended itself with code {code}")))
}
