//! The formats, a table a family; the more telling families come first.
mod cloud;
mod contexts;
mod forges;
mod models;
mod payments;
mod services;

use super::formats::Format;

/// Every table.
pub(super) const TABLES: &[&[Format]] = &[
    models::TABLE,
    forges::TABLE,
    cloud::TABLE,
    payments::TABLE,
    services::TABLE,
    contexts::TABLE,
];
