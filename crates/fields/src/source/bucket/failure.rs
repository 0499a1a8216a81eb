//! What is said when a request fails.

use std::error::Error as StdError;
use std::path::Path;

use super::super::location::{RemoteLocation, Service};
use super::super::options::RemoteOptions;

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum FailureKind {
    /// The server answered that the caller may not read this (401, 403).
    Denied,
    /// The server cannot send parts of objects.
    NoRanges,
    /// No connection, no answer, or another status.
    Other,
}

/// A failed request: address, what came back and a hint, in a text without credentials.
#[derive(Clone, Debug)]
pub(in super::super) struct Failure {
    pub(in super::super) kind: FailureKind,
    pub(in super::super) message: String,
}

/// Describes failures of one store.
pub(super) struct Reporter {
    service: Service,
    secrets: Vec<String>,
    tries: usize,
    seconds: u64,
}

impl Reporter {
    pub(super) fn new(location: &RemoteLocation, options: &RemoteOptions) -> Self {
        Self {
            service: location.service,
            secrets: location.secrets.clone(),
            tries: options.max_retries + 1,
            seconds: options.retry_timeout.as_secs(),
        }
    }

    pub(super) fn failure(&self, address: &Path, error: object_store::Error) -> Failure {
        let kind = match &error {
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => FailureKind::Denied,
            object_store::Error::NotSupported { .. } => FailureKind::NoRanges,
            _ => FailureKind::Other,
        };
        let found = self.clean(&describe(&error));
        let hint = match kind {
            FailureKind::Denied => self.access_hint().to_owned(),
            _ if found.contains("CA certificates") => {
                "install the system's certificates (`ca-certificates`), or name a file of them in SSL_CERT_FILE".to_owned()
            }
            _ => format!(
                "a failure that may pass is tried up to {} times within about {} s (`SourceOptions::remote`); check the address and the network",
                self.tries, self.seconds
            ),
        };
        Failure {
            kind,
            message: format!("`{}`: {found}\nhint: {hint}", address.display()),
        }
    }

    fn access_hint(&self) -> &'static str {
        match self.service {
            Service::Http => "the server wants a login, or the address is wrong",
            Service::Gcs => {
                "the name may be wrong, or the bucket is not public: name credentials in GOOGLE_APPLICATION_CREDENTIALS"
            }
            Service::S3 => {
                "the name or region may be wrong, or the bucket is not public: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
            }
        }
    }

    fn clean(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "..."))
    }
}

/// The status if the server answered, else the innermost cause; never the answer's body, which may repeat keys.
fn describe(error: &object_store::Error) -> String {
    let mut cause: &dyn StdError = error;
    loop {
        let text = cause.to_string();
        if let Some((_, rest)) = text.split_once("status code: ") {
            let status = rest.split(':').next().unwrap_or(rest);
            return format!("the server answered HTTP {}", status.trim());
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return text,
        }
    }
}
