//! The pairs that a server shows, read again when they change.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::sign::CertifiedKey;

use super::certificates::{Automatic, Certificates, Fault, Pair, Stamp, Standing, standing};

/// The certificates of a server, and the files that they come from.
#[derive(Debug)]
pub struct Watched {
    /// The files that are looked at. A pair that has never been usable is among them, and is not shown.
    pairs: Vec<Pair>,
    shown: Vec<(Pair, Arc<CertifiedKey>)>,
    certificates: Arc<Certificates>,
    /// The files that were read last, as they were then.
    read: Stamps,
    /// The files at the last look.
    seen: Stamps,
    /// Pairs that were read and do not hold yet, and when to try them again: their files do not change any more.
    early: Vec<Pair>,
    next_try: Instant,
}

type Stamps = Vec<Stamp>;

/// What is to be said of a pair that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(pub String);

impl Watched {
    /// Reads all pairs. One that does not fit is a fault; one that does not hold is a warning, since the server has more
    /// to serve than TLS.
    pub fn open(
        pairs: &[Pair],
        automatic: Option<Automatic>,
    ) -> Result<(Self, Vec<Warning>), Fault> {
        let read: Stamps = pairs.iter().map(Pair::stamp).collect();
        let mut shown = Vec::new();
        let mut warnings = Vec::new();
        for pair in pairs {
            let key = Arc::new(pair.read()?);
            let file = pair.certificate.display();
            warnings.extend(match standing(&key) {
                Standing::Valid => None,
                Standing::Expires => Some(soon(pair)),
                Standing::Expired => Some(Warning(format!(
                    "the certificate {file} has expired, and clients will refuse it; renew it"
                ))),
                Standing::NotYet => Some(Warning(format!(
                    "the certificate {file} is not valid yet, and clients will refuse it; is this machine's clock right?"
                ))),
            });
            shown.push((pair.clone(), key));
        }
        let keys = shown.iter().map(|(_, key)| Arc::clone(key)).collect();
        let watched = Self {
            pairs: pairs.to_vec(),
            shown,
            certificates: Arc::new(Certificates::new(keys, automatic)),
            seen: read.clone(),
            read,
            early: Vec::new(),
            next_try: Instant::now(),
        };
        Ok((watched, warnings))
    }

    /// What the filters choose from.
    pub fn certificates(&self) -> &Arc<Certificates> {
        &self.certificates
    }

    /// Whether the files have changed since they were read, and not since the last look: a program that writes both
    /// files is done by then.
    pub fn has_changed(&mut self) -> bool {
        let now: Stamps = self.pairs.iter().map(Pair::stamp).collect();
        let changed = now != self.read && now == self.seen;
        self.seen = now;
        changed
    }

    /// Whether a pair that did not hold yet when it was read holds now. It is tried once a minute at most.
    pub fn has_begun(&mut self, now: Instant) -> bool {
        if self.early.is_empty() || now < self.next_try {
            return false;
        }
        self.next_try = now + NEXT_TRY;
        let holds = |pair: &Pair| {
            pair.read()
                .is_ok_and(|key| standing(&key) != Standing::NotYet)
        };
        self.early.iter().any(holds)
    }

    /// Reads these pairs, and shows them from now on. One that cannot be used, or does not hold, stays what it was.
    pub fn reload(&mut self, pairs: &[Pair]) -> (Vec<Warning>, Vec<Fault>) {
        let (mut warnings, mut faults) = (Vec::new(), Vec::new());
        self.pairs = pairs.to_vec();
        self.read = pairs.iter().map(Pair::stamp).collect();
        self.seen = self.read.clone();
        self.early.clear();
        self.next_try = Instant::now() + NEXT_TRY;
        let mut shown = Vec::new();
        for pair in pairs {
            match usable(pair) {
                Ok((key, warning)) => {
                    warnings.extend(warning);
                    shown.push((pair.clone(), key));
                }
                Err(unusable) => {
                    let (Unusable::Early(fault) | Unusable::Otherwise(fault)) = &unusable;
                    faults.push(fault.clone());
                    if matches!(unusable, Unusable::Early(_)) {
                        self.early.push(pair.clone());
                    }
                    let old = self.shown.iter().find(|(old, _)| old == pair);
                    shown.extend(old.cloned());
                }
            }
        }
        // Without any pair no client could connect, unless none is named because the server gets a certificate by
        // itself.
        if !shown.is_empty() || pairs.is_empty() {
            let keys = shown.iter().map(|(_, key)| Arc::clone(key)).collect();
            self.certificates.replace(keys);
            self.shown = shown;
        }
        (warnings, faults)
    }
}

