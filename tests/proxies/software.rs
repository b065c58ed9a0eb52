//! The proxies: their configurations, and the ways through them.

use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Form;
use crate::process::{PATIENCE, Process};

/// One way through a proxy.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) names: Names,
    pub(crate) forms: &'static [Form],
}

/// How a proxy names its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    InTheHead,
    InFront,
}

pub(crate) const WAYS: &[Way] = &[
    Way {
        name: "HAProxy, http",
        names: Names::InTheHead,
        forms: &[Form::WebSocket],
    },
    Way {
        name: "nginx, proxy_pass",
        names: Names::InTheHead,
        forms: &[Form::WebSocket],
    },
    Way {
        name: "Apache, mod_proxy_wstunnel",
        names: Names::InTheHead,
        forms: &[Form::WebSocket],
    },
    Way {
        name: "Caddy",
        names: Names::InTheHead,
        forms: &[Form::WebSocket],
    },
    Way {
        name: "HAProxy, send-proxy",
        names: Names::InFront,
        forms: &[Form::Raw, Form::WebSocket],
    },
    Way {
        name: "HAProxy, send-proxy-v2 and health checks",
        names: Names::InFront,
        forms: &[Form::Raw, Form::WebSocket],
    },
    Way {
        name: "nginx, stream with proxy_protocol",
        names: Names::InFront,
        forms: &[Form::Raw, Form::WebSocket],
    },
    Way {
        name: "nginx, proxy_pass to a Unix socket",
        names: Names::InTheHead,
        forms: &[Form::WebSocket],
    },
    Way {
        name: "HAProxy, send-proxy-v2 and health checks to a Unix socket",
        names: Names::InFront,
        forms: &[Form::Raw, Form::WebSocket],
    },
];

/// Where the two servers listen: one reads heads, one reads PROXY headers.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) headers: u16,
    pub(crate) protocol: u16,
    /// The Unix socket of each.
    pub(crate) sockets: [PathBuf; 2],
}

/// All proxies, running.
#[derive(Debug)]
pub(crate) struct Software {
    ports: Vec<u16>,
    folder: PathBuf,
    _processes: Vec<Process>,
}

/// After a failure, what the proxies have said is wanted.
impl Drop for Software {
    fn drop(&mut self) {
        for name in ["haproxy", "nginx", "apache2", "caddy"] {
            let path = self.folder.join(format!("{name}.said"));
            if thread::panicking() {
                println!("{}", fs::read_to_string(path).unwrap_or_default());
            }
        }
    }
}

impl Software {
    pub(crate) fn start(folder: &Path, servers: &Servers) -> Self {
        let ports = free_ports();
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        let haproxy = write("haproxy.cfg", haproxy(&ports, servers));
        let nginx = write("nginx.conf", nginx(folder, &ports, servers));
        let apache = write("apache.conf", apache(folder, &ports, servers));
        let caddy = write("Caddyfile", caddy(&ports, servers));
        let start = |name: &str, arguments: &[&dyn AsRef<OsStr>]| {
            let mut command = Command::new(name);
            command.env("HOME", folder);
            for argument in arguments {
                command.arg(argument.as_ref());
            }
            Process::start(&mut command, &folder.join(format!("{name}.said")))
        };
        let processes = Vec::from([
            start("haproxy", &[&"-db", &"-f", &haproxy]),
            start("nginx", &[&"-p", &folder, &"-c", &nginx]),
            start("apache2", &[&"-DFOREGROUND", &"-f", &apache]),
            start(
                "caddy",
                &[&"run", &"--adapter", &"caddyfile", &"--config", &caddy],
            ),
        ]);
        for port in &ports {
            wait_for(*port);
        }
        Self {
            ports,
            folder: folder.into(),
            _processes: processes,
        }
    }

    pub(crate) fn port(&self, way: &Way) -> u16 {
        let at = WAYS.iter().position(|other| other.name == way.name);
        self.ports[at.expect("one of them")]
    }
}

