//! Stores behind URLs, served on loopback by the tests themselves.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::stores::server::Server;
use crate::stores::{copy, fixture, impatient};
use dropsonde_fields::{Error, RemoteOptions, Source, SourceOptions, Variable};

/// Every state of a store equals that of the store on disk.
fn assert_same(source: &Source, name: &str) {
    let local = Source::open(fixture(name)).unwrap();
    assert_eq!(source.variables(), local.variables());
    assert_eq!(source.times(), local.times());
    for &time in local.times() {
        assert_eq!(
            source.state(time).unwrap(),
            local.state(time).unwrap(),
            "{name} {time}"
        );
    }
}

fn with_endpoint(server: &Server) -> SourceOptions {
    let options = impatient();
    let endpoint = Some(server.url());
    SourceOptions {
        remote: RemoteOptions {
            endpoint,
            ..options.remote.clone()
        },
        ..options
    }
}

fn error(url: &str) -> String {
    let error = Source::open_with(url, impatient()).unwrap_err();
    assert!(error.to_string().contains("hint: "), "{error}");
    error.to_string()
}

#[test]
fn zarr_over_http() {
    let server = Server::http(&fixture(""));
    for name in ["weatherbench.zarr", "halves.zarr"] {
        let url = format!("{}/{name}/", server.url());
        let source = Source::open_with(&url, impatient()).unwrap();
        assert_eq!(source.path(), Path::new(url.trim_end_matches('/')));
        assert_same(&source, name);
    }
}

#[test]
fn zarr_over_http_without_consolidated_metadata() {
    // Plain HTTP cannot list: known names are tried.
    let directory = tempfile::tempdir().unwrap();
    copy(&fixture("weatherbench.zarr"), directory.path());
    std::fs::remove_file(directory.path().join(".zmetadata")).unwrap();
    let server = Server::http(directory.path());
    assert_same(
        &Source::open_with(server.url(), impatient()).unwrap(),
        "weatherbench.zarr",
    );
    // With nothing of a known name the error says what was tried.
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    let error = error(&server.url());
    assert!(
        error.contains("none of the known names") && error.contains("consolidate"),
        "{error}"
    );
}

#[test]
fn netcdf_over_http() {
    let name = "climate_data_store.nc";
    for server in [
        Server::http(&fixture("")),
        Server::without_ranges(&fixture("")),
    ] {
        let url = format!("{}/{name}", server.url());
        assert_same(&Source::open_with(url, impatient()).unwrap(), name);
    }
}

#[test]
fn zarr_in_buckets() {
    let server = Server::bucket(&fixture(""), "weather");
    for scheme in ["s3", "gs"] {
        for name in ["weatherbench.zarr", "coarse.zarr"] {
            let url = format!("{scheme}://weather/{name}");
            let source = Source::open_with(&url, with_endpoint(&server)).unwrap();
            assert_eq!(source.path(), Path::new(&url));
            assert_same(&source, name);
        }
        let url = format!("{scheme}://weather/climate_data_store.nc");
        let source = Source::open_with(url, with_endpoint(&server)).unwrap();
        assert_same(&source, "climate_data_store.nc");
    }
    assert!(
        server.log().iter().any(|request| request == "GET /weather"),
        "nothing was listed"
    );
    for url in [
        "s3://weather/nothing.zarr",
        "gs://weather/nothing.zarr",
        "s3://other/era5.zarr",
    ] {
        let error = Source::open_with(url, with_endpoint(&server)).unwrap_err();
        assert!(matches!(error, Error::Remote { .. }), "{error}");
        assert!(
            error.to_string().contains("404") && error.to_string().contains(url),
            "{error}"
        );
    }
}

#[test]
fn endpoints_of_the_environment() {
    // The environment belongs to the whole process, so a process of its own runs the test below.
    let test = "sources_remote::opens_what_the_environment_names";
    let server = Server::bucket(&fixture(""), "weather");
    let run = |variables: &[(&str, &str)], url: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .envs(variables.iter().copied())
            .env("DROPSONDE_TEST_URL", url)
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{variables:?}: {log}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("1 passed"), "no test `{test}`: {said}");
    };
    let (url, host) = (server.url(), server.host());
    let no_certificates = [("SSL_CERT_FILE", "/nothing"), ("SSL_CERT_DIR", "/nothing")];
    let s3 = [("AWS_ENDPOINT_URL", url.as_str())];
    run(&s3, "s3://weather/weatherbench.zarr");
    // Plain HTTP works without any certificates.
    run(
        &[&s3[..], &no_certificates].concat(),
        "s3://weather/weatherbench.zarr",
    );
    run(
        &[("STORAGE_EMULATOR_HOST", &host)],
        "gs://weather/weatherbench.zarr",
    );
    run(
        &no_certificates,
        &format!("{url}/weather/weatherbench.zarr"),
    );
    assert!(server.log().len() > 20);
}

