//! `jenkins_plugin`: plugins of a Jenkins server, by its HTTP interface and as files below its home.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value as Json;

use crate::jenkins::Jenkins;
use crate::jenkins::center::Center;
use crate::jenkins::installation::{Installation, is_plain};
use crate::jenkins::plugin_file::PluginFile;
use rprov_modules::argument::{Mode, Secret};
use rprov_modules::attributes::FileAttributes;
use rprov_modules::context::Context;
use rprov_modules::http::Call;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::write::explain;
use rprov_modules::{arguments, choices};

/// How long the server may take to install a plugin and what it needs.
const INSTALLATION: Duration = Duration::from_secs(600);

/// What the script prints last when all went well.
const INSTALLED: &str = "rprov: installed";

choices! {
    /// What the plugin is to be.
    pub enum State {
        Absent = "absent",
        Present = "present",
        Pinned = "pinned",
        Unpinned = "unpinned",
        Enabled = "enabled",
        Disabled = "disabled",
        Latest = "latest",
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

arguments! {
    /// Add plugins to a Jenkins server, or remove them.
    pub struct Arguments {
        /// File system flags of the plugin's file.
        attributes_ | attr: Option<String>,
        /// PEM file of the client's certificate.
        client_cert: Option<PathBuf>,
        /// PEM file of the client's key.
        client_key: Option<PathBuf>,
        /// No effect: what is asked for is never older than the copies that are kept.
        force: bool = false,
        /// No effect: the login is always sent at once.
        force_basic_auth: bool = false,
        /// Group of the plugin's file.
        group: String = "jenkins".to_owned(),
        /// The `User-Agent`.
        http_agent: String = "ansible-httpget".to_owned(),
        /// Jenkins' home.
        jenkins_home: PathBuf = PathBuf::from("/var/lib/jenkins"),
        /// Where below `updates_url` the newest plugins are.
        latest_plugins_url_segments: Vec<String> = words(&["latest"]),
        /// Permissions of the plugin's file.
        mode: Mode = Mode("0644".to_owned()),
        /// Name of the plugin.
        name: String,
        /// Owner of the plugin's file.
        owner: String = "jenkins".to_owned(),
        /// Where below `updates_url` the list of all versions is.
        plugin_versions_url_segment: Vec<String> = words(&["plugin-versions.json", "current/plugin-versions.json"]),
        /// The level part of the SELinux context.
        selevel: Option<String>,
        /// The role part of the SELinux context.
        serole: Option<String>,
        /// The type part of the SELinux context.
        setype: Option<String>,
        /// The user part of the SELinux context.
        seuser: Option<String>,
        /// What the plugin is to be.
        state: State = State::Present,
        /// Seconds that each step of an exchange may take.
        timeout: u32 = 30,
        /// Overwrite the file in place where it cannot be replaced atomically.
        unsafe_writes: bool = false,
        /// Where below `updates_url` the list of the newest plugins is.
        update_json_url_segment: Vec<String> = words(&["update-center.json", "updates/update-center.json"]),
        /// Seconds that a copy of the list of the newest plugins is used; 0 for none, then plugins are compared themselves.
        updates_expiration: u32 = 86400,
        /// Update centres.
        updates_url: Vec<String> = words(&["https://updates.jenkins.io", "http://mirrors.jenkins.io"]),
        /// Password for the update centres.
        updates_url_password: Option<Secret>,
        /// User of the update centres.
        updates_url_username: Option<String>,
        /// Where the server is.
        url: String = "http://localhost:8080".to_owned(),
        /// Password of the server's user.
        url_password: Option<Secret>,
        /// User of the server.
        url_username: Option<String>,
        /// Not supported: GSSAPI.
        use_gssapi: bool = false,
        /// Use the proxies that the environment names.
        use_proxy: bool = true,
        /// Check the servers' certificates.
        validate_certs: bool = true,
        /// Version of the plugin.
        version: Option<String>,
        /// Where below `updates_url` all versions of plugins are.
        versioned_plugins_url_segments: Vec<String> = words(&["download/plugins", "plugins"]),
        /// Install what the plugin needs as well.
        with_dependencies: bool = true,
    }
}

/// Bring the plugin to its state.
///
/// # Errors
/// The server or the update centre cannot be reached or refuse, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.use_gssapi {
        return Err(Failure::new("use_gssapi: there is no GSSAPI here; use `url_username` and `url_password`"));
    }
    for (option, text) in [("name", Some(&arguments.name)), ("version", arguments.version.as_ref())] {
        if let Some(text) = text.filter(|text| !is_plain(text)) {
            return Err(Failure::new(format!(
                "{option}: `{text}` is none: letters, digits and any of `-_.+~` make one, as in the plugin's URL"
            )));
        }
    }
    let jenkins = Jenkins::through(
        arguments.call(&arguments.url, arguments.url_username.as_ref(), arguments.url_password.as_ref()),
        context,
    );
    let mut task = Task { arguments: &arguments, context, jenkins, known: Vec::new() };
    task.known = task.list()?;
    let changed = match arguments.state {
        State::Present | State::Latest => task.install()?,
        State::Absent => task.remove()?,
        State::Pinned => task.switch("pinned", true, "pin")?,
        State::Unpinned => task.switch("pinned", false, "unpin")?,
        State::Enabled => task.switch("enabled", true, "makeEnabled")?,
        State::Disabled => task.switch("enabled", false, "makeDisabled")?,
    };
    let state = if arguments.state == State::Latest { State::Present } else { arguments.state };
    Ok(Outcome::new(changed).with("plugin", arguments.name.as_str()).with("state", state.word()))
}

