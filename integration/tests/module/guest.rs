//! Reads and writes the module's memory.

use wasmi::{Caller, Error};

use crate::proxy::{Guest, Proxy};

/// An imported function's view of the module and of the proxy.
pub(crate) type Host<'a> = Caller<'a, Proxy>;

/// What a proxy-wasm host call answers (ABI 0.2.1, `proxy_status_t`).
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
}

/// The result of an imported function: a status, or a trap.
pub(crate) type Answer = Result<u32, Error>;

impl From<Status> for u32 {
    fn from(status: Status) -> Self {
        status as Self
    }
}

/// A size or an address of the 32-bit module.
pub(crate) fn word(number: usize) -> Result<u32, Error> {
    u32::try_from(number).map_err(|_| Error::new("more than 32 bits"))
}

fn guest(host: &Host<'_>) -> Result<Guest, Error> {
    host.data().guest.ok_or_else(|| Error::new("a host call before the instance is ready"))
}

/// The bytes at an address.
pub(crate) fn read(host: &Host<'_>, at: u32, size: u32) -> Result<Vec<u8>, Error> {
    let mut bytes = vec![0; size as usize];
    guest(host)?.memory.read(host, at as usize, &mut bytes).map_err(|_| out_of_bounds(at, size))?;
    Ok(bytes)
}

/// The 32-bit number at an address.
pub(crate) fn read_word(host: &Host<'_>, at: u32) -> Result<u32, Error> {
    let bytes = read(host, at, 4)?;
    bytes.try_into().map(u32::from_le_bytes).map_err(|_| out_of_bounds(at, 4))
}

/// Writes bytes at an address.
pub(crate) fn write(host: &mut Host<'_>, at: u32, bytes: &[u8]) -> Result<(), Error> {
    let size = word(bytes.len())?;
    guest(host)?.memory.write(host, at as usize, bytes).map_err(|_| out_of_bounds(at, size))
}

/// Gives the module a copy of these bytes: it allocates, and learns address and size at the two given places. As in Envoy,
/// nothing is allocated for an empty value and its address is null.
pub(crate) fn give(host: &mut Host<'_>, bytes: &[u8], address_at: u32, size_at: u32) -> Answer {
    let size = word(bytes.len())?;
    let address = if size == 0 {
        0
    } else {
        host.data_mut().note_data();
        guest(host)?.allocate.call(&mut *host, size)?
    };
    write(host, address, bytes)?;
    write(host, address_at, &address.to_le_bytes())?;
    write(host, size_at, &size.to_le_bytes())?;
    Ok(Status::Ok.into())
}

fn out_of_bounds(at: u32, size: u32) -> Error {
    Error::new(format!("{size} bytes at {at:#x} are outside the module's memory"))
}