/// Why a pair cannot take the place of another.
enum Unusable {
    /// It does not hold yet.
    Early(Fault),
    /// What else is wrong with it.
    Otherwise(Fault),
}

/// Reads a pair that is to take the place of another.
fn usable(pair: &Pair) -> Result<(Arc<CertifiedKey>, Option<Warning>), Unusable> {
    let key = Arc::new(pair.read().map_err(Unusable::Otherwise)?);
    let file = pair.certificate.display();
    match standing(&key) {
        Standing::Valid => Ok((key, None)),
        Standing::Expires => Ok((key, Some(soon(pair)))),
        Standing::Expired => Err(Unusable::Otherwise(Fault::new(format!(
            "the certificate {file} has expired; the one before it stays in use; renew it"
        )))),
        Standing::NotYet => Err(Unusable::Early(Fault::new(format!(
            "the certificate {file} is not valid yet; the one before it stays in use"
        )))),
    }
}

fn soon(pair: &Pair) -> Warning {
    Warning(format!(
        "the certificate {} expires within 7 days; renew it",
        pair.certificate.display()
    ))
}

/// How long a pair that does not hold yet is left alone.
const NEXT_TRY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::thread;
    use std::time::SystemTime;

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::tempdir;

    use super::*;

    fn pair(folder: &Path, name: &str) -> Pair {
        let [certificate, key] = ["pem", "key"].map(|end| folder.join(format!("{name}.{end}")));
        Pair { certificate, key }
    }

    fn write(pair: &Pair) {
        write_from(pair, SystemTime::UNIX_EPOCH);
    }

    fn write_from(pair: &Pair, begin: SystemTime) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = begin.into();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(&pair.certificate, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&pair.key, Permissions::from_mode(0o600)).unwrap();
    }

    /// A key comes first, and its group or mode later.
    #[test]
    fn permissions_that_arrive_late_are_seen() {
        let folder = tempdir().unwrap();
        let one = pair(folder.path(), "one");
        write(&one);
        let (mut watched, _) = Watched::open(std::slice::from_ref(&one), None).unwrap();
        let pairs = [one];
        write(&pairs[0]);
        fs::set_permissions(&pairs[0].key, Permissions::from_mode(0o604)).unwrap();
        assert_eq!(watched.reload(&pairs).1.len(), 1);
        assert!((0..4).all(|_| !watched.has_changed()));
        // Linux before 6.13 has steps of up to 10 ms in the times of files.
        thread::sleep(Duration::from_millis(20));
        fs::set_permissions(&pairs[0].key, Permissions::from_mode(0o600)).unwrap();
        assert!(!watched.has_changed());
        assert!(watched.has_changed());
        assert_eq!(watched.reload(&pairs).1, []);
    }

    /// Its files are whole, so nothing but time changes. The log hears of it once.
    #[test]
    fn a_pair_that_is_not_valid_yet_is_tried_again_after_a_while() {
        let folder = tempdir().unwrap();
        let one = pair(folder.path(), "one");
        write(&one);
        let (mut watched, _) = Watched::open(std::slice::from_ref(&one), None).unwrap();
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        assert!(!watched.has_begun(later(1000)), "nothing waits");
        let begin = SystemTime::now() + Duration::from_secs(2);
        write_from(&one, begin);
        let pairs = [one];
        assert_eq!(watched.reload(&pairs).1.len(), 1);
        assert!(!watched.has_begun(later(61)), "it is still early");
        while SystemTime::now() <= begin {
            thread::sleep(Duration::from_millis(20));
        }
        assert!(!watched.has_begun(later(100)), "not within a minute");
        assert!(watched.has_begun(later(200)));
        assert_eq!(watched.reload(&pairs).1, []);
        assert!(!watched.has_begun(later(1000)), "nothing waits any more");
    }

    /// A pair that cannot be used is reported once, and taken as soon as it can.
    #[test]
    fn a_new_pair_that_cannot_be_used_is_read_again_only_when_it_changes() {
        let folder = tempdir().unwrap();
        let [good, bad] = ["good", "bad"].map(|name| pair(folder.path(), name));
        write(&good);
        let (mut watched, _) = Watched::open(std::slice::from_ref(&good), None).unwrap();
        let both = [good, bad];
        let (_, faults) = watched.reload(&both);
        assert_eq!(faults.len(), 1);
        assert_eq!(watched.shown.len(), 1);
        assert!((0..4).all(|_| !watched.has_changed()));

        write(&both[1]);
        // At the second look they are whole.
        assert!(!watched.has_changed());
        assert!(watched.has_changed());
        assert_eq!(watched.reload(&both).1, []);
        assert_eq!(watched.shown.len(), 2);
        assert!((0..4).all(|_| !watched.has_changed()));
    }
}
