//! `--acme`: the certificate that the server gets by itself.

#[cfg(feature = "acme")]
pub(super) use with::Acme;
#[cfg(not(feature = "acme"))]
pub(super) use without::Acme;

#[cfg(feature = "acme")]
mod with {
    use super::super::options::ServeOptions;
    use super::super::plan;
    use crate::failure::{Exit, Failure};
    use crate::log::diagnostics::start_thread;
    use crate::log::{Event, Writer};
    use crate::tls::{self, Automatic, News, Roots, Wanted};

    /// Gets a certificate.
    #[derive(Debug)]
    pub(in super::super) struct Acme(tls::Acme);

    impl Acme {
        /// Prepares to get a certificate, if the options ask for one.
        pub(in super::super) fn open(options: &ServeOptions) -> Result<Option<Self>, Failure> {
            if options.acme.is_empty() {
                return Ok(None);
            }
            let roots = match &options.acme_ca {
                Some(file) => Roots::File(file.clone()),
                None => Roots::System,
            };
            let acme = tls::Acme::open(&Wanted {
                names: &options.acme,
                contacts: &options.acme_contact,
                directory: options
                    .acme_directory
                    .as_deref()
                    .unwrap_or(plan::LETS_ENCRYPT),
                roots: &roots,
                cache: plan::acme_cache(options),
            });
            acme.map(|acme| Some(Self(acme)))
                .map_err(|fault| Exit::Config.because(fault.to_string()))
        }

        pub(in super::super) fn prepare(&self) -> Result<(), Failure> {
            let prepared = self.0.prepare();
            prepared.map_err(|fault| Exit::Config.because(fault.to_string()))
        }

        pub(in super::super) fn certificates(&self) -> Automatic {
            Automatic(self.0.resolver())
        }

        pub(in super::super) fn start(self, writer: Writer) -> Result<(), Failure> {
            let tell = move |news| match news {
                News::Shown => writer.event(&Event::Reloaded("certificates")),
                News::Failed(why) => {
                    writer.event(&Event::ReloadFailed(&format!("--acme: {why}")));
                }
            };
            start_thread("acme", || self.0.run(tell))
        }
    }
}

#[cfg(not(feature = "acme"))]
mod without {
    use super::super::options::ServeOptions;
    use crate::failure::Failure;
    use crate::log::Writer;
    use crate::tls::Automatic;

    /// Never exists in a build without `acme`.
    #[derive(Debug)]
    pub(in super::super) enum Acme {}

    impl Acme {
        pub(in super::super) fn open(options: &ServeOptions) -> Result<Option<Self>, Failure> {
            match options.acme.is_empty() {
                true => Ok(None),
                false => Err(Failure::usage(
                    "--acme: this program was built without ACME; build it with cargo install --path . --features acme, or \
                     let certbot or lego get the certificate, with --acme-webroot",
                )),
            }
        }

        pub(in super::super) fn prepare(&self) -> Result<(), Failure> {
            match *self {}
        }

        pub(in super::super) fn certificates(&self) -> Automatic {
            match *self {}
        }

        pub(in super::super) fn start(self, _: Writer) -> Result<(), Failure> {
            match self {}
        }
    }
}
