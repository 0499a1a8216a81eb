//! Where a store is: a local path or a URL.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What a path or URL means.
pub(super) enum Location {
    Local(PathBuf),
    Remote(RemoteLocation),
}

/// The services that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Http,
    Gcs,
    S3,
}

/// A store behind a URL.
pub(super) struct RemoteLocation {
    pub(super) service: Service,
    /// The URL with everything that a request needs, without slashes at the end of its path.
    pub(super) url: String,
    /// The URL as it may be shown: without user, password, query and fragment.
    pub(super) shown: PathBuf,
    /// What must never be shown.
    pub(super) secrets: Vec<String>,
}

impl RemoteLocation {
    /// Bucket and prefix of `gs://bucket/prefix` or `s3://bucket/prefix`.
    pub(super) fn bucket(&self) -> (String, String) {
        let shown = self.shown.to_string_lossy();
        let rest = shown.split_once("://").map_or("", |(_, rest)| rest);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        (bucket.to_owned(), prefix.to_owned())
    }
}

impl Location {
    pub(super) fn parse(path: &Path) -> Result<Self> {
        let Some((scheme, rest)) = path.to_str().and_then(|text| text.split_once("://")) else {
            return Ok(Self::Local(path.to_owned()));
        };
        let service = match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Service::Http,
            "gs" | "gcs" => Service::Gcs,
            "s3" | "s3a" => Service::S3,
            "file" => return Ok(Self::Local(file_path(rest))),
            other => {
                let (shown, _) = redact(scheme, rest);
                return Err(Error::UnknownFormat {
                    path: shown,
                    found: format!(
                        "a URL of scheme `{other}`\nhint: `http`, `https`, `gs`, `s3` and `file` are understood"
                    ),
                });
            }
        };
        let (shown, secrets) = redact(scheme, rest);
        Ok(Self::Remote(RemoteLocation {
            service,
            url: format!("{scheme}://{}", without_last_slashes(rest)),
            shown,
            secrets,
        }))
    }
}

/// The path of `file://host/path`, percent signs decoded.
fn file_path(rest: &str) -> PathBuf {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::with_capacity(path.len());
    let mut left = path.as_bytes();
    while let Some((&first, tail)) = left.split_first() {
        let code = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                left = &tail[2..];
            }
            _ => {
                bytes.push(first);
                left = tail;
            }
        }
    }
    PathBuf::from(String::from_utf8_lossy(&bytes).into_owned())
}

/// `host/path?query` with the slashes at the end of the path removed.
fn without_last_slashes(rest: &str) -> String {
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (path, query) = rest.split_at(end);
    format!("{}{query}", path.trim_end_matches('/'))
}

/// A URL fit to be shown, and the parts of it that were taken out.
fn redact(scheme: &str, rest: &str) -> (PathBuf, Vec<String>) {
    let (rest, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let mut secrets: Vec<String> = [user, query.trim_start_matches(['?', '#'])]
        .into_iter()
        .chain(user.split_once(':').map(|(_, password)| password))
        .filter(|secret| !secret.is_empty())
        .map(str::to_owned)
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    let shown = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
    (PathBuf::from(shown), secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> RemoteLocation {
        match Location::parse(Path::new(text)).unwrap() {
            Location::Remote(remote) => remote,
            Location::Local(path) => panic!("{}", path.display()),
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        let location = remote("https://ann:s3cret@data.org/era5.zarr/?sig=abc#x");
        assert_eq!(location.service, Service::Http);
        assert_eq!(location.shown, Path::new("https://data.org/era5.zarr"));
        assert_eq!(
            location.url,
            "https://ann:s3cret@data.org/era5.zarr?sig=abc#x"
        );
        for secret in ["ann:s3cret", "s3cret", "sig=abc#x"] {
            assert!(location.secrets.iter().any(|s| s == secret), "{secret}");
        }
    }

    #[test]
    fn buckets_and_prefixes() {
        let location = remote("gs://weatherbench2/datasets/era5.zarr/");
        let (bucket, prefix) = location.bucket();
        assert_eq!(location.service, Service::Gcs);
        assert_eq!(
            (bucket.as_str(), prefix.as_str()),
            ("weatherbench2", "datasets/era5.zarr")
        );
        assert_eq!(
            remote("s3://only").bucket(),
            ("only".to_owned(), String::new())
        );
    }

    #[test]
    fn local_paths_stay_and_other_schemes_are_refused() {
        for (text, expected) in [
            ("dir/era5.zarr", "dir/era5.zarr"),
            ("file:///data/my%20store.zarr", "/data/my store.zarr"),
            ("file:///100%", "/100%"),
        ] {
            match Location::parse(Path::new(text)).unwrap() {
                Location::Local(path) => assert_eq!(path, Path::new(expected)),
                Location::Remote(_) => panic!("{text}"),
            }
        }
        let error = Location::parse(Path::new("ftp://me:pw@host/x"))
            .err()
            .unwrap();
        assert!(error.to_string().contains("scheme `ftp`"), "{error}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}
