//! What may be asked for, as it comes: one JSON object, hostile until it has been read.
//!
//! | request | |
//! |---|---|
//! | `{"request": "restart"}` | ends everything in order and starts the machine again |
//! | `{"request": "power-off"}` | ends everything in order and switches it off |
//! | `{"request": "set", "key": "name", "value": "Kitchen"}` | keeps a setting, which counts from the next start; `null` is its default |
//! | `{"request": "factory-reset"}` | forgets all settings, and starts the machine again |

use serde::Deserialize;
use serde_json::Value;

/// The longest request, in bytes; a setting has 64 characters at most.
pub(crate) const LONGEST: usize = 1024;

/// The settings that the page may change. Not those of the network: whoever has taken the player over could lead the appliance to
/// another's network by them.
const OPEN: [&str; 4] = ["name", "room", "volume", "dac"];

/// A request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Ask {
    // With braces, as serde would take anything beside a variant without.
    Restart {},
    PowerOff {},
    Set {
        key: String,
        // By a function, as serde would take a value that is missing for null.
        #[serde(deserialize_with = "Value::deserialize")]
        value: Value,
    },
    FactoryReset {},
}

impl Ask {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none, or none that may be made, for who made it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > LONGEST {
            return Err(format!("longer than {LONGEST} bytes"));
        }
        let ask = serde_json::from_slice(bytes).map_err(|error| format!("not a request: {error}"))?;
        match &ask {
            Self::Set { key, .. } if !OPEN.contains(&key.as_str()) => {
                Err(format!("only these settings can be changed from here: {}", OPEN.join(", ")))
            }
            Self::Set { value: Value::Array(_) | Value::Object(_), .. } => {
                Err("a value is a text, a number, true, false or null".to_owned())
            }
            _ => Ok(ask),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        let parse = |text: &str| Ask::parse(text.as_bytes());
        assert_eq!(parse(r#"{"request": "restart"}"#), Ok(Ask::Restart {}));
        assert_eq!(parse(r#"{"request": "power-off"}"#), Ok(Ask::PowerOff {}));
        assert_eq!(parse(r#"{"request": "factory-reset"}"#), Ok(Ask::FactoryReset {}));
        let set = Ask::Set { key: "name".to_owned(), value: "Kitchen".into() };
        assert_eq!(parse(r#"{"request": "set", "key": "name", "value": "Kitchen"}"#), Ok(set));
    }

    #[test]
    fn what_is_none_is_refused_with_a_reason() {
        for (text, why) in [
            ("", "not a request"),
            ("restart", "not a request"),
            (r#"{"request": "shell"}"#, "not a request"),
            (r#"{"request": "restart", "now": true}"#, "not a request"),
            (r#"{"request": "set", "key": "name"}"#, "not a request"),
            (r#"{"request": "set", "key": "wifi.password", "value": "x"}"#, "only these"),
            (r#"{"request": "set", "key": "network.dns", "value": "6.6.6.6"}"#, "only these"),
            (r#"{"request": "set", "key": "name", "value": ["x"]}"#, "a value is"),
        ] {
            let reason = Ask::parse(text.as_bytes()).unwrap_err();
            assert!(reason.contains(why), "{text}: {reason}");
        }
        let long = format!(r#"{{"request": "restart"}}{}"#, " ".repeat(LONGEST));
        assert!(Ask::parse(long.as_bytes()).unwrap_err().contains("1024"));
        let deep = "[".repeat(LONGEST);
        assert!(Ask::parse(deep.as_bytes()).is_err());
    }
}
