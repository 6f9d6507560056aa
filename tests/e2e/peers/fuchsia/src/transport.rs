//! How do requests get to the service? The client leaves that to the device:
//! here one connection each, and a line about it.

use crate::lines;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use omaha_client::http_request::{Body, Error, HttpRequest, Request, Response, to_bytes};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);

/// The transport of a device. Nothing else runs on it, so that it may block.
pub struct Transport;

impl HttpRequest for Transport {
    fn request(
        &mut self,
        request: Request<Body>,
    ) -> BoxFuture<'_, Result<Response<Vec<u8>>, Error>> {
        exchange(request)
            .map_err(|error| {
                lines::write(json!({"line": "exchange", "error": error.to_string()}));
                Error::new_transport(error)
            })
            .boxed()
    }
}

async fn exchange(request: Request<Body>) -> anyhow::Result<Response<Vec<u8>>> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body).await?;
    let authority = parts
        .uri
        .authority()
        .ok_or_else(|| anyhow::anyhow!("no host in the address"))?;
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut head = format!("POST {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n");
    for (name, value) in &parts.headers {
        head += &format!("{name}: {}\r\n", value.to_str()?);
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());

    let mut connection = TcpStream::connect(authority.as_str())?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.write_all(head.as_bytes())?;
    connection.write_all(&body)?;
    let mut received = Vec::new();
    connection.read_to_end(&mut received)?;

    let response = parse(&received)?;
    lines::write(json!({
        "line": "exchange",
        "query": parts.uri.query(),
        "request": String::from_utf8_lossy(&body),
        "status": response.status().as_u16(),
        "headers": response.headers().iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect::<serde_json::Map<_, _>>(),
        "response": String::from_utf8_lossy(response.body()),
    }));
    Ok(response)
}

/// One whole response; its length is the connection's, and is to be what it says itself.
fn parse(received: &[u8]) -> anyhow::Result<Response<Vec<u8>>> {
    let end = received
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .ok_or_else(|| anyhow::anyhow!("no end of the headers"))?;
    let head = std::str::from_utf8(&received[..end])?;
    let body = received[end + 4..].to_vec();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or_default();
    let mut response = Response::builder().status(status);
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| anyhow::anyhow!("{line} is no header"))?;
        response = response.header(name, value.trim());
        if name.eq_ignore_ascii_case("content-length") {
            anyhow::ensure!(
                value.trim().parse() == Ok(body.len()),
                "not what content-length says"
            );
        }
    }
    Ok(response.body(body)?)
}
