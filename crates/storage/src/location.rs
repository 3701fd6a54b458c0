//! Where a repository is, as one text (decisions 1 "Prefix").

use std::fmt;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// A parsed location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A directory: `file:///dir`, or a plain path.
    Local(PathBuf),
    /// A bucket: `s3://bucket/prefix?endpoint=…&region=…`.
    S3(S3Location),
}

/// A place in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    /// The bucket.
    pub bucket: String,
    /// What every key begins with, to the letter; empty, or in most cases ending in `/`.
    pub prefix: String,
    /// The service; `None` is Amazon's own for the region.
    pub endpoint: Option<Endpoint>,
    /// The region that requests are signed for.
    pub region: String,
}

/// The address of an S3 service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `host` or `host:port`, as clients want it that take no URL.
    pub host: String,
    /// Whether to use TLS: not for `http://` only (requirement AGT-18).
    pub tls: bool,
}

impl Endpoint {
    /// Takes `https://host`, `http://ip:port`, or a bare `host[:port]`, which means TLS. A path is dropped.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (tls, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some(_) => return Err(invalid(text, "an endpoint begins with http:// or https://")),
            None => (true, text),
        };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let scheme = if tls { "https" } else { "http" };
        let parsed = url::Url::parse(&format!("{scheme}://{host}/"))
            .map_err(|error| invalid(text, format!("the endpoint is no address: {error}")))?;
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(invalid("the endpoint", KEYS_ELSEWHERE));
        }
        Ok(Self {
            host: host.to_owned(),
            tls,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)
    }
}

const KEYS_ELSEWHERE: &str =
    "keys do not belong into an address, because addresses are shown and logged";

impl StoreLocation {
    /// Parses a location.
    ///
    /// * `file:///dir` (percent-encoded) or a plain absolute or relative path, also `C:\dir`.
    /// * `s3://bucket/some/prefix`: keys begin with `some/prefix/`. `?prefix=` gives the beginning
    ///   literally instead, `endpoint` a URL or a bare host, `region` the region (`us-east-1` when missing).
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("s3") => {
                S3Location::parse(text).map(Self::S3)
            }
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("file") => {
                let url = url::Url::parse(text)
                    .map_err(|error| invalid(text, format!("it is no URL: {error}")))?;
                url.to_file_path()
                    .map(Self::Local)
                    .map_err(|()| invalid(text, "a file URL has the form file:///directory"))
            }
            Some((scheme, _)) => Err(invalid(
                text,
                format!("storage of the kind {scheme:?} is not known"),
            )
            .hint("use file:///directory or s3://bucket/prefix?endpoint=https://host&region=name")),
            None if text.is_empty() => Err(invalid(text, "it is empty")),
            None => Ok(Self::Local(PathBuf::from(text))),
        }
    }

    /// A directory.
    pub fn local(path: impl AsRef<Path>) -> Self {
        Self::Local(path.as_ref().to_owned())
    }
}

impl S3Location {
    fn parse(text: &str) -> Result<Self> {
        let url = url::Url::parse(text)
            .map_err(|error| invalid(text, format!("it is no URL: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the location", KEYS_ELSEWHERE));
        }
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() || url.port().is_some() {
            return Err(invalid(text, "the bucket's name is missing")
                .hint("the form is s3://bucket/prefix?endpoint=https://host; the host belongs into endpoint"));
        }
        let path = decode(url.path().trim_matches('/'), text)?;
        let mut location = Self {
            bucket: decode(&bucket, text)?,
            prefix: if path.is_empty() {
                String::new()
            } else {
                format!("{path}/")
            },
            endpoint: None,
            region: "us-east-1".to_owned(),
        };
        for (name, value) in url.query_pairs() {
            match &*name {
                "endpoint" if !value.is_empty() => {
                    location.endpoint = Some(Endpoint::parse(&value)?);
                }
                "region" if !value.is_empty() => location.region = value.into_owned(),
                "endpoint" | "region" => {}
                "prefix" if path.is_empty() => location.prefix = value.into_owned(),
                "prefix" => {
                    return Err(invalid(
                        text,
                        "it has a prefix in its path and another in its query",
                    ));
                }
                _ => {
                    return Err(invalid(text, format!("{name:?} is not known"))
                        .hint("endpoint, region and prefix can be given"));
                }
            }
        }
        Ok(location)
    }
}

fn decode(text: &str, location: &str) -> Result<String> {
    // A query's decoder also turns `+` into a blank, which a path does not mean.
    let text = text.replace('+', "%2B");
    let mut pairs = url::form_urlencoded::parse(text.as_bytes());
    match (pairs.next(), pairs.next()) {
        (None, _) => Ok(String::new()),
        (Some((value, rest)), None) if rest.is_empty() => Ok(value.into_owned()),
        _ => Err(invalid(
            location,
            "its path holds & or =; write them as %26 and %3D",
        )),
    }
}

impl fmt::Display for StoreLocation {
    /// The location as it can be parsed again; it holds no secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => match std::path::absolute(path)
                .ok()
                .and_then(|path| url::Url::from_file_path(path).ok())
            {
                Some(url) => write!(f, "{url}"),
                None => write!(f, "{}", path.display()),
            },
            Self::S3(s3) => {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                if let Some(endpoint) = &s3.endpoint {
                    query.append_pair("endpoint", &endpoint.to_string());
                }
                query.append_pair("region", &s3.region);
                if !s3.prefix.is_empty() {
                    query.append_pair("prefix", &s3.prefix);
                }
                write!(f, "s3://{}?{}", s3.bucket, query.finish())
            }
        }
    }
}

impl std::str::FromStr for StoreLocation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

fn invalid(location: &str, reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, "open", format!("{location:?}"), reason)
}
