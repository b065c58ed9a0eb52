//! Unix sockets that the server listens on, and their files.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, lchown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use flashgate_core::Role;
use rustix::fs::Mode;
use rustix::process::umask;
use socket2::{Domain, SockAddr, Socket, Type};

use super::listen::{BACKLOG, option};
use crate::failure::{Exit, Failure};
use crate::files::OwnPath;
use crate::service::Account;

/// A Unix socket to listen on.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) path: PathBuf,
    role: Role,
}

/// An open one, and its file.
#[derive(Debug)]
pub(super) struct UnixSocket {
    pub(super) listener: UnixListener,
    pub(super) file: OwnPath,
    pub(super) role: Role,
}

/// What an option names, if it is the path of a Unix socket.
pub(super) fn wanted(text: &str, role: Role) -> Option<Result<Wanted, Failure>> {
    let path = text.strip_prefix("unix:")?;
    let fits = !path.is_empty() && SockAddr::unix(path).is_ok();
    let wanted = fits.then(|| Wanted {
        path: path.into(),
        role,
    });
    Some(wanted.ok_or_else(|| {
        Failure::usage(&format!(
            "{} {text} is not a Unix socket to listen on; write unix:PATH, like unix:/run/flashgate/chat.sock, \
             with at most 107 bytes of path",
            option(role)
        ))
    }))
}

/// Opens each socket. If the server becomes another user, its file belongs to that user.
pub(super) fn open(wanted: &[Wanted], account: &Account) -> Result<Vec<UnixSocket>, Failure> {
    let open = |wanted: &Wanted| {
        let opened = bind(&wanted.path, account);
        let (listener, file) = opened.map_err(|error| failure(&wanted.path, &error))?;
        Ok(UnixSocket {
            listener,
            file,
            role: wanted.role,
        })
    };
    // The process has one thread so far. To change the mode of the file later, root would have to go by its path, where
    // the owner of the folder may have put another file.
    let before = umask(UMASK);
    let opened = wanted.iter().map(open).collect();
    umask(before);
    opened
}

fn bind(path: &Path, account: &Account) -> io::Result<(UnixListener, OwnPath)> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    // A server that was killed has left it.
    if is_socket && !answers(path) {
        fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = OwnPath::at(path)?;
    if let Some((user, group)) = account.owner() {
        lchown(path, Some(user.as_raw()), Some(group.as_raw()))?;
    }
    socket.listen(BACKLOG)?;
    Ok((socket.into(), file))
}

/// Whether a server listens at a socket. One whose queue is full does, too.
fn answers(path: &Path) -> bool {
    let connect = || {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    };
    match connect() {
        Ok(()) => true,
        Err(error) => error.kind() != io::ErrorKind::ConnectionRefused,
    }
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    // Other kinds have nothing to be advised.
    #[allow(clippy::wildcard_enum_match_arm)]
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program or another flashgate listens there, or the file is no socket: stop it, remove the \
             file, or choose another path"
        }
        io::ErrorKind::NotFound => "; its folder does not exist: create it, or choose another path",
        io::ErrorKind::PermissionDenied => {
            "; the server's user must be able to write to the folder: allow that, or choose another path"
        }
        _ => "",
    };
    let path = path.display();
    Exit::Unavailable.because(format!("cannot listen on unix:{path}: {error}{advice}"))
}

/// The owner and the group may connect: mode 0660.
const UMASK: Mode = Mode::from_raw_mode(0o117);

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    use std::thread;
    use std::time::Duration;

    use tempfile::tempdir;

    use super::*;

    #[test]
    fn a_file_goes_with_its_server_and_not_with_another_one() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("socket");
        let (listener, file) = bind(&path, &Account::Present).unwrap();
        // An operator may change who can connect.
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        drop((listener, file));
        assert!(!path.exists());

        // While the first server still waits for its clients to leave, a second one starts.
        let (listener, file) = bind(&path, &Account::Present).unwrap();
        drop(listener);
        // Linux before 6.13 has steps of up to 10 ms in the times of files.
        thread::sleep(Duration::from_millis(20));
        let (second, its_own) = bind(&path, &Account::Present).unwrap();
        drop(file);
        UnixStream::connect(&path).expect("the second serves");
        drop((second, its_own));
        assert!(!path.exists());
    }

    #[test]
    fn one_with_a_full_queue_is_not_replaced() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let _waits = UnixStream::connect(&path).unwrap();
        assert!(answers(&path));
        let error = bind(&path, &Account::Present).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
