//! Clients of the services.

use std::env;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, Result, RetryConfig};

use super::super::location::{RemoteLocation, Service};
use super::super::options::RemoteOptions;

/// With one of these set, requests to S3 are signed; otherwise they are anonymous.
const AWS_CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// With one of these set, requests to GCS are signed; otherwise they are anonymous.
const GOOGLE_CREDENTIALS: [&str; 5] = [
    "SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_BEARER_TOKEN",
];

/// A client and the prefix of the store within it.
pub(super) fn connect(
    location: &RemoteLocation,
    options: &RemoteOptions,
) -> Result<(Arc<dyn ObjectStore>, String)> {
    let client = client(options);
    match connect_with(location, options, client.clone()) {
        // Machines without certificates can still read by plain HTTP.
        Err(_) if is_plain(location, options) => {
            connect_with(location, options, client.with_no_system_certificates(true))
        }
        done => done,
    }
}

fn connect_with(
    location: &RemoteLocation,
    options: &RemoteOptions,
    client: ClientOptions,
) -> Result<(Arc<dyn ObjectStore>, String)> {
    let (bucket, prefix) = location.bucket();
    Ok(match location.service {
        Service::Http => {
            let store = HttpBuilder::new()
                .with_url(&location.url)
                .with_client_options(client)
                .with_retry(retry(options))
                .build()?;
            (Arc::new(store), String::new())
        }
        Service::Gcs => (Arc::new(gcs(&bucket, options, client)?), prefix),
        Service::S3 => (Arc::new(s3(&bucket, options, client)?), prefix),
    })
}

/// The address of the service, if it is not the public one.
fn endpoint(service: Service, options: &RemoteOptions) -> Option<String> {
    let names: &[&str] = match service {
        Service::Http => return None,
        Service::Gcs => &["STORAGE_EMULATOR_HOST"],
        Service::S3 => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
    };
    let set = |name: &&str| env::var(name).ok().filter(|value| !value.is_empty());
    let found = options
        .endpoint
        .clone()
        .or_else(|| names.iter().find_map(set));
    found.map(|endpoint| with_scheme(&endpoint))
}

fn is_plain(location: &RemoteLocation, options: &RemoteOptions) -> bool {
    let address = match location.service {
        Service::Http => Some(location.url.clone()),
        other => endpoint(other, options),
    };
    address.is_some_and(|address| address.to_ascii_lowercase().starts_with("http://"))
}

fn gcs(bucket: &str, options: &RemoteOptions, client: ClientOptions) -> Result<impl ObjectStore> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client)
        .with_retry(retry(options));
    if let Some(endpoint) = endpoint(Service::Gcs, options) {
        builder = builder.with_base_url(&endpoint);
    }
    if !any_set(&GOOGLE_CREDENTIALS) {
        builder = builder.with_skip_signature(true);
    }
    builder.build()
}

fn s3(bucket: &str, options: &RemoteOptions, client: ClientOptions) -> Result<impl ObjectStore> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client)
        .with_retry(retry(options));
    if let Some(endpoint) = endpoint(Service::S3, options) {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, endpoint);
    }
    if !any_set(&AWS_CREDENTIALS) {
        builder = builder.with_skip_signature(true);
    }
    builder.build()
}

fn any_set(names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// `STORAGE_EMULATOR_HOST` is often only host and port.
fn with_scheme(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    if endpoint.contains("://") {
        endpoint.to_owned()
    } else {
        format!("http://{endpoint}")
    }
}

/// Plain HTTP is allowed: the user wrote the address, and public data need no secrecy.
fn client(options: &RemoteOptions) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(options.connect_timeout)
        .with_read_timeout(options.read_timeout)
        // A large chunk over a slow line takes as long as it takes, while something arrives.
        .with_timeout_disabled()
}

fn retry(options: &RemoteOptions) -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: options.first_pause,
            max_backoff: options.first_pause.saturating_mul(16),
            base: 2.0,
        },
        max_retries: options.max_retries,
        retry_timeout: options.retry_timeout,
    }
}
