//! The bodies of the fuzz targets: each states its invariant first, and panics where it is broken.
//!
//! They are ordinary functions of bytes, so that `cargo test` replays seeds and findings without a
//! fuzzer. The targets in `fuzz/` only call them.

mod chunks;
mod listener;
mod recording;
mod reply;
mod websocket;
pub(crate) mod world;

pub use chunks::{chunks_agree, filtered};
pub use flashgate_core::_testing::fuzz::{command, forwarded, http_head, proxy_header, sniff};
pub use recording::recording;
pub use reply::xml_reply;
pub use websocket::websocket;
pub use world::{gateway, joins};

#[cfg(test)]
mod tests {
    use super::*;

    /// A fuzzer in small, so that a broken invariant is found even where no fuzzer is at hand.
    #[test]
    fn random_bytes_break_nothing() {
        let mut state = 0x2007_0710_u64;
        for round in 0..4000 {
            let mut random = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize
            };
            let alphabet: &[u8] =
                b"\0\0\n\r  /<>GETPOSHQUI/policyx\x16\x03\xff\xff\xfb\xfa\xf0\x08\xef\xbb\xbf:1.0";
            let length = random() % 400;
            let data: Vec<u8> = (0..length)
                .map(|_| {
                    if round % 2 == 0 {
                        random() as u8
                    } else {
                        alphabet[random() % alphabet.len()]
                    }
                })
                .collect();
            sniff(&data);
            proxy_header(&data);
            proxy_header(&[b"PROXY TCP4 ", &data[..]].concat());
            proxy_header(&[b"\r\n\r\n\0\r\nQUIT\n!", &data[..]].concat());
            forwarded(&data);
            command(&data);
            http_head(&data);
            gateway(&data);
            websocket(&data);
            recording(&data);
            xml_reply(&data);
            chunks_agree(&data);
            filtered(&data);
        }
    }
}
