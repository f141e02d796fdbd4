//! What the owner has set, shown on the page and changed from there. The agent keeps it, and decides: it is asked over its socket, for
//! one of the few things that it can be asked for (docs/privileges.md), and what it answers is passed on.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Request, StatusCode};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::page;
use super::{Answer, App, body, read_body, text};

/// In the agent's directory.
const SOCKET: &str = "agent.sock";
/// Bytes of a change, which the agent takes somewhat more of (agent/src/requests/ask.rs).
const LONGEST: usize = 768;
/// Bytes of the agent's answer, which is a line.
const LONGEST_ANSWER: u64 = 4096;
/// For the agent to answer: a medium may take seconds to be written.
const PATIENCE: Duration = Duration::from_secs(20);

/// A change, as the page sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    key: String,
    #[serde(deserialize_with = "Value::deserialize")]
    value: Value,
}

impl App {
    /// `/settings.json`: those that count now, those from the next start on, and whether they can be changed.
    pub(super) fn settings(&self) -> Answer {
        let now = self.diagnostics.settings();
        let next = self.diagnostics.next_settings().filter(|_| now.is_some());
        let shown = json!({
            "now": now,
            "next": next,
            "can_change": self.diagnostics.run_dir().join(SOCKET).exists(),
        });
        answer(StatusCode::OK, &shown)
    }

    /// `POST /settings/set` with a [`Change`], `/settings/restart`, `/settings/power-off`, `/settings/factory-reset`.
    pub(super) async fn change_settings(&self, request: Request<Incoming>) -> Answer {
        if let Some(answer) = page::refused(&request) {
            return answer;
        }
        let path = request.uri().path().to_owned();
        let bytes = match read_body(request, LONGEST).await {
            Ok(bytes) => bytes,
            Err(answer) => return answer,
        };
        let Some(wish) = wish(&path, &bytes) else {
            return text(StatusCode::NOT_FOUND, "there is no such setting to change");
        };
        match wish {
            Ok(wish) => pass_on(&self.diagnostics.run_dir().join(SOCKET), &wish).await,
            Err(reason) => refused(StatusCode::BAD_REQUEST, &reason),
        }
    }
}

/// What the agent is asked for; `None`: there is no such path.
fn wish(path: &str, bytes: &Bytes) -> Option<Result<Value, String>> {
    match path.strip_prefix("/settings/")? {
        "set" => Some(match serde_json::from_slice(bytes) {
            Ok(Change { key, value }) => Ok(json!({ "request": "set", "key": key, "value": value })),
            Err(error) => Err(format!("not a change: {error}")),
        }),
        request @ ("restart" | "power-off" | "factory-reset") => Some(Ok(json!({ "request": request }))),
        _ => None,
    }
}

async fn pass_on(socket: &Path, wish: &Value) -> Answer {
    match tokio::time::timeout(PATIENCE, asked(socket, wish)).await {
        Ok(Ok(said)) if said["done"] == true => answer(StatusCode::OK, &said),
        Ok(Ok(said)) => refused(StatusCode::CONFLICT, said["reason"].as_str().unwrap_or("the agent doesn't say why")),
        Ok(Err(error)) => refused(StatusCode::SERVICE_UNAVAILABLE, &format!("the agent can't be asked: {error}")),
        Err(_) => refused(StatusCode::GATEWAY_TIMEOUT, "the agent doesn't answer; look into the log"),
    }
}

/// Asks, and waits for the answer.
async fn asked(socket: &Path, wish: &Value) -> std::io::Result<Value> {
    let mut agent = UnixStream::connect(socket).await?;
    // In one piece, as it is read.
    agent.write_all(wish.to_string().as_bytes()).await?;
    let mut said = Vec::new();
    agent.take(LONGEST_ANSWER).read_to_end(&mut said).await?;
    Ok(serde_json::from_slice(&said)?)
}

fn refused(status: StatusCode, reason: &str) -> Answer {
    answer(status, &json!({ "done": false, "reason": reason }))
}

fn answer(status: StatusCode, said: &Value) -> Answer {
    let mut answer = body(status, "application/json", said.to_string());
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_agent_knows_is_asked_for() {
        let ask = |path: &str, body: &'static str| wish(path, &Bytes::from_static(body.as_bytes()));
        let set = ask("/settings/set", r#"{"key": "name", "value": null}"#);
        assert_eq!(set, Some(Ok(json!({ "request": "set", "key": "name", "value": null }))));
        for path in ["restart", "power-off", "factory-reset"] {
            assert_eq!(ask(&format!("/settings/{path}"), "anything"), Some(Ok(json!({ "request": path }))));
        }
        for none in ["/settings/", "/settings/shell", "/settings/set/", "/settings"] {
            assert_eq!(ask(none, "{}"), None, "{none}");
        }
        for wrong in ["", "{}", r#"{"key": "name"}"#, r#"{"key": "name", "value": 1, "request": "restart"}"#, "[[[["] {
            assert!(matches!(ask("/settings/set", wrong), Some(Err(_))), "{wrong}");
        }
    }
}
