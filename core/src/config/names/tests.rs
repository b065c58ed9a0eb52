//! Settings by name: set, read back, and refused.

use alloc::collections::BTreeSet;
use alloc::string::ToString as _;

use super::super::Config;
use super::super::setting::SettingError;
use super::*;

#[test]
fn a_name_is_given_once() {
    let mut seen = BTreeSet::new();
    for setting in SETTINGS {
        let plain = |b: u8| b.is_ascii_lowercase() || b == b'-';
        assert!(setting.name().bytes().all(plain), "{}", setting.name());
        assert!(seen.insert(setting.name()), "{}", setting.name());
        if let Some(earlier) = setting.earlier_name() {
            assert!(seen.insert(earlier), "{earlier}");
        }
    }
}

/// Whatever one setting is set to, it is read back as that, is within its bounds, and changes no other.
#[test]
fn each_is_set_and_read_back() {
    let usual = Config::default();
    for setting in SETTINGS {
        let name = setting.name();
        let mut changes = 0;
        for value in setting.samples() {
            let mut config = Config::default();
            assert_eq!(setting.set(&mut config, &value), Ok(()), "{name} {value}");
            assert_eq!(setting.value(&config), value, "{name}");
            changes += usize::from(setting.value(&usual) != value);
            for other in SETTINGS.iter().filter(|other| other.name() != name) {
                assert_eq!(other.value(&config), other.value(&usual), "{name}");
            }
            let mut restored = Config::default();
            assert!(Setting::restore(&mut restored, name, &value), "{name}");
            assert_eq!(setting.value(&restored), value, "{name}");
        }
        assert!(changes > 0, "{name}");
    }
}

#[test]
fn the_names_of_earlier_versions() {
    for (name, value, now, reads) in [
        ("per-address", "7", "max-per-address", "7"),
        ("login", "660000ms", "login-timeout", "11m"),
        ("list", "identified", "list-needs-login", "on"),
        ("list", "everyone", "list-needs-login", "off"),
    ] {
        let mut config = Config::default();
        assert!(Setting::restore(&mut config, name, value), "{name}");
        let setting = Setting::named(now).unwrap();
        assert_eq!(setting.value(&config), reads);
        assert!(Setting::named(name).is_none(), "{name} is of the past");
    }
    let mut config = Config::default();
    assert!(!Setting::restore(&mut config, "list", "nobody"));
    assert!(!Setting::restore(&mut config, "max-client", "2"));
}

#[test]
fn what_does_not_fit_is_said() {
    for (name, value, why) in [
        (
            "max-clients",
            "0",
            "it must be a whole number from 1 to 1000000",
        ),
        (
            "max-clients",
            "+5",
            "it must be a whole number from 1 to 1000000",
        ),
        ("rate", "", "it must be a whole number from 0 to 1000000"),
        ("failures", "256", "it must be a whole number from 1 to 255"),
        (
            "login-timeout",
            "0",
            "it must be a time from 1s to 365d: seconds, or a number with ms, s, m, h or d",
        ),
        ("presence", "some", "it must be all or off"),
        ("list-needs-login", "", "it must be off or on"),
    ] {
        let mut config = Config::default();
        let error = config.set(name, value).unwrap_err();
        assert_eq!(error.to_string(), why, "{name} {value}");
    }
    let mut config = Config::default();
    assert_eq!(config.set("max-client", "2"), Err(SettingError::Unknown));
    for value in ["600", "600s", "10m", "600000ms"] {
        assert_eq!(config.set("login-timeout", value), Ok(()));
        assert_eq!(config.limits.login, Millis::from_secs(600));
    }
}
