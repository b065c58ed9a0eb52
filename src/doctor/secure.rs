//! TLS: the handshake, the chain, the name and the end of the certificate.

use super::dial::{Target, Wire};
use super::options::DoctorOptions;
use super::report::{Check, Finding, Report};
use crate::tls::{Roots, Shown};

/// Checks a place that speaks TLS.
pub(super) fn check(
    target: &Target,
    own: &DoctorOptions,
    on: Option<&str>,
    report: &mut Report,
) -> Option<Wire> {
    match target.open() {
        Ok((wire, Some(shown))) => {
            let found = format!("{}, {} certificates", shown.version, shown.length());
            report.add_on(Check::Tls, on, &Finding::ok(found));
            judge(&shown, own, on, report);
            Some(wire)
        }
        Ok((wire, None)) => Some(wire),
        Err(why) => {
            let advice = "compare tls-cert and tls-key with the log: TLS REFUSED says why";
            report.add_on(Check::Tls, on, &Finding::fail(why, advice));
            None
        }
    }
}

/// Judges a certificate.
pub(super) fn judge(shown: &Shown, own: &DoctorOptions, on: Option<&str>, report: &mut Report) {
    report.add_on(Check::Chain, on, &chain(shown, own));
    let name = match own.name() {
        Some(host) if shown.is_for(&host) => Finding::ok(format!("it is for {host}")),
        Some(host) => Finding::fail(
            format!("it is not for {host}"),
            "get a certificate for that name; of several, the one for the name is shown, else the first",
        ),
        None => Finding::warn(
            "not compared, as the name of the server is not known",
            "name it with --host",
        ),
    };
    report.add_on(Check::Name, on, &name);
    report.add_on(Check::Days, on, &days(shown));
}

fn chain(shown: &Shown, own: &DoctorOptions) -> Finding {
    let roots = match &own.tls_ca {
        Some(file) => Roots::File(file.clone()),
        None => Roots::System,
    };
    match shown.leads_to(&roots) {
        Ok(()) => Finding::ok("it leads to a root that is trusted here"),
        Err(why) if shown.length() == 1 => Finding::fail(
            why,
            "the chain is missing: give certbot's fullchain.pem to tls-cert, not cert.pem",
        ),
        Err(why) => Finding::fail(
            why,
            "clients refuse it: get one of an authority that they trust, like Let's Encrypt",
        ),
    }
}

fn days(shown: &Shown) -> Finding {
    let advice = "renew it: see whether certbot's timer runs; the server reads new files by itself";
    match shown.days_left() {
        Some(days) if days < 0 => {
            Finding::fail(format!("it has expired {} days ago", -days), advice)
        }
        Some(days) if days < 3 => Finding::fail(format!("it expires in {days} days"), advice),
        Some(days) if days < 14 => Finding::warn(format!("it expires in {days} days"), advice),
        Some(days) => Finding::ok(format!("{days} days are left")),
        None => Finding::ok("its end is far away"),
    }
}
