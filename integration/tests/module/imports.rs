//! The `env` functions of proxy-wasm ABI 0.2.1 that the filter calls, with Envoy's behaviour.
//!
//! Each call is recorded in the journal. Functions that the filter must not call trap with their name.

use wasmi::{Error, ExternType, Linker, Module, Val};

use crate::guest::{Answer, Host, Status, give, read, word, write};
use crate::headers::HeaderMap;
use crate::proxy::{LogLine, Metric, Proxy};

const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const PLUGIN_CONFIGURATION: u32 = 7;

/// Adds the functions, and traps for all other functions that the module imports.
pub(crate) fn link(linker: &mut Linker<Proxy>, module: &Module) -> Result<(), Error> {
    const MODULE: &str = "env";
    linker
        .func_wrap(MODULE, "proxy_log", log)?
        .func_wrap(MODULE, "proxy_get_buffer_bytes", get_buffer_bytes)?
        .func_wrap(MODULE, "proxy_get_current_time_nanoseconds", get_current_time_nanoseconds)?
        .func_wrap(MODULE, "proxy_get_property", get_property)?
        .func_wrap(MODULE, "proxy_set_property", set_property)?
        .func_wrap(MODULE, "proxy_call_foreign_function", call_foreign_function)?
        .func_wrap(MODULE, "proxy_get_header_map_value", get_header_map_value)?
        .func_wrap(MODULE, "proxy_get_header_map_pairs", get_header_map_pairs)?
        .func_wrap(MODULE, "proxy_add_header_map_value", add_header_map_value)?
        .func_wrap(MODULE, "proxy_replace_header_map_value", replace_header_map_value)?
        .func_wrap(MODULE, "proxy_remove_header_map_value", remove_header_map_value)?
        .func_wrap(MODULE, "proxy_define_metric", define_metric)?
        .func_wrap(MODULE, "proxy_increment_metric", increment_metric)?;
    for import in module.imports() {
        let ExternType::Func(function) = import.ty() else { continue };
        let name = format!("{}.{}", import.module(), import.name());
        let trap = move |_: Host<'_>, _: &[Val], _: &mut [Val]| {
            Err(Error::new(format!("the filter has no business calling {name}")))
        };
        // An error says that the function is there already: one of those above, or of WASI.
        let _ = linker.func_new(import.module(), import.name(), function.clone(), trap);
    }
    Ok(())
}

fn log(mut host: Host<'_>, level: u32, at: u32, size: u32) -> Answer {
    let text = String::from_utf8_lossy(&read(&host, at, size)?).into_owned();
    host.data_mut().note("log", text.as_bytes());
    host.data_mut().log.push(LogLine { level, text });
    Ok(Status::Ok.into())
}

fn get_buffer_bytes(
    mut host: Host<'_>,
    buffer: u32,
    start: u32,
    limit: u32,
    address_at: u32,
    size_at: u32,
) -> Answer {
    host.data_mut().note("get_buffer_bytes", buffer.to_string().as_bytes());
    if buffer != PLUGIN_CONFIGURATION {
        return Ok(Status::NotFound.into());
    }
    let bytes = host.data().plugin_configuration.iter().skip(start as usize).take(limit as usize);
    let bytes: Vec<u8> = bytes.copied().collect();
    give(&mut host, &bytes, address_at, size_at)
}

fn get_current_time_nanoseconds(mut host: Host<'_>, time_at: u32) -> Answer {
    host.data_mut().note("get_current_time_nanoseconds", b"");
    let nanoseconds = host.data().now * 1_000_000_000;
    write(&mut host, time_at, &nanoseconds.to_le_bytes())?;
    Ok(Status::Ok.into())
}

/// A path's parts come separated by zero bytes.
fn property_name(host: &Host<'_>, at: u32, size: u32) -> Result<String, Error> {
    let path = read(host, at, size)?;
    Ok(String::from_utf8_lossy(&path).replace('\0', "."))
}

fn get_property(mut host: Host<'_>, at: u32, size: u32, address_at: u32, size_at: u32) -> Answer {
    let name = property_name(&host, at, size)?;
    host.data_mut().note("get_property", name.as_bytes());
    let found = host.data_mut().stream().and_then(|stream| stream.property(&name));
    found.map_or(Ok(Status::NotFound.into()), |value| give(&mut host, &value, address_at, size_at))
}

fn set_property(mut host: Host<'_>, at: u32, size: u32, value_at: u32, value_size: u32) -> Answer {
    let name = property_name(&host, at, size)?;
    let value = read(&host, value_at, value_size)?;
    host.data_mut().note("set_property", name.as_bytes());
    let Some(stream) = host.data_mut().stream() else { return Ok(Status::NotFound.into()) };
    stream.filter_state.insert(name, value);
    Ok(Status::Ok.into())
}

