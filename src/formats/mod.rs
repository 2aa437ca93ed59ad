//! Roles and the files they come from and go to; one file a format.
mod role_json;

pub use role_json::{BadRoleFile, RoleDocument, load_role, read_role};
