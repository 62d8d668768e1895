//! The command line: files, streams and exit status. The golden cases show the diagnostics.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use envoy_config::cli::{Exit, Streams, run};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart");
/// The backends of the example run on the machine that Envoy runs on.
const MAPPINGS: [&str; 5] =
    ["--map-port", "eg/http=8888", "--map-port", "eg-header/http=8889", "--allow-loopback-endpoints"];

struct Ended {
    exit: Exit,
    output: String,
    errors: String,
}

fn call(arguments: &[&str], input: &[u8]) -> Ended {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let streams = Streams { input: &mut &*input, output: &mut output, errors: &mut errors, colour: false };
    let arguments = ["envoy-config"].into_iter().chain(arguments.iter().copied()).map(OsString::from);
    let exit = run(arguments, streams);
    Ended { exit, output: String::from_utf8(output).unwrap(), errors: String::from_utf8(errors).unwrap() }
}

/// Renders the example with these arguments.
fn example(arguments: &[&str]) -> Ended {
    call(&[&["render", "-f", EXAMPLE], &MAPPINGS[..], arguments].concat(), b"")
}

/// The files of the example.
fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(EXAMPLE).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_example_renders_to_standard_output() {
    let ended = example(&[]);
    assert_eq!((ended.exit, ended.errors.as_str()), (Exit::Fine, ""));
    assert!(ended.output.contains("port_value: 8888"));
    assert!(ended.output.contains("port_value: 8889"));
    assert_eq!(ended.output, example(&[]).output);
}

#[test]
fn without_endpoint_slices_the_example_uses_dns() {
    let mut files = files();
    files.retain(|file| !file.ends_with("endpoints.yaml"));
    let arguments = files.iter().flat_map(|file| ["-f", text(file)]).chain(MAPPINGS);
    let ended = call(&["render"].into_iter().chain(arguments).collect::<Vec<_>>(), b"");
    assert_eq!(ended.exit, Exit::Fine, "{}", ended.errors);
    assert!(ended.output.contains("address: backend.default.svc.cluster.local"));
}

#[test]
fn the_output_file_has_the_text_of_standard_output() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("envoy.yaml");
    fs::write(&path, "old").unwrap();
    let ended = example(&["-o", text(&path)]);
    assert_eq!((ended.exit, ended.output.as_str(), ended.errors.as_str()), (Exit::Fine, "", ""));
    assert_eq!(fs::read_to_string(&path).unwrap(), example(&[]).output);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left behind");
}

#[test]
fn a_dash_as_output_file_is_standard_output() {
    let ended = example(&["-o", "-"]);
    assert_eq!((ended.exit, ended.errors.as_str()), (Exit::Fine, ""));
    assert_eq!(ended.output, example(&[]).output);
    assert!(!Path::new("-").exists(), "no file has this name");
}

