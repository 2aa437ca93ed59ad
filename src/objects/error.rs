//! What goes wrong with buckets, in words: what, where, and what to do.
use std::{io, path::PathBuf};

use object_store::Error as StoreError;

use crate::events::visible;

/// Longest text of a foreign error that is shown, in characters.
const MAX_CHARS: usize = 300;

/// What S3 calls credentials that are wrong or not enough; a listing tells it by its code only.
const DENIALS: &[&str] = &[
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
];

/// What TLS says where it does not trust the other side.
const UNTRUSTED: &str = "invalid peer certificate";

/// Why a bucket did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// Not an address.
    #[error("that is not the address of a bucket\nhint: write `s3://bucket/prefix`")]
    NoUrl,
    /// An address with credentials in it.
    #[error(
        "the address of a bucket holds a user or password, and is not used\n\
         hint: write `s3://bucket/prefix`; credentials belong into AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY, or a role's token file"
    )]
    UserInfo,
    /// The environment says something that means nothing.
    #[error(
        "cannot reach the bucket `{bucket}`: {what}\n\
         hint: endpoint, region and credentials come from the environment (AWS_ENDPOINT_URL, AWS_REGION, \
         AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...)"
    )]
    Access {
        /// The bucket.
        bucket: String,
        /// Why.
        what: String,
    },
    /// The file that was to be uploaded cannot be read.
    #[error("cannot read `{}` to upload it", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A request failed.
    #[error("cannot {act} `{}`: {}\nhint: {}", visible(url), fault.told(what), fault.hint())]
    Failed {
        /// What was tried.
        act: &'static str,
        /// With what.
        url: String,
        /// Why.
        fault: Fault,
        /// What the other side says, where it says more.
        what: String,
    },
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No such bucket.
    NoBucket,
    /// No such object.
    Gone,
    /// The credentials are wrong or not enough.
    Denied,
    /// There are no credentials, or whoever gives them does not.
    NoCredentials,
    /// Nobody who is trusted has signed the certificate.
    Untrusted,
    /// It is another object by now.
    Replaced,
    /// Fewer bytes came than there are.
    Short,
    /// More objects than are listed.
    TooMany,
    /// More keys that cannot be spelled than are told.
    TooManyUnreadable,
    /// A larger object than is read.
    TooLarge,
    /// A key that cannot be spelled in a request.
    Unspeakable,
    /// Everything else: the endpoint is away, or does not answer as S3 does.
    Away,
}

impl Fault {
    fn told(self, what: &str) -> String {
        let told = match self {
            Self::NoBucket => "there is no such bucket",
            Self::Gone => "there is no such object",
            Self::Denied if what.is_empty() => "access is denied",
            Self::Replaced => "it was overwritten meanwhile",
            Self::Short => "fewer bytes came than there are",
            Self::TooMany => "there are more than 200,000 objects",
            Self::TooManyUnreadable => "more than 100 keys cannot be spelled in a request",
            Self::TooLarge => "it has more than 64 GiB",
            Self::Unspeakable => {
                "the key has an empty, `.` or `..` segment, or a control character"
            }
            Self::NoCredentials => return format!("no credentials could be had: {what}"),
            Self::Denied | Self::Untrusted | Self::Away => what,
        };
        told.to_owned()
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::NoBucket => {
                "is its name right, and AWS_ENDPOINT_URL that of the storage in which it is?"
            }
            Self::Gone => "is its key right?",
            Self::Denied => {
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the role, must allow to list and read \
                 the bucket, and to write where the lake is"
            }
            Self::NoCredentials => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_ROLE_ARN with a file that can be \
                 read in AWS_WEB_IDENTITY_TOKEN_FILE (AWS_ENDPOINT_URL_STS says where the role is asked \
                 for, always with TLS); without these, the machine itself is asked for its role"
            }
            Self::Untrusted => {
                "is AWS_ENDPOINT_URL right? where an authority of your own signs certificates, SSL_CERT_FILE \
                 names the file that has its own"
            }
            Self::Replaced => "nothing is lost, the next run reads what is there then",
            Self::TooMany => "name prefixes that hold fewer, one by one",
            Self::TooManyUnreadable | Self::Unspeakable => {
                "nobody writes signals under such keys; look who made them, and take them away"
            }
            Self::TooLarge => "nobody writes signals so large; ship smaller ones",
            Self::Short | Self::Away => {
                "is the endpoint up and reachable (AWS_ENDPOINT_URL, AWS_REGION)? nothing is lost, the \
                 next run goes on from here"
            }
        }
    }
}

impl ObjectError {
    /// The same as an error of reading.
    pub fn into_io(self) -> io::Error {
        let kind = match self {
            Self::Failed { fault: Fault::Gone, .. } => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, self)
    }

    /// The error of a bucket that became an error of reading.
    pub fn of_io(err: &io::Error) -> Option<&Self> {
        err.get_ref().and_then(|it| it.downcast_ref())
    }

    /// Whether the object is another one by now.
    pub const fn is_replaced(&self) -> bool {
        matches!(self, Self::Failed { fault: Fault::Replaced, .. })
    }
}

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct NoCredentials {
    fault: Fault,
    what: String,
}

/// What stopped a request for credentials, so that it is not taken for what stops requests to a bucket.
pub(super) fn no_credentials(err: &StoreError) -> StoreError {
    let (fault, what) = judged(err);
    let what = fault.told(&what);
    let fault = if fault == Fault::Untrusted { fault } else { Fault::NoCredentials };
    let source = Box::new(NoCredentials { fault, what });
    StoreError::Unauthenticated { path: String::new(), source }
}

/// Whether it is the key that is missing, and not the bucket.
pub(super) fn is_no_key(err: &StoreError) -> bool {
    judged(err).0 == Fault::Gone
}

/// What is wrong, and what the other side says.
pub(super) fn judged(err: &StoreError) -> (Fault, String) {
    if let StoreError::Unauthenticated { source, .. } = err
        && let Some(NoCredentials { fault, what }) = source.downcast_ref()
    {
        return (*fault, what.clone());
    }
    let text = err.to_string();
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map_or("", |(code, _)| code);
    let fault = match (err, code) {
        (_, "NoSuchBucket") => Fault::NoBucket,
        (_, "NoSuchKey") | (StoreError::NotFound { .. }, _) => Fault::Gone,
        (_, code) if DENIALS.contains(&code) => Fault::Denied,
        (StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. }, _) => {
            Fault::Denied
        }
        (StoreError::Precondition { .. }, _) => Fault::Replaced,
        _ => Fault::Away,
    };
    if !code.is_empty() {
        return (fault, one_line(code));
    }
    // The cause of all causes says what happened; those above it repeat it, with times and addresses.
    let mut cause: &dyn std::error::Error = err;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if fault == Fault::Denied { String::new() } else { one_line(&cause.to_string()) };
    let is_untrusted = fault == Fault::Away && what.contains(UNTRUSTED);
    (if is_untrusted { Fault::Untrusted } else { fault }, what)
}

/// Foreign text as one line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    visible(&words.join(" ")).chars().take(MAX_CHARS).collect()
}
