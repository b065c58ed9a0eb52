//! Ports that browsers do not connect to, whatever listens there: the list of the Fetch standard, "bad port".

use super::report::Finding;

pub(super) fn check(ports: &[u16]) -> Finding {
    let refused: Vec<String> = ports
        .iter()
        .filter(|port| is_refused(**port))
        .map(u16::to_string)
        .collect();
    let all: Vec<String> = ports.iter().map(u16::to_string).collect();
    if refused.is_empty() {
        Finding::ok(match all.len() {
            0 => "no port is named".to_owned(),
            _ => format!("browsers connect to {}", all.join(", ")),
        })
    } else {
        Finding::fail(
            format!("browsers refuse to connect to port {}", refused.join(", ")),
            "browsers never connect to this port; choose another port, like 8080",
        )
    }
}

fn is_refused(port: u16) -> bool {
    REFUSED.binary_search(&port).is_ok()
}

const REFUSED: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list() {
        assert!(REFUSED.is_sorted());
        for port in [6000, 6665, 6669, 10080, 1] {
            assert!(is_refused(port), "{port}");
        }
        for port in [80, 443, 843, 6670, 8080] {
            assert!(!is_refused(port), "{port}");
        }
    }
}
