//! `get_url`: a file with the content of a URL.

use std::path::{Path, PathBuf};

use rprov_wire::{Map, Value};

use super::uri::{header_list, netrc, refuse_unsupported, seconds};
use crate::argument::Secret;
use crate::arguments;
use crate::attributes::{self, FileAttributes, Wanted};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::http::{self, Call, Follow};
use crate::outcome::{Failure, Outcome};
use crate::write::{self, Staged};

arguments! {
    /// Download files from HTTP or HTTPS.
    pub struct Arguments + FileAttributes {
        /// Where from: `http://` or `https://`.
        url: String,
        /// File or directory on the host.
        dest: PathBuf,
        /// Directory for the download until it is complete.
        tmp_dest: Option<PathBuf>,
        /// Download even if the file is not older than the server's.
        force: bool = false,
        /// `ALGORITHM:CHECKSUM`, or `ALGORITHM:URL` of a file that lists it.
        checksum: String = String::new(),
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Use the proxies that the environment names.
        use_proxy: bool = true,
        /// Check the server's certificate.
        validate_certs: bool = true,
        /// Seconds that each step of the exchange may take.
        timeout: u32 = 10,
        /// Headers.
        headers: Option<Map>,
        /// User name.
        url_username | username: Option<String>,
        /// Password.
        url_password | password: Option<Secret>,
        /// Send the login at once, without being asked.
        force_basic_auth: bool = false,
        /// PEM file of the client's certificate.
        client_cert: Option<PathBuf>,
        /// PEM file of the client's key.
        client_key: Option<PathBuf>,
        /// The `User-Agent`.
        http_agent: String = "ansible-httpget".to_owned(),
        /// Headers that do not go along with a redirect.
        unredirected_headers: Vec<String> = Vec::new(),
        /// Not supported: GSSAPI.
        use_gssapi: bool = false,
        /// Take the login from `~/.netrc` where none is given.
        use_netrc: bool = true,
        /// Not supported: a choice of ciphers.
        ciphers: Option<Vec<String>>,
        /// Decompress the answer.
        decompress: bool = true,
    }
}

/// Download if needed, check, and put in place.
///
/// # Errors
/// The server has no such file, the checksum is another, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut place = Map::new();
    place.insert("url".to_owned(), arguments.url.as_str().into());
    place.insert("dest".to_owned(), arguments.dest.display().to_string().into());
    download(&arguments, context).map_err(|mut failure| {
        for (name, value) in place {
            failure.values.entry(name).or_insert(value);
        }
        failure
    })
}

