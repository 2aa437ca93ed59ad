//! How long the fields of an event may be: they become keys, names in tables and columns of pages,
//! and whoever steers an agent chooses some of them.
use super::reject::{Fault, Reason};
use crate::events::Event;

/// A host's name, in bytes.
///
/// # Source
/// RFC 1035, section 2.3.4: 255 octets.
const MAX_HOSTNAME_BYTES: usize = 255;

/// Any other name or id, in bytes. Those that are known have less than a hundred.
const MAX_NAME_BYTES: usize = 512;

/// A path, an address or a pattern, in bytes: `PATH_MAX` of Linux.
const MAX_TEXT_BYTES: usize = 4_096;

/// Whether every field has a length that it can have; arguments are bounded by their line.
///
/// # Errors
/// The first field that is too long.
pub(super) fn check(event: &Event) -> Result<(), Fault> {
    let fields = [
        ("event_id", Some(&event.event_id), MAX_NAME_BYTES),
        ("hostname", Some(&event.hostname), MAX_HOSTNAME_BYTES),
        ("rule", event.rule.as_ref(), MAX_TEXT_BYTES),
        ("agent", event.agent.as_ref(), MAX_NAME_BYTES),
        ("role", event.role.as_ref(), MAX_NAME_BYTES),
        ("session_id", event.session_id.as_ref(), MAX_NAME_BYTES),
        ("cwd", event.cwd.as_ref(), MAX_TEXT_BYTES),
        ("user", event.user.as_ref(), MAX_NAME_BYTES),
        ("mcp_server", event.mcp_server.as_ref(), MAX_NAME_BYTES),
        ("mcp_tool", event.mcp_tool.as_ref(), MAX_NAME_BYTES),
        ("endpoint", event.endpoint.as_ref(), MAX_TEXT_BYTES),
    ];
    for (name, text, most) in fields {
        if text.is_some_and(|text| text.len() > most) {
            return Err(Fault::at(Reason::WrongField, name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        events::Timestamp,
        inputs::{Format, Notes},
    };

    #[test]
    fn a_field_that_is_too_long_is_named() {
        let now = Timestamp::parse("2026-01-06T00:00:00Z").unwrap();
        let mut event = json!({"schema_version": "1.0", "event_id": "e1", "hostname": "h",
            "timestamp": "2026-01-05T12:00:00Z", "event_type": "mcp_tool_call",
            "mcp_server": "s", "mcp_tool": "t", "decision": "allowed"});
        let mut read = |field: &str, n_bytes: usize| {
            let before = event[field].take();
            event[field] = Value::String("x".repeat(n_bytes));
            let line = event.to_string();
            event[field] = before;
            let format = Format::default_format();
            format.read(line.as_bytes(), now, &mut Notes::default()).map(|_| ())
        };
        for (field, most) in [
            ("event_id", 512),
            ("hostname", 255),
            ("rule", 4_096),
            ("agent", 512),
            ("role", 512),
            ("session_id", 512),
            ("cwd", 4_096),
            ("user", 512),
            ("mcp_server", 512),
            ("mcp_tool", 512),
            ("endpoint", 4_096),
        ] {
            assert_eq!(read(field, most), Ok(()), "{field}");
            let fault = Fault::at(Reason::WrongField, field);
            assert_eq!(read(field, most + 1), Err(fault), "{field}");
        }
    }
}
