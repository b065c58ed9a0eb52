//! The options of `flashgate doctor`.

use std::path::PathBuf;

use argh::{ArgsInfo, FromArgs};

use super::outside::Outside;

/// Check the machine, the files and the server, and say what to do.
#[derive(FromArgs, ArgsInfo, Clone, Debug)]
#[argh(
    subcommand,
    name = "doctor",
    note = "Prints a line for each check: ok, warn or FAIL, what was found, and what to do. Exits with 0, or with 1 if a check has failed. Takes all options of flashgate serve, too; without any, it checks what the configuration file and the environment say. Nobody logs in, and nothing is changed, so the server may be running. To be run on the server, as root or as the server's user."
)]
pub struct DoctorOptions {
    /// configuration file (default: FLASHGATE_CONFIG, or /etc/flashgate/flashgate.toml if it is there)
    #[argh(option, arg_name = "FILE")]
    pub config: Option<PathBuf>,

    /// name of the server on the internet, like chat.example.com or chat.example.com:8080; checks certificate, proxy, WebSockets, addresses and silence from outside; may be repeated (default port 443)
    #[argh(option, arg_name = "NAME", from_str_fn(Outside::read))]
    pub host: Vec<Outside>,

    /// file with the certificates of the authorities to trust, in PEM form (default: those that this system trusts)
    #[argh(option, arg_name = "FILE")]
    pub tls_ca: Option<PathBuf>,

    /// seconds for which connections of --host stay silent; 0 skips this check (default 65, longer than the timeout of most proxies)
    #[argh(option, arg_name = "SECONDS", default = "65")]
    pub silence: u64,

    /// only check whether the server answers, for health checks
    #[argh(switch)]
    pub quick: bool,

    /// print one object of JSON
    #[argh(switch)]
    pub json: bool,

    /// what is left for serve
    #[argh(option, hidden_help, long = "serve-arguments")]
    pub serve: Vec<String>,
}

impl DoctorOptions {
    /// The name of the server, if it was given.
    pub(super) fn name(&self) -> Option<String> {
        self.host.first().map(|outside| outside.name.clone())
    }
}