fn download(arguments: &Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    refuse_unsupported(arguments.use_gssapi, arguments.ciphers.is_some())?;
    let wanted = arguments.attributes.resolve()?;
    let mut call = call(arguments);
    if let Some(directory) = arguments.tmp_dest.as_deref().filter(|directory| !directory.is_dir()) {
        let fault =
            if directory.exists() { "is a file but should be a directory." } else { "directory does not exist." };
        return Err(Failure::new(format!("{} {fault}", directory.display())).with("elapsed", 0));
    }
    let expected = expected_checksum(arguments, &call, context)?;
    let dest = &arguments.dest;
    let mut force = arguments.force;
    if dest.is_file() {
        if let (false, Some((algorithm, checksum))) = (force, &expected) {
            if algorithm.of_file(dest)? == *checksum {
                return unchanged(arguments, &wanted, context);
            }
            force = true;
        }
        let modified = std::fs::metadata(dest).and_then(|metadata| metadata.modified());
        if let (false, Ok(modified)) = (force, modified)
            && let Ok(stamp) = jiff::Timestamp::try_from(modified)
        {
            call.headers
                .push(("If-Modified-Since".to_owned(), stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        }
    }
    if force {
        call.headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    }
    let mut answer = http::send(&call, context).map_err(|failure| failure.with("elapsed", 0))?;
    let elapsed = answer.elapsed.as_secs();
    if answer.status == 304 {
        let mut outcome = unchanged(arguments, &wanted, context)?;
        outcome.values.insert("msg".to_owned(), answer.message().into());
        outcome.values.insert("status_code".to_owned(), 304.into());
        return Ok(outcome);
    }
    if answer.status != 200 {
        return Err(Failure::new("Request failed")
            .with("status_code", u32::from(answer.status))
            .with("response", answer.message())
            .with("elapsed", elapsed));
    }
    let path = if dest.is_dir() || dest.as_os_str().as_encoded_bytes().ends_with(b"/") {
        dest.join(answer.file_name())
    } else {
        dest.clone()
    };
    let directory = write::parent(&path);
    if !directory.is_dir() {
        return Err(Failure::new(format!("Destination {} does not exist", directory.display())));
    }
    // In check mode the content is looked at all the same, but kept away from the destination.
    let elsewhere;
    let mut staged = if context.check() {
        elsewhere = ::tempfile::tempdir()
            .map_err(|error| write::explain("create a directory in", &std::env::temp_dir(), &error))?;
        Staged::new(&elsewhere.path().join("download"), false)?
    } else {
        Staged::new(&path, wanted.unsafe_writes)?
    };
    staged.copy_from(&mut answer.reader())?;
    let source = Algorithm::Sha1.of_file(staged.path()?)?;
    if let Some((algorithm, checksum)) = &expected {
        let arrived = algorithm.of_file(staged.path()?)?;
        if arrived != *checksum {
            return Err(Failure::new(format!(
                "The checksum for {} did not match {checksum}; it was {arrived}.",
                arguments.url
            ))
            .with("checksum_src", source)
            .with("checksum_dest", Value::Null)
            .with("elapsed", elapsed));
        }
    }
    let old = if path.is_file() { Some(Algorithm::Sha1.of_file(&path)?) } else { None };
    let md5 = Algorithm::Md5.of_file(staged.path()?)?;
    let mut outcome = Outcome::new(old.as_deref() != Some(source.as_str()));
    if outcome.changed && !context.check() {
        if arguments.backup
            && let Some(copy) = write::backup(&path)?
        {
            outcome = outcome.with("backup_file", copy.display().to_string());
        }
        staged.commit(&wanted)?;
    }
    if path.exists() || !context.check() {
        outcome.changed |= wanted.apply(&path, context.check())?.changed;
    }
    Ok(outcome
        .with("url", arguments.url.as_str())
        .with("dest", path.display().to_string())
        .with("src", arguments.url.as_str())
        .with("md5sum", md5)
        .with("checksum_src", source)
        .with("checksum_dest", old)
        .with("msg", answer.message())
        .with("status_code", http::file_path(&arguments.url).map_or(Value::Int(200), |_| Value::Null))
        .with("elapsed", elapsed)
        .with_all(attributes::describe(&path)))
}

fn unchanged(arguments: &Arguments, wanted: &Wanted, context: &Context<'_>) -> Result<Outcome, Failure> {
    let changed = wanted.apply(&arguments.dest, context.check())?.changed;
    let message = if changed { "file already exists but file attributes changed" } else { "file already exists" };
    Ok(Outcome::new(changed)
        .with("msg", message)
        .with("url", arguments.url.as_str())
        .with("dest", arguments.dest.display().to_string())
        .with("checksum_src", Value::Null)
        .with("checksum_dest", Value::Null)
        .with("elapsed", 0)
        .with_all(attributes::describe(&arguments.dest)))
}

fn call(arguments: &Arguments) -> Call {
    let mut headers = arguments.headers.as_ref().map(header_list).unwrap_or_default();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("user-agent")) {
        headers.push(("User-Agent".to_owned(), arguments.http_agent.clone()));
    }
    let given = arguments.url_username.clone().map(|user| {
        (user, arguments.url_password.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default())
    });
    let netrc = || arguments.use_netrc.then(|| netrc(&arguments.url)).flatten();
    Call {
        headers,
        follow: Follow::Urllib,
        unredirected: arguments.unredirected_headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
        force_login: arguments.force_basic_auth || given.is_none(),
        login: given.or_else(|| http::login_in_url(&arguments.url)).or_else(netrc),
        timeout: seconds(arguments.timeout),
        validate: arguments.validate_certs,
        certificate: arguments.client_cert.clone().map(|certificate| (certificate, arguments.client_key.clone())),
        proxy: arguments.use_proxy,
        decompress: arguments.decompress,
        files: true,
        ..Call::get(&arguments.url)
    }
}

/// The checksum that the file must have, fetched from its own URL if it is given as one.
fn expected_checksum(
    arguments: &Arguments,
    call: &Call,
    context: &Context<'_>,
) -> Result<Option<(Algorithm, String)>, Failure> {
    let text = arguments.checksum.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (name, value) = text.split_once(':').ok_or_else(|| {
        Failure::new("The checksum parameter has to be in format <algorithm>:<checksum>, as in sha256:0123abcd...")
    })?;
    let algorithm = Algorithm::from_name(name.trim()).ok_or_else(|| {
        Failure::new(format!(
            "checksum: `{name}` is not a known algorithm; there are md5, sha1, sha224, sha256, sha384 and sha512"
        ))
    })?;
    let value = value.trim();
    if !value.contains("://") {
        let digits: String = value.chars().filter(|character| !character.is_whitespace()).collect();
        return if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Some((algorithm, digits.to_ascii_lowercase())))
        } else {
            Err(Failure::new("The checksum format is invalid: it must be hexadecimal digits, or a URL"))
        };
    }
    let mut answer = http::send(&Call { url: value.to_owned(), ..call.clone() }, context)?;
    if answer.status != 200 {
        return Err(Failure::new(format!("the checksum file {value} cannot be fetched: {}", answer.message())));
    }
    let content = String::from_utf8_lossy(&answer.content()?).into_owned();
    let name = http::url_name(&arguments.url);
    listed_checksum(&content, &name)
        .map(|checksum| Some((algorithm, checksum)))
        .ok_or_else(|| Failure::new(format!("Unable to find a checksum for file '{name}' in '{value}'")))
}

