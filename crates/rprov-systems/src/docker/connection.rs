//! The options by which every Docker module finds its Engine.

use std::path::PathBuf;

use rprov_modules::arguments;

/// Where the Engine listens if nothing else is said.
pub const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

arguments! {
    /// How the Docker Engine is reached.
    pub struct Connection {
        /// Address of the Engine, `unix:///path` or `tcp://host:port`; `$DOCKER_HOST`, or else
        /// `unix:///var/run/docker.sock`, if not given.
        docker_host | docker_url: Option<String>,
        /// Version of the API to speak; `auto` takes the newest that both sides know.
        api_version | docker_api_version: Option<String>,
        /// Seconds that the Engine may keep silent; `$DOCKER_TIMEOUT`, or else 60, if not given.
        timeout: Option<u64>,
        /// Name that the server's certificate must be for; the host of `docker_host` if not given.
        tls_hostname: Option<String>,
        /// Speak TLS, without looking at the server's certificate.
        tls: Option<bool>,
        /// Speak TLS, and check the server's certificate.
        validate_certs | tls_verify: Option<bool>,
        /// Certificates to trust, as PEM file.
        ca_path | ca_cert | tls_ca_cert | cacert_path: Option<PathBuf>,
        /// The client's certificate, as PEM file.
        client_cert | tls_client_cert | cert_path: Option<PathBuf>,
        /// The client's key, as PEM file.
        client_key | tls_client_key | key_path: Option<PathBuf>,
        /// Has no effect: `ssh://` is not spoken, the agent is on the host already.
        use_ssh_client: bool = false,
        /// Has no effect on what is done.
        debug: bool = false,
    }
}