#[test]
fn opens_what_the_environment_names() {
    // Does its work only where the test above starts it.
    if let Ok(url) = std::env::var("DROPSONDE_TEST_URL") {
        assert_same(
            &Source::open_with(url, impatient()).unwrap(),
            "weatherbench.zarr",
        );
    }
}

#[test]
fn failures_that_pass_are_tried_again() {
    // Every object fails twice with 503 before it is given out.
    let server = Server::faulty(&fixture("weatherbench.zarr"), |_, n| (n < 2).then_some(503));
    let source = Source::open_with(server.url(), impatient()).unwrap();
    let time = source.times()[1];
    let state = source.state_of(time, &[Variable::TEMPERATURE]).unwrap();
    assert_eq!(
        state.get(&Variable::TEMPERATURE).unwrap().data,
        crate::stores::formula(1, &[0, 1])
    );
    let tries = server
        .log()
        .iter()
        .filter(|r| *r == "GET /.zmetadata")
        .count();
    assert_eq!(tries, 3);
}

#[test]
fn failures_that_stay_are_errors() {
    for (status, expected) in [
        (500, "HTTP 500"),
        (403, "HTTP 403"),
        (404, "HTTP 404"),
        (401, "HTTP 401"),
    ] {
        let server = Server::faulty(&fixture("weatherbench.zarr"), move |_, _| Some(status));
        let url = format!("{}/era5.zarr", server.url());
        let error = error(&url);
        assert!(error.contains(expected) && error.contains(&url), "{error}");
        assert!(
            !error.contains("fault"),
            "the answer's body must not be repeated: {error}"
        );
    }
}

#[test]
fn a_chunk_that_cannot_be_had_is_named() {
    for (status, expected) in [(500, "HTTP 500"), (404, "2020-01-01T06 has 144 missing")] {
        let server = Server::faulty(&fixture("weatherbench.zarr"), move |path, _| {
            path.ends_with("temperature/1.0.0.0").then_some(status)
        });
        let source = Source::open_with(server.url(), impatient()).unwrap();
        let error = source.state(source.times()[1]).unwrap_err().to_string();
        assert!(
            error.contains(expected) && error.contains("temperature"),
            "{error}"
        );
        if status == 500 {
            assert!(
                error.contains(&format!("{}/temperature/1.0.0.0", server.url())),
                "{error}"
            );
        }
    }
}

#[test]
fn no_server_there() {
    // A port that was free a moment ago refuses connections.
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://bob77:s3cret@{address}/era5.zarr?token=hidden");
    let error = error(&url);
    assert!(
        error.contains(&format!("http://{address}/era5.zarr")),
        "{error}"
    );
    assert!(error.contains("tried up to 3 times"), "{error}");
    assert!(error.to_lowercase().contains("refused"), "{error}");
    for secret in ["bob77", "s3cret", "hidden"] {
        assert!(!error.contains(secret), "{error}");
    }
}

#[test]
fn a_server_that_never_answers() {
    // The connection is made by the system, but nobody reads from it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = impatient();
    options.remote.max_retries = 1;
    options.remote.read_timeout = Duration::from_millis(100);
    let url = format!("http://{}/era5.zarr", listener.local_addr().unwrap());
    let error = Source::open_with(&url, options).unwrap_err().to_string();
    assert!(
        error.contains(&url) && error.contains("timed out"),
        "{error}"
    );
}

#[test]
fn web_pages_are_not_stores() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["zarr.json", ".zmetadata", ".zgroup"] {
        std::fs::write(directory.path().join(name), "<html>Welcome</html>").unwrap();
    }
    std::fs::write(directory.path().join("page"), "<html>Welcome</html>").unwrap();
    let server = Server::http(directory.path());
    let error = error(&server.url());
    assert!(error.contains("no Zarr store"), "{error}");
    let url = format!("{}/page", server.url());
    let error = Source::open_with(url, impatient()).unwrap_err();
    assert!(matches!(error, Error::UnknownFormat { .. }), "{error}");
}

#[test]
fn chunks_are_fetched_at_once() {
    // Each answer waits until four requests are there together, or until it is plain that they never will be.
    let here = Arc::new((Mutex::new(0), Condvar::new()));
    let counted = Arc::clone(&here);
    let server = Server::faulty(&fixture("weatherbench.zarr"), move |path, _| {
        if path.contains("geopotential/0.") {
            let (count, changed) = &*counted;
            let mut n = count.lock().unwrap();
            *n += 1;
            changed.notify_all();
            let limit = Duration::from_secs(10);
            let (_n, result) = changed.wait_timeout_while(n, limit, |n| *n < 4).unwrap();
            return result.timed_out().then_some(404);
        }
        None
    });
    let source = Source::open_with(server.url(), impatient()).unwrap();
    let time = source.times()[0];
    assert!(source.state_of(time, &[Variable::GEOPOTENTIAL]).is_ok());
}