/// The checksum of a file in a list as `sha256sum` writes it (also with `--tag`), or in a file that has nothing else.
fn listed_checksum(content: &str, name: &str) -> Option<String> {
    let is_sum = |word: &str| word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lines: Vec<&str> = content.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if let [line] = lines.as_slice()
        && is_sum(line)
    {
        return Some(line.to_ascii_lowercase());
    }
    lines.iter().find_map(|line| {
        if let Some((head, sum)) = line.split_once(") = ") {
            let file = head.split_once('(')?.1;
            return (file.trim_start_matches("./") == name && is_sum(sum)).then(|| sum.to_ascii_lowercase());
        }
        let (sum, file) = line.split_once(char::is_whitespace)?;
        let file = file.trim_start().trim_start_matches('*');
        let base = Path::new(file).file_name()?.to_string_lossy();
        (is_sum(sum) && (file.trim_start_matches("./") == name || base == name)).then(|| sum.to_ascii_lowercase())
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Bench, Server};

    const SHA1: &str = "f572d396fae9206628714fb2ce00f72e94f2258f";

    #[test]
    fn a_file_is_downloaded_once() {
        let (bench, server) = (Bench::new(), Server::new());
        let arguments = json!({"url": server.url("/file.txt"), "dest": bench.path("f"), "mode": "0600"});
        let result = bench.converges("get_url", arguments);
        assert_eq!((&result["checksum_src"], &result["msg"]), (&Value::from(SHA1), &Value::from("OK (6 bytes)")));
        assert_eq!((&result["status_code"], &result["mode"]), (&Value::Int(200), &Value::from("0600")));
        assert_eq!(bench.read("f"), "hello\n");
    }

    #[test]
    fn a_file_of_the_host_is_taken_by_its_url() {
        let bench = Bench::new();
        let source = bench.file("a b", "hello\n");
        let url = format!("file://{}", source).replace(' ', "%20");
        let result = bench.converges("get_url", json!({"url": url, "dest": bench.path("f")}));
        assert_eq!((&result["checksum_src"], &result["status_code"]), (&Value::from(SHA1), &Value::Null));
        assert_eq!((&result["msg"], bench.read("f").as_str()), (&Value::from("OK (6 bytes)"), "hello\n"));
        let message = bench.fails("get_url", json!({"url": "file:///rprovtest/none", "dest": bench.path("f")}));
        assert!(message.contains("file:///rprovtest/none: could not read the file: No such file"), "{message}");
        let directory = format!("file://{}", bench.path("."));
        assert!(bench.fails("get_url", json!({"url": directory, "dest": bench.path("f")})).contains("directory"));
    }

    #[test]
    fn a_matching_checksum_needs_no_request() {
        let (bench, server) = (Bench::new(), Server::new());
        bench.file("f", "hello\n");
        let arguments =
            json!({"url": server.url("/file.txt"), "dest": bench.path("f"), "checksum": format!("sha1:{SHA1}")});
        bench.settled("get_url", arguments);
        assert_eq!(server.requests(), 0);
    }

    #[test]
    fn a_wrong_checksum_leaves_the_old_file() {
        let (bench, server) = (Bench::new(), Server::new());
        bench.file("f", "old");
        let arguments = json!({"url": server.url("/file.txt"), "dest": bench.path("f"), "checksum": "sha1:0000"});
        assert!(bench.fails("get_url", arguments).contains("did not match 0000; it was f572"));
        assert_eq!(bench.read("f"), "old");
        let arguments = json!({"url": server.url("/file.txt"), "dest": bench.path("f"), "checksum": "crc:0000"});
        assert!(bench.fails("get_url", arguments).contains("not a known algorithm"));
    }

    #[test]
    fn the_checksum_may_be_listed_at_a_url() {
        let (bench, server) = (Bench::new(), Server::new());
        let checksum = format!("sha1:{}", server.url("/SUMS"));
        bench.converges(
            "get_url",
            json!({"url": server.url("/file.txt"), "dest": bench.path("f"), "checksum": checksum}),
        );
        assert_eq!(listed_checksum(&format!("SHA1 (a) = {SHA1}"), "a"), Some(SHA1.to_owned()));
        assert_eq!(listed_checksum(SHA1, "x"), Some(SHA1.to_owned()));
        assert_eq!(listed_checksum(&format!("{SHA1} *b"), "a"), None);
    }

    #[test]
    fn a_directory_gets_the_name_that_the_server_gives_and_backups_are_kept() {
        let (bench, server) = (Bench::new(), Server::new());
        bench.file("named.txt", "old");
        let arguments = json!({"url": server.url("/file.txt"), "dest": bench.path(""), "backup": true});
        let result = bench.apply("get_url", arguments);
        assert_eq!(result["dest"], Value::from(bench.path("named.txt")));
        assert_eq!(std::fs::read_to_string(result["backup_file"].as_str().unwrap()).unwrap(), "old");
    }

    #[test]
    fn what_the_server_does_not_have_is_an_error() {
        let (bench, server) = (Bench::new(), Server::new());
        let arguments = json!({"url": server.url("/404"), "dest": bench.path("f")});
        let failure = bench.run("get_url", arguments, false).unwrap_err();
        assert_eq!((failure.message.as_str(), &failure.values["status_code"]), ("Request failed", &Value::Int(404)));
        let arguments = json!({"url": server.url("/file.txt"), "dest": bench.path("no/f")});
        assert!(bench.fails("get_url", arguments).ends_with("does not exist"));
    }
}
