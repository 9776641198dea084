//! Telling whoever supervises the process how far it is: one datagram to the socket in `NOTIFY_SOCKET`, as systemd
//! asks it of services of `Type=notify`. Without that variable nothing happens.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Names the supervisor's socket: a path, or a name in the abstract namespace behind an `@`.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

/// Commands are taken.
pub(crate) const READY: &str = "READY=1";

/// No more commands are taken.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Tells the supervisor, if there is one. That it does not listen is no reason not to serve.
pub(crate) fn tell(state: &str) {
    let Some(socket) = std::env::var_os(SOCKET_VARIABLE) else {
        return;
    };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, state, "the supervisor cannot be told");
    }
}

fn send(socket: &OsString, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}