impl Arguments {
    fn call(&self, url: &str, user: Option<&String>, password: Option<&Secret>) -> Call {
        let login = user.zip(password).map(|(user, password)| (user.clone(), password.expose().to_owned()));
        Call {
            headers: vec![("User-Agent".to_owned(), self.http_agent.clone())],
            force_login: login.is_some(),
            login,
            timeout: (self.timeout > 0).then(|| Duration::from_secs(self.timeout.into())),
            validate: self.validate_certs,
            certificate: self.client_cert.clone().map(|certificate| (certificate, self.client_key.clone())),
            proxy: self.use_proxy,
            ..Call::get(url)
        }
    }

    fn file_attributes(&self) -> FileAttributes {
        FileAttributes {
            owner: Some(self.owner.clone()),
            group: Some(self.group.clone()),
            mode: Some(self.mode.clone()),
            seuser: self.seuser.clone(),
            serole: self.serole.clone(),
            setype: self.setype.clone(),
            selevel: self.selevel.clone(),
            attributes: self.attributes_.clone(),
            unsafe_writes: self.unsafe_writes,
        }
    }
}

struct Task<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    jenkins: Jenkins<'a>,
    /// The plugins that the server runs.
    known: Vec<Json>,
}

impl Task<'_> {
    fn list(&self) -> Result<Vec<Json>, Failure> {
        let path = "/pluginManager/api/json?depth=1&tree=plugins%5BshortName,version,enabled,pinned,deleted%5D";
        let list = self.jenkins.json(path)?;
        let list = list.as_ref().and_then(|list| list.get("plugins")).and_then(Json::as_array);
        list.cloned().ok_or_else(|| {
            Failure::new(format!("{} tells no list of plugins; is it Jenkins? Check `url`", self.arguments.url))
        })
    }

    /// What the server says of the plugin, if it runs it and goes on to.
    fn running(&self) -> Option<&Json> {
        let name = Some(self.arguments.name.as_str());
        self.known
            .iter()
            .find(|plugin| plugin.get("shortName").and_then(Json::as_str) == name && !is(plugin, "deleted"))
    }

    fn plugins(&self) -> PathBuf {
        self.arguments.jenkins_home.join("plugins")
    }

    fn file(&self) -> Option<PluginFile> {
        PluginFile::find(&self.plugins(), &self.arguments.name)
    }

    fn install(&self) -> Result<bool, Failure> {
        let arguments = self.arguments;
        let latest = arguments.state == State::Latest || arguments.version.as_deref() == Some("latest");
        let version = arguments.version.as_deref().filter(|_| !latest);
        if version.is_none() {
            let installed = self.running().is_some() || self.file().is_some();
            if installed && !latest {
                return Ok(false);
            }
            if !installed && arguments.with_dependencies {
                return self.order();
            }
        }
        if !self.plugins().is_dir() {
            return Err(Failure::new(format!(
                "{} is no directory; check `jenkins_home`, and that Jenkins was started once",
                self.plugins().display()
            )));
        }
        let login = (arguments.updates_url_username.as_ref(), arguments.updates_url_password.as_ref());
        let text = |plugin: &Json, name: &str| plugin.get(name).and_then(Json::as_str).map(str::to_owned);
        let staying = self.known.iter().filter(|plugin| !is(plugin, "deleted"));
        let running: BTreeMap<String, String> =
            staying.filter_map(|plugin| text(plugin, "shortName").zip(text(plugin, "version"))).collect();
        let installation = Installation {
            name: &arguments.name,
            version,
            dependencies: arguments.with_dependencies,
            plugins: self.plugins(),
            running,
            wanted: arguments.file_attributes().resolve()?,
            center: Center {
                bases: &arguments.updates_url,
                newest_list: &arguments.update_json_url_segment,
                versions_list: &arguments.plugin_versions_url_segment,
                newest_files: &arguments.latest_plugins_url_segments,
                version_files: &arguments.versioned_plugins_url_segments,
                expiration: Duration::from_secs(arguments.updates_expiration.into()),
                pattern: arguments.call("", login.0, login.1),
                copied: Cell::new(false),
                anew: Cell::new(false),
                context: self.context,
            },
        };
        installation.run(self.context)
    }

    /// Have the server install the newest version, and what that needs, from the update centre that it uses.
    fn order(&self) -> Result<bool, Failure> {
        if self.context.check() {
            return Ok(true);
        }
        let said = self.jenkins.script(&script(&self.arguments.name), INSTALLATION)?;
        if said.lines().any(|line| line.trim() == INSTALLED) {
            return Ok(true);
        }
        Err(Failure::new(format!(
            "Jenkins did not install {}: {}; check `name`, and the update centre in Jenkins' settings",
            self.arguments.name,
            said.trim()
        )))
    }

    fn remove(&self) -> Result<bool, Failure> {
        let (running, file) = (self.running().is_some(), self.file());
        if self.context.check() {
            return Ok(running || file.is_some());
        }
        if running {
            self.post("doUninstall")?;
        }
        // The server does not know of a file that came since it was started.
        let mut changed = running;
        while let Some(file) = self.file() {
            std::fs::remove_file(&file.path).map_err(|error| explain("remove", &file.path, &error))?;
            changed = true;
        }
        Ok(changed)
    }

    fn switch(&self, property: &str, wanted: bool, action: &str) -> Result<bool, Failure> {
        let name = &self.arguments.name;
        let Some(plugin) = self.running() else {
            return Err(Failure::new(format!(
                "Plugin not installed: {name} cannot be {}; install it with `state: present`, and restart Jenkins",
                self.arguments.state.word()
            )));
        };
        if is(plugin, property) == wanted {
            return Ok(false);
        }
        if self.context.check() {
            return Ok(true);
        }
        self.post(action)?;
        let after = self.list()?;
        let named = |plugin: &&Json| plugin.get("shortName").and_then(Json::as_str) == Some(name.as_str());
        // Servers since 2.0 take the order to pin and do nothing.
        Ok(after.iter().find(named).is_some_and(|plugin| is(plugin, property) == wanted))
    }

    fn post(&self, action: &str) -> Result<(), Failure> {
        self.jenkins.post(&format!("/pluginManager/plugin/{}/{action}", self.arguments.name), None)
    }
}

fn is(plugin: &Json, property: &str) -> bool {
    plugin.get(property).and_then(Json::as_bool).unwrap_or(false)
}

/// A script that installs a plugin, whose name has nothing that means something in it, and waits for that:
/// <https://javadoc.jenkins.io/hudson/model/UpdateSite.Plugin.html>.
fn script(name: &str) -> String {
    format!(
        "def center = jenkins.model.Jenkins.get().updateCenter\n\
         def plugin = center.getPlugin('{name}')\n\
         if (plugin == null) {{ center.updateAllSites(); plugin = center.getPlugin('{name}') }}\n\
         if (plugin == null) {{ println 'the update centre has no such plugin'; return }}\n\
         def status = plugin.deploy(false).get().status\n\
         println(status.success ? '{INSTALLED}' : \"failed: ${{status.problem}}\")\n"
    )
}