/// Envoy's `clear_route_cache`: it looks for the request's route again, which the test does by what the filter state says.
fn call_foreign_function(
    mut host: Host<'_>,
    name_at: u32,
    name_size: u32,
    _arguments_at: u32,
    _arguments_size: u32,
    _results_at: u32,
    _results_size_at: u32,
) -> Answer {
    let name = read(&host, name_at, name_size)?;
    host.data_mut().note("call_foreign_function", &name);
    if name != b"clear_route_cache" {
        return Ok(Status::NotFound.into());
    }
    let Some(stream) = host.data_mut().stream() else { return Ok(Status::BadArgument.into()) };
    stream.choose_route_again();
    Ok(Status::Ok.into())
}

/// The running stream's map of this type. There is none for a response before it has begun: Envoy then answers
/// `BAD_ARGUMENT`.
fn map(proxy: &mut Proxy, kind: u32) -> Option<&mut HeaderMap> {
    let stream = proxy.stream()?;
    match kind {
        REQUEST_HEADERS => Some(&mut stream.request),
        RESPONSE_HEADERS => stream.response.as_mut(),
        _ => None,
    }
}

fn get_header_map_value(
    mut host: Host<'_>,
    kind: u32,
    at: u32,
    size: u32,
    address_at: u32,
    size_at: u32,
) -> Answer {
    let name = read(&host, at, size)?;
    host.data_mut().note("get_header_map_value", &name);
    let Some(headers) = map(host.data_mut(), kind) else { return Ok(Status::BadArgument.into()) };
    let found = headers.first(&name).map(<[u8]>::to_vec);
    found.map_or(Ok(Status::NotFound.into()), |value| give(&mut host, &value, address_at, size_at))
}

fn get_header_map_pairs(mut host: Host<'_>, kind: u32, address_at: u32, size_at: u32) -> Answer {
    host.data_mut().note("get_header_map_pairs", kind.to_string().as_bytes());
    let Some(headers) = map(host.data_mut(), kind) else { return Ok(Status::BadArgument.into()) };
    let pairs = headers.serialized()?;
    give(&mut host, &pairs, address_at, size_at)
}

/// A value that the filter writes. Envoy does not check it in a release build, and a line break in it would be another header.
fn value(host: &Host<'_>, at: u32, size: u32) -> Result<Vec<u8>, Error> {
    let value = read(host, at, size)?;
    if value.iter().any(|byte| matches!(byte, b'\0' | b'\r' | b'\n')) {
        return Err(Error::new(format!(
            "the filter wrote the header value {:?}",
            value.escape_ascii().to_string()
        )));
    }
    Ok(value)
}

fn add_header_map_value(
    mut host: Host<'_>,
    kind: u32,
    at: u32,
    size: u32,
    value_at: u32,
    value_size: u32,
) -> Answer {
    let name = read(&host, at, size)?;
    let value = value(&host, value_at, value_size)?;
    host.data_mut().note("add_header_map_value", &name);
    let Some(headers) = map(host.data_mut(), kind) else { return Ok(Status::BadArgument.into()) };
    headers.add(&name, &value);
    Ok(Status::Ok.into())
}

fn replace_header_map_value(
    mut host: Host<'_>,
    kind: u32,
    at: u32,
    size: u32,
    value_at: u32,
    value_size: u32,
) -> Answer {
    let name = read(&host, at, size)?;
    let value = value(&host, value_at, value_size)?;
    host.data_mut().note("replace_header_map_value", &name);
    let Some(headers) = map(host.data_mut(), kind) else { return Ok(Status::BadArgument.into()) };
    headers.replace(&name, &value);
    Ok(Status::Ok.into())
}

fn remove_header_map_value(mut host: Host<'_>, kind: u32, at: u32, size: u32) -> Answer {
    let name = read(&host, at, size)?;
    host.data_mut().note("remove_header_map_value", &name);
    let Some(headers) = map(host.data_mut(), kind) else { return Ok(Status::BadArgument.into()) };
    headers.remove(&name);
    Ok(Status::Ok.into())
}

fn define_metric(mut host: Host<'_>, _kind: u32, at: u32, size: u32, id_at: u32) -> Answer {
    let name = String::from_utf8_lossy(&read(&host, at, size)?).into_owned();
    host.data_mut().note("define_metric", name.as_bytes());
    let metrics = &mut host.data_mut().metrics;
    let id = metrics.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
        metrics.push(Metric { name, value: 0 });
        metrics.len() - 1
    });
    write(&mut host, id_at, &word(id)?.to_le_bytes())?;
    Ok(Status::Ok.into())
}

fn increment_metric(mut host: Host<'_>, id: u32, offset: u64) -> u32 {
    let Some(metric) = host.data_mut().metrics.get_mut(id as usize) else {
        return Status::NotFound.into();
    };
    metric.value = metric.value.wrapping_add(offset);
    let name = metric.name.clone();
    host.data_mut().note("increment_metric", name.as_bytes());
    Status::Ok.into()
}
