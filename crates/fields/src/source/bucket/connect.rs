//! Clients of the services.

use std::env;
use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
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
    let (bucket, prefix) = location.bucket();
    Ok(match location.service {
        Service::Http => {
            let store = HttpBuilder::new()
                .with_url(&location.url)
                .with_client_options(client(options))
                .with_retry(retry(options))
                .build()?;
            (Arc::new(store), String::new())
        }
        Service::Gcs => (Arc::new(gcs(&bucket, options)?), prefix),
        Service::S3 => (Arc::new(s3(&bucket, options)?), prefix),
    })
}

fn gcs(bucket: &str, options: &RemoteOptions) -> Result<impl ObjectStore> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client(options))
        .with_retry(retry(options));
    let emulator = env::var("STORAGE_EMULATOR_HOST").ok();
    if let Some(endpoint) = options.endpoint.as_deref().or(emulator.as_deref()) {
        builder = builder.with_config(GoogleConfigKey::BaseUrl, with_scheme(endpoint));
    }
    if !any_set(&GOOGLE_CREDENTIALS) {
        builder = builder.with_skip_signature(true);
    }
    builder.build()
}

fn s3(bucket: &str, options: &RemoteOptions) -> Result<impl ObjectStore> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_client_options(client(options))
        .with_retry(retry(options));
    if let Some(endpoint) = &options.endpoint {
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, with_scheme(endpoint));
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