#[cfg(unix)]
#[test]
fn other_users_can_read_the_output_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (path, plain) = (directory.path().join("envoy.yaml"), directory.path().join("plain"));
    assert_eq!(example(&["-o", text(&path)]).exit, Exit::Fine);
    fs::write(&plain, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // Like any new file, but not writable by group and others, whatever the umask is.
    assert_eq!(mode(&path), mode(&plain) & 0o644);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_a_file_with_private_keys() {
    use std::os::unix::fs::PermissionsExt;
    let case = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/https");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("envoy.yaml");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let manifests = ["gateway.yaml", "secrets.yaml"].map(|name| format!("{case}/{name}"));
    let ended = call(&["render", "-f", &manifests[0], "-f", &manifests[1], "-o", text(&path)], b"");
    let case = fs::read_to_string(format!("{case}/stderr")).unwrap();
    let said = ended.errors.replace(&manifests[0], "./gateway.yaml");
    assert_eq!((ended.exit, said), (Exit::Fine, case));
    assert!(fs::read_to_string(&path).unwrap().contains("PRIVATE KEY"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_as_output_file_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("real.yaml"), directory.path().join("link.yaml"));
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(example(&["-o", text(&link)]).exit, Exit::Fine);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_ne!(fs::read_to_string(&path).unwrap(), "old");
}

#[cfg(unix)]
#[test]
fn a_dangling_link_as_output_file_creates_its_target() {
    let directory = tempfile::tempdir().unwrap();
    let [path, link, first] =
        ["real.yaml", "link.yaml", "first.yaml"].map(|name| directory.path().join(name));
    std::os::unix::fs::symlink("real.yaml", &link).unwrap();
    std::os::unix::fs::symlink(&link, &first).unwrap();
    assert_eq!(example(&["-o", text(&first)]).exit, Exit::Fine);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::symlink_metadata(&first).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().contains("static_resources"));

    std::os::unix::fs::symlink("circle.yaml", directory.path().join("circle.yaml")).unwrap();
    let circle = example(&["-o", text(&directory.path().join("circle.yaml"))]);
    assert_eq!(circle.exit, Exit::Usage);
    assert!(circle.errors.starts_with("error: cannot write "), "{}", circle.errors);
}

#[test]
fn an_admin_address_of_a_listener_exits_with_2_and_writes_nothing() {
    for admin in ["127.0.0.1:8888", "0.0.0.0:8889"] {
        let ended = example(&["--admin-address", admin]);
        assert_eq!((ended.exit, ended.output.as_str()), (Exit::Usage, ""), "{admin}");
        assert!(
            ended.errors.contains("move one of them with --admin-address or --map-port"),
            "{}",
            ended.errors
        );
    }
    // Addresses of the other family do not conflict.
    for admin in ["[::1]:8888", "[::]:8889", "127.0.0.1:8890"] {
        assert_eq!(example(&["--admin-address", admin]).exit, Exit::Fine, "{admin}");
    }
}

#[test]
fn errors_leave_the_output_file_unchanged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("envoy.yaml");
    fs::write(&path, "old").unwrap();
    // Without mappings both Gateways would bind port 80.
    let ended = call(&["render", "-f", EXAMPLE, "--allow-loopback-endpoints", "-o", text(&path)], b"");
    assert_eq!(ended.exit, Exit::Diagnostics);
    assert!(ended.errors.ends_with("error: 1 error; nothing was written\n"), "{}", ended.errors);
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn keep_going_writes_the_rest_and_still_exits_with_1() {
    let manifests = fs::read_to_string(format!("{EXAMPLE}/base.yaml")).unwrap();
    let route = fs::read_to_string(format!("{EXAMPLE}/cookie.yaml")).unwrap().replace("backend", "gone");
    let input = format!("{manifests}\n---\n{route}");
    let arguments = [&["render", "-f", "-", "--keep-going"], &MAPPINGS[..]].concat();
    let ended = call(&arguments, input.as_bytes());
    assert_eq!(ended.exit, Exit::Diagnostics);
    assert!(ended.errors.contains("<stdin>"), "{}", ended.errors);
    assert!(ended.errors.ends_with("error: 1 error; everything else was written\n"), "{}", ended.errors);
    assert!(ended.output.contains("port_value: 8888"));
}

#[test]
fn invalid_command_lines_exit_with_2() {
    for arguments in [
        &["render"][..],
        &["render", "-f"],
        &["render", "-f", EXAMPLE, "--map-port", "http"],
        &["render", "-f", EXAMPLE, "--map-port", "nothing=80"],
        &["render", "-f", EXAMPLE, "--gateway", "eg"],
        &["render", "-f", EXAMPLE, "--gateway", "default/gone"],
        &["render", "-f", EXAMPLE, "--listen-address", "localhost"],
        &["render", "-f", EXAMPLE, "--admin-address", "9901"],
        &["render", "-f", EXAMPLE, "--access-log", "jsonn"],
        &["render", "-f", EXAMPLE, "--access-log", ""],
        &["render", "-f", "-", "-f", "-"],
        &["render", "-f", "/nowhere/at/all.yaml"],
        &["render", "--files", "x"],
        &["check", "-f", EXAMPLE, "--output", "yaml"],
        &["check", "-f", EXAMPLE, "--gateway", "default/gone"],
        &[],
    ] {
        let ended = call(arguments, b"");
        assert_eq!((ended.exit, ended.output.as_str()), (Exit::Usage, ""), "{arguments:?}");
        assert!(!ended.errors.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_output_file_that_cannot_be_written_exits_with_2() {
    let ended = example(&["-o", "/nowhere/at/all.yaml"]);
    assert_eq!(ended.exit, Exit::Usage);
    assert!(ended.errors.starts_with("error: cannot write /nowhere/at/all.yaml: "), "{}", ended.errors);
}

#[test]
fn directories_are_read_in_order_of_names_without_subdirectories() {
    let directory = tempfile::tempdir().unwrap();
    let empty = call(&["render", "-f", text(directory.path())], b"");
    assert_eq!(empty.exit, Exit::Usage);
    assert!(empty.errors.contains("contains no .yaml, .yml or .json files"), "{}", empty.errors);

    fs::create_dir(directory.path().join("deeper.yaml")).unwrap();
    fs::write(directory.path().join("deeper.yaml/broken.yaml"), "]").unwrap();
    fs::write(directory.path().join("notes.txt"), "]").unwrap();
    for (file, end) in files().iter().zip(["yml", "yaml"].into_iter().cycle()) {
        fs::copy(file, directory.path().join(file.file_stem().unwrap()).with_extension(end)).unwrap();
    }
    let ended = call(&[&["render", "-f", text(directory.path())], &MAPPINGS[..]].concat(), b"");
    assert_eq!((ended.exit, ended.errors.as_str()), (Exit::Fine, ""));
    assert_eq!(ended.output, example(&[]).output);
}

#[test]
fn files_can_be_given_in_any_order() {
    let files = files();
    let flags = ["-f", "--filename"].into_iter().cycle();
    let arguments = flags.zip(files.iter().rev()).flat_map(|(flag, file)| [flag, text(file)]);
    let ended = call(&["render"].into_iter().chain(arguments).chain(MAPPINGS).collect::<Vec<_>>(), b"");
    assert_eq!(ended.output, example(&[]).output);
}

#[test]
fn input_that_is_not_utf_8_exits_with_2() {
    let ended = call(&["render", "-f", "-"], b"kind: \xff");
    assert_eq!(ended.exit, Exit::Usage);
    assert_eq!(ended.errors, "error: cannot read <stdin>: invalid UTF-8 at byte offset 6\n");
}

#[test]
fn the_access_log_is_json_text_a_file_or_off() {
    let json = "\"%RESPONSE_CODE%\"";
    for (option, present, absent) in [
        (None, &["json_format:", "access_loggers.stdout"][..], &["text_format_source:"][..]),
        (Some("json"), &["json_format:", "access_loggers.stdout", json], &["text_format_source:"]),
        (Some("text"), &["text_format_source:", "access_loggers.stdout"], &["json_format:"]),
        (
            Some("./json"),
            &["json_format:", "access_loggers.file", "path: ./json\n"],
            &["access_loggers.stdout"],
        ),
        (Some("off"), &[], &["access_log"]),
    ] {
        let arguments = option.map_or_else(Vec::new, |option| vec!["--access-log", option]);
        let output = example(&arguments).output;
        assert!(!output.is_empty());
        for text in present {
            assert!(output.contains(text), "{option:?}: no {text}\n{output}");
        }
        for text in absent {
            assert!(!output.contains(text), "{option:?}: {text}\n{output}");
        }
    }
}

#[test]
fn options_set_the_admin_address_and_the_filter_path() {
    let ended = example(&["--admin-address", "127.0.0.1:19901", "--filter", "/opt/filter.wasm"]);
    assert!(ended.output.contains("port_value: 19901"));
    assert!(ended.output.contains("/opt/filter.wasm"));
    assert!(example(&[]).output.contains("/etc/envoy/session_persistence.wasm"));
}

#[test]
fn help_and_version_exit_with_0() {
    for argument in ["--help", "--version"] {
        let ended = call(&[argument], b"");
        assert_eq!((ended.exit, ended.errors.as_str()), (Exit::Fine, ""));
        assert!(ended.output.contains("envoy-config"));
    }
    assert!(call(&["render", "--help"], b"").output.contains("--map-port <LISTENER=BIND>"));
}

/// A standard output whose reader has closed it.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_standard_output_is_not_an_error() {
    let mut errors = Vec::new();
    let streams = Streams { input: &mut io::empty(), output: &mut Gone, errors: &mut errors, colour: false };
    let arguments = ["envoy-config", "render", "-f", EXAMPLE].into_iter().chain(MAPPINGS).map(OsString::from);
    assert_eq!(run(arguments, streams), Exit::Fine);
    assert_eq!(errors, b"");
}

#[test]
fn colours_are_used_only_on_terminals() {
    let coloured = |colour| {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let streams = Streams { input: &mut io::empty(), output: &mut output, errors: &mut errors, colour };
        run(["envoy-config", "render", "-f", EXAMPLE].map(OsString::from), streams);
        errors.contains(&0x1b)
    };
    assert!(coloured(true));
    assert!(!coloured(false));
}

#[test]
fn check_finds_nothing_in_the_example() {
    for format in ["table", "json"] {
        let arguments = [&["check", "-f", EXAMPLE, "--output", format], &MAPPINGS[..]].concat();
        let ended = call(&arguments, b"");
        assert_eq!((ended.exit, ended.errors.as_str()), (Exit::Fine, ""), "{format}");
        assert!(ended.output.contains("GatewayClass"), "{}", ended.output);
    }
}

#[test]
fn check_exits_with_1_after_errors_and_still_prints_the_rest() {
    // Without mappings both Gateways would bind port 80.
    let ended = call(&["check", "-f", EXAMPLE, "--allow-loopback-endpoints"], b"");
    assert_eq!(ended.exit, Exit::Diagnostics);
    assert!(ended.output.contains("Accepted: False, PortUnavailable"), "{}", ended.output);
    assert!(ended.output.contains("HTTPRoute default/cookie"), "{}", ended.output);
    assert!(ended.errors.ends_with("error: 1 error\n"), "{}", ended.errors);
}
