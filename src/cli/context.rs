//! What every subcommand works with: printer, configuration, store.
use tokio::sync::OnceCell;

use super::Printer;
use crate::{
    clock,
    config::Config,
    lake::{Lake, LakeError},
    store::{By, Missing, Store, StoreError},
};

/// What every subcommand works with.
#[derive(Debug)]
pub struct Context {
    /// The way out.
    pub printer: Printer,
    /// How this process is set up.
    pub config: Config,
    store: OnceCell<Store>,
}

impl Context {
    /// A context whose store is opened when it is first asked for.
    pub fn new(printer: Printer, config: Config) -> Self {
        Self { printer, config, store: OnceCell::new() }
    }

    /// The store; there must be one.
    ///
    /// # Errors
    /// Where there is none yet, or it cannot be opened.
    pub async fn store(&self) -> Result<&Store, StoreError> {
        let place = &self.config.place;
        let open = async || {
            if self.config.read_only {
                Store::open_read_only(place).await
            } else {
                Store::open(place, Missing::Refuse).await
            }
        };
        self.store.get_or_try_init(open).await
    }

    /// Makes sure that something may be written.
    ///
    /// # Errors
    /// Where this call is to look only.
    pub fn writes(&self) -> Result<(), StoreError> {
        if self.config.read_only { Err(StoreError::ReadOnly) } else { Ok(()) }
    }

    /// The lake; its directories are made where they are missing, unless nothing is to be written.
    ///
    /// # Errors
    /// Where they cannot be made.
    pub fn lake(&self) -> Result<Lake, LakeError> {
        let lake = self.config.lake_to_read()?;
        if self.config.read_only { Ok(lake) } else { lake.to_write() }
    }

    /// The store; it is made where there is none.
    ///
    /// # Errors
    /// Where it cannot be made or opened, or nothing is to be written.
    pub async fn make_store(&self) -> Result<&Store, StoreError> {
        self.writes()?;
        self.store.get_or_try_init(|| Store::open(&self.config.place, Missing::Create)).await
    }

    /// Who acts, and that it is now.
    pub fn by(&self) -> By {
        By { actor: self.config.actor.clone(), at: clock::now() }
    }

    /// Closes the store where it was opened.
    pub async fn close(self) {
        if let Some(store) = self.store.get() {
            store.close().await;
        }
    }
}
