//! Credentials of buckets: from where `object_store` has them, with what goes wrong there told as such.
use std::{fmt, pin::Pin, sync::Arc};

use object_store::{
    CredentialProvider, Result,
    aws::{AmazonS3, AmazonS3Builder, AwsCredential, AwsCredentialProvider},
};

use super::error::no_credentials;

/// Builds a bucket that tells failed requests for credentials from its own.
pub(super) fn told(builder: AmazonS3Builder) -> Result<AmazonS3> {
    let inner = Arc::clone(builder.clone().build()?.credentials());
    builder.with_credentials(Arc::new(Told(inner))).build()
}

/// Whoever gives the credentials.
struct Told(AwsCredentialProvider);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl CredentialProvider for Told {
    type Credential = AwsCredential;

    // As `async_trait` writes it.
    fn get_credential<'a, 'b>(
        &'a self,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<AwsCredential>>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async { self.0.get_credential().await.map_err(|err| no_credentials(&err)) })
    }
}
