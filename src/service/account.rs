//! The user that the server runs as. Started as root, it opens its listeners and reads its keys, and then becomes
//! another user, for good.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, initgroups, setgid, setuid};

use crate::failure::{Exit, Failure};

/// The user that the server becomes.
#[derive(Debug)]
pub(crate) enum Account {
    /// The user that it is already.
    Present,
    /// This user.
    Other(Box<User>),
}

/// From where the server's listeners can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// From this machine alone.
    Machine,
    /// From elsewhere, at this address.
    Others(String),
}

/// The user that `--user` names, or the present one. Root must be named, unless only this machine can connect.
pub(crate) fn account(name: Option<&str>, reach: &Reach) -> Result<Account, Failure> {
    let present = Uid::effective();
    match (name, reach) {
        (Some(name), _) => wanted(name, present),
        (None, Reach::Others(address)) if present.is_root() => Err(Exit::Config.because(format!(
            "this server was started as root, and {address} can be reached from other machines; name the user to become \
             when its ports are open and its keys are read, like --user _flashgate, or allow it to stay root with \
             --user root"
        ))),
        (None, Reach::Machine) if present.is_root() => {
            log::warn!(
                "the server runs as root; start it as another user, or name the user to become, like --user _flashgate"
            );
            Ok(Account::Present)
        }
        (None, Reach::Machine | Reach::Others(_)) => Ok(Account::Present),
    }
}

fn wanted(name: &str, present: Uid) -> Result<Account, Failure> {
    let refuse = |why: String| Exit::Config.because(format!("--user {name}: {why}"));
    let found = User::from_name(name)
        .map_err(|error| refuse(format!("the users of this machine cannot be read: {error}")))?;
    let user = found.ok_or_else(|| {
        refuse(
            "this machine has no user of that name; create one (adduser --system --group NAME), or name another"
                .to_owned(),
        )
    })?;
    if user.uid == present {
        return Ok(Account::Present);
    }
    if !present.is_root() {
        return Err(refuse(format!(
            "only root can become another user, and this server was started by the user with number {present}; leave \
             the option out, or start the server as root"
        )));
    }
    Ok(Account::Other(Box::new(user)))
}

impl Account {
    /// Its user and group, if that is another one.
    pub(crate) fn owner(&self) -> Option<(Uid, Gid)> {
        match self {
            Self::Present => None,
            Self::Other(user) => Some((user.uid, user.gid)),
        }
    }

    /// Becomes this user, with its groups. Must be called before a thread starts.
    pub(crate) fn assume(&self) -> Result<(), Failure> {
        let Self::Other(user) = self else {
            return Ok(());
        };
        let failed = |error: String| {
            let name = &user.name;
            Exit::Failure.because(format!("cannot become the user {name}: {error}"))
        };
        let name = CString::new(user.name.as_str()).map_err(|error| failed(error.to_string()))?;
        // The user last: after that, nothing else may be changed.
        initgroups(&name, user.gid)
            .and_then(|()| setgid(user.gid))
            .and_then(|()| setuid(user.uid))
            .map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_users_are_refused_with_their_name() {
        let failure = account(Some("no-such-user"), &Reach::Machine).unwrap_err();
        assert_eq!(failure.exit, Exit::Config);
        assert!(
            failure.message.starts_with("--user no-such-user: "),
            "{failure}"
        );
    }

    #[test]
    fn only_root_becomes_somebody_else() {
        let somebody = Uid::from_raw(4242);
        let failure = wanted("root", somebody).unwrap_err();
        assert!(
            failure.message.contains("the user with number 4242"),
            "{failure}"
        );
        assert!(matches!(
            wanted("root", Uid::from_raw(0)),
            Ok(Account::Present)
        ));
        assert!(matches!(
            wanted("daemon", Uid::from_raw(0)),
            Ok(Account::Other(_))
        ));
    }
}
