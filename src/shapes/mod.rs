//! stub
use crate::commands::{canonical, grammar::Learned};
/// s
#[derive(Clone, Debug)]
pub struct Shape {
    /// t
    pub text: String,
}
/// s
pub fn shape(argv: &[String], _cwd: Option<&str>, _l: &Learned) -> Shape {
    Shape { text: canonical(argv) }
}