/// A port for each way. They are free again when a proxy takes them.
fn free_ports() -> Vec<u16> {
    let listeners = WAYS
        .iter()
        .map(|_| TcpListener::bind("192.0.2.1:0").expect("a free port"));
    let listeners: Vec<TcpListener> = listeners.collect();
    let ports = listeners
        .iter()
        .map(|listener| listener.local_addr().expect("it has one").port());
    ports.collect()
}

pub(crate) fn wait_for(port: u16) {
    let begun = Instant::now();
    while TcpStream::connect(("192.0.2.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "nothing listens on port {port}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn haproxy(ports: &[u16], servers: &Servers) -> String {
    let [http, _, _, _, v1, v2, _, _, unix] = ports[..] else {
        panic!("a port for each way");
    };
    let Servers {
        headers, protocol, ..
    } = servers;
    let socket = servers.sockets[1].display();
    format!(
        "defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    timeout tunnel 60s
listen http
    mode http
    bind 192.0.2.1:{http}
    http-request set-header X-Forwarded-For %[src]
    server flashgate 127.0.0.1:{headers}
listen v1
    mode tcp
    bind 192.0.2.1:{v1}
    server flashgate 127.0.0.1:{protocol} send-proxy check inter 500ms
listen v2
    mode tcp
    bind 192.0.2.1:{v2}
    option httpchk GET /healthz
    server flashgate 127.0.0.1:{protocol} send-proxy-v2 check inter 500ms
listen unix
    mode tcp
    bind 192.0.2.1:{unix}
    option httpchk GET /healthz
    server flashgate unix@{socket} send-proxy-v2 check inter 500ms
"
    )
}

fn nginx(folder: &Path, ports: &[u16], servers: &Servers) -> String {
    let site = |port: u16, server: &str| {
        let passes = nginx_passes(server, "$host");
        format!(
            "
    server {{
        listen 192.0.2.1:{port};
{passes}
    }}"
        )
    };
    let http = site(ports[1], &format!("127.0.0.1:{}", servers.headers));
    let socket = format!("unix:{}:", servers.sockets[0].display());
    let unix = site(ports[7], &socket);
    nginx_with(folder, &format!("{http}{unix}"), ports[6], servers.protocol)
}

/// The part of a server of nginx that passes requests on. `host` is the variable that `Host` is taken from.
pub(crate) fn nginx_passes(server: &str, host: &str) -> String {
    format!(
        "        location / {{
            proxy_pass http://{server};
            proxy_http_version 1.1;
            proxy_set_header Host {host};
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}"
    )
}

/// nginx with these servers for HTTP, and a port that it passes on behind a PROXY header.
pub(crate) fn nginx_with(folder: &Path, servers: &str, stream: u16, protocol: u16) -> String {
    let folder = folder.display();
    format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}{servers}
}}
stream {{
    server {{
        listen 192.0.2.1:{stream};
        proxy_pass 127.0.0.1:{protocol};
        proxy_protocol on;
    }}
}}
"
    )
}

fn apache(folder: &Path, ports: &[u16], servers: &Servers) -> String {
    let (folder, port, headers) = (folder.display(), ports[2], servers.headers);
    let modules = [
        "mpm_event",
        "authz_core",
        "headers",
        "proxy",
        "proxy_http",
        "proxy_wstunnel",
    ];
    let load = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let modules: String = modules.into_iter().map(load).collect();
    format!(
        "{modules}ServerRoot {folder}
ServerName proxy.example
DefaultRuntimeDir {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
User www-data
Group www-data
Listen 192.0.2.1:{port}
RequestHeader set X-Forwarded-Proto \"expr=%{{REQUEST_SCHEME}}\"
ProxyPass \"/\" \"http://127.0.0.1:{headers}/\" upgrade=websocket
"
    )
}

fn caddy(ports: &[u16], servers: &Servers) -> String {
    let (port, headers) = (ports[3], servers.headers);
    format!(
        "{{
\tadmin off
\tauto_https off
}}

http://:{port} {{
\tbind 192.0.2.1
\treverse_proxy 127.0.0.1:{headers}
}}
"
    )
}
