//! The modules of community.mysql on a real server: MariaDB in a directory of its own, which listens nowhere but at a
//! socket and a port of the loopback device there. They need `mariadb-server` and `mariadb-client`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use calls::{apply, converges, refused, run, settled};
use serde_json::{Value as Json, json};
use started::tls_files;

/// A server that ends with the test.
struct Server {
    directory: tempfile::TempDir,
    process: Child,
    port: u16,
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data").display().to_string();
        let installed = Command::new("mariadb-install-db")
            .args(["--no-defaults", "--user=root", "--skip-test-db", "--auth-root-authentication-method=socket"])
            .arg(format!("--datadir={data}"))
            // Those that run side by side would meet there.
            .env("TMPDIR", directory.path())
            .output()
            .unwrap_or_else(|error| panic!("these tests need mariadb-server: {error}"));
        assert!(installed.status.success(), "{installed:?}");
        tls_files(directory.path());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let process = Command::new("mariadbd")
            .args(["--no-defaults", "--user=root", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=16M"])
            .args([format!("--datadir={data}"), format!("--socket={}", path("sock")), format!("--port={port}")])
            .args([format!("--pid-file={}", path("pid")), format!("--log-error={}", path("log"))])
            .args(["--server-id=1".to_owned(), format!("--log-bin={}", path("binlog"))])
            .args([format!("--ssl-ca={}", path("ca.pem")), format!("--ssl-cert={}", path("cert.pem"))])
            .arg(format!("--ssl-key={}", path("key.pem")))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("these tests need mariadb-server: {error}"));
        let server = Server { directory, process, port };
        let begun = Instant::now();
        while server.try_sql("SELECT 1").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", std::fs::read_to_string(server.path("log")));
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn socket(&self) -> String {
        self.path("sock").display().to_string()
    }

    fn try_sql(&self, statement: &str) -> Option<String> {
        let output = Command::new("mariadb")
            .args(["--no-defaults", "-N", "-B", "-S", &self.socket(), "-e", statement])
            .output()
            .unwrap_or_else(|error| panic!("these tests need mariadb-client: {error}"));
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What the server's own client says.
    fn sql(&self, statement: &str) -> String {
        self.try_sql(statement).unwrap_or_else(|| panic!("{statement}"))
    }

    /// The options of a task that logs in by the socket, with those of its own.
    fn with(&self, arguments: Json) -> Json {
        let mut all = json!({"login_unix_socket": self.socket(), "config_file": ""});
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn databases_come_and_go() {
    let server = Server::start();
    let present = server.with(json!({"name": ["a1", "a`2"], "encoding": "utf8mb4", "collation": "utf8mb4_bin"}));
    let applied = converges("mysql_db", &present);
    assert_eq!(applied["db"], "a1 a`2");
    assert_eq!(applied["executed_commands"][1], "CREATE DATABASE `a``2` CHARACTER SET 'utf8mb4' COLLATE 'utf8mb4_bin'");
    assert_eq!(server.sql("SHOW DATABASES LIKE 'a%'"), "a1\na`2");
    server.sql("CREATE TABLE a1.t (s TEXT); INSERT INTO a1.t VALUES ('Straße')");
    for ending in ["sql", "sql.gz", "sql.bz2", "sql.xz", "sql.zst"] {
        let target = server.path(&format!("dump.{ending}"));
        let dump = server.with(json!({"name": "a1", "state": "dump", "target": target}));
        assert_eq!(run("mysql_db", &dump, true).unwrap()["changed"], true.into());
        assert!(!target.exists(), "check mode writes no file");
        assert_eq!(apply("mysql_db", &dump)["changed"], true);
        let import = server.with(json!({"name": "a3", "state": "import", "target": target}));
        run("mysql_db", &import, true).unwrap();
        assert_eq!(server.sql("SHOW DATABASES LIKE 'a3'"), "", "check mode makes no database");
        apply("mysql_db", &import);
        assert_eq!(server.sql("SELECT s FROM a3.t"), "Straße", "{ending}");
        server.sql("DROP DATABASE a3");
    }
    let all = server.path("all.sql");
    apply(
        "mysql_db",
        &server.with(json!({"name": "all", "state": "dump", "target": all, "single_transaction": true,
        "ignore_tables": ["a1.t"], "master_data": 2, "dump_extra_args": "--skip-comments --tz-utc"})),
    );
    let text = std::fs::read_to_string(&all).unwrap();
    assert!(text.contains("Current Database: `a1`") || text.contains("USE `a1`"), "all databases are in it");
    assert!(!text.contains("Straße"), "the ignored table is not");
    assert!(text.contains("-- CHANGE MASTER TO"));
    converges("mysql_db", &server.with(json!({"name": ["a1", "a`2", "a9"], "state": "absent"})));
    assert_eq!(server.sql("SHOW DATABASES LIKE 'a%'"), "");
}

#[test]
fn a_dump_that_fails_leaves_the_file_as_it_was() {
    let server = Server::start();
    let target = server.path("dump.gz");
    std::fs::write(&target, "before").unwrap();
    server.sql("CREATE DATABASE d; CREATE VIEW d.v AS SELECT 1");
    let dump = |more: Json| {
        let mut arguments = server.with(json!({"name": "d", "state": "dump", "target": target}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused("mysql_db", &arguments)
    };
    assert!(dump(json!({"dump_extra_args": "--no-such-option"})).contains("no-such-option"));
    assert!(dump(json!({"name": "nope"})).contains("Cannot dump database(s) 'nope' - not found"));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "before");
    std::fs::write(server.path("bad.sql"), "SELECT FROM;").unwrap();
    let import = server.with(json!({"name": "d", "state": "import", "target": server.path("bad.sql")}));
    assert!(refused("mysql_db", &import).contains("SQL syntax"));
    for (arguments, part) in [
        (json!({"name": "d", "state": "import"}), "with state=import target is required"),
        (json!({"name": "d", "state": "import", "target": "/no/such"}), "/no/such does not exist"),
        (json!({"name": ["a", "b"], "state": "import", "target": target}), "Multiple databases"),
        (json!({"name": "all"}), "only with state=dump or state=import"),
        (json!({"name": ""}), "name"),
    ] {
        let message = refused("mysql_db", &server.with(arguments.clone()));
        assert!(message.contains(part), "{arguments}: {message}");
    }
}

#[test]
fn a_password_is_on_no_command_line_and_may_have_any_character() {
    let server = Server::start();
    let password = "p w#'\"\\n;é$`";
    let user = server.with(json!({"name": "du", "password": password, "priv": "*.*:ALL"}));
    converges("mysql_user", &user);
    server.sql("CREATE DATABASE d");
    let target = server.path("dump.sql");
    let dump = server.with(json!({"name": "d", "state": "dump", "target": target, "login_user": "du",
        "login_password": password}));
    let applied = apply("mysql_db", &dump);
    assert!(!applied.to_string().contains("p w#"), "{applied}");
    // By TCP, where the password is needed for the client's own proof as well.
    let info = json!({"login_host": "127.0.0.1", "login_port": server.port, "login_user": "du", "config_file": "",
        "login_password": password, "filter": "version"});
    assert_eq!(apply("mysql_info", &info)["server_engine"], "MariaDB");
    // From a file.
    let file = server.path("my.cnf");
    std::fs::write(&file, "[client]\nuser=du\npassword='p w#'\n").unwrap();
    server.sql("ALTER USER du@localhost IDENTIFIED BY 'p w#'");
    let info = json!({"login_host": "localhost", "login_port": server.port, "config_file": file, "filter": "version"});
    apply("mysql_info", &info);
}

#[test]
fn who_is_not_let_in_and_what_is_not_there_is_one_message() {
    let server = Server::start();
    let login = |more: Json| {
        let mut arguments = json!({"filter": "version", "config_file": "", "login_port": server.port});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused("mysql_info", &arguments)
    };
    let denied = login(json!({"login_user": "nobody", "login_password": "sesame"}));
    assert!(denied.contains("Access denied for user 'nobody'@'localhost'"), "{denied}");
    assert!(denied.contains("check `login_user`") && !denied.contains("sesame"), "{denied}");
    let root = login(json!({"login_user": "root"}));
    assert!(root.contains("login_unix_socket") || root.contains("login_user"), "{root}");
    let gone = login(json!({"login_unix_socket": "/no/such.sock"}));
    assert!(gone.contains("/no/such.sock") && gone.contains("there is no such socket"), "{gone}");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = login(json!({"login_port": port}));
    assert!(nobody.contains("Connection refused") && nobody.contains("login_port"), "{nobody}");
    // Somebody who says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let late = login(json!({"login_port": port, "connect_timeout": 1}));
    assert!(late.contains("no answer for 1 seconds"), "{late}");
    let database = server.with(json!({"query": "SELECT 1", "login_db": "nope"}));
    assert!(refused("mysql_query", &database).contains("Unknown database 'nope'"));
}

#[test]
fn tls_is_spoken_where_a_file_for_it_is_given() {
    let server = Server::start();
    server.sql("CREATE USER t@localhost IDENTIFIED BY 'x' REQUIRE SSL");
    let query = |more: Json| {
        let mut arguments = json!({"login_user": "t", "login_password": "x", "login_port": server.port,
            "config_file": "", "query": "SHOW STATUS LIKE 'Ssl_cipher'"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run("mysql_query", &arguments, false)
    };
    assert!(query(json!({})).unwrap_err().message.contains("Access denied"));
    let answer = query(json!({"ca_cert": server.path("ca.pem")})).unwrap();
    assert!(answer["query_result"].to_string().contains("TLS_"), "{}", answer["query_result"]);
    let other = query(json!({"ca_cert": server.path("ca.pem"), "login_host": "127.0.0.1"})).unwrap_err().message;
    assert!(other.contains("TLS") && other.contains("127.0.0.1"), "{other}");
    query(json!({"ca_cert": server.path("ca.pem"), "login_host": "127.0.0.1", "check_hostname": false})).unwrap();
    let wrong = query(json!({"ca_cert": "/etc/hostname"})).unwrap_err().message;
    assert!(wrong.contains("/etc/hostname") || wrong.contains("TLS"), "{wrong}");
    let unknown = server.path("other");
    std::fs::create_dir(&unknown).unwrap();
    tls_files(&unknown);
    let foreign = query(json!({"ca_cert": unknown.join("ca.pem")})).unwrap_err().message;
    assert!(foreign.contains("TLS"), "{foreign}");
}

#[test]
fn users_have_what_they_are_to_have_and_no_more() {
    let server = Server::start();
    server.sql("CREATE DATABASE db1; CREATE TABLE db1.t (a INT, b INT)");
    let grants = || server.sql("SHOW GRANTS FOR bob@localhost");
    let bob = |more: Json| {
        let mut arguments = server.with(json!({"name": "bob"}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    converges("mysql_user", &bob(json!({"password": "12345", "priv": "db1.*:SELECT,INSERT/db1.t:UPDATE"})));
    assert!(grants().contains("GRANT SELECT, INSERT ON `db1`.*") && grants().contains("GRANT UPDATE ON `db1`.`t`"));
    let applied = converges("mysql_user", &bob(json!({"password": "12346"})));
    assert_eq!((&applied["password_changed"], &applied["msg"]), (&json!(true), &json!("Password updated")));
    settled("mysql_user", &bob(json!({"password": "other", "update_password": "on_create"})));
    settled(
        "mysql_user",
        &bob(json!({"password": "*EFD16646FF06C24A49F6CF5E17B5FFB7DCBE2C45", "encrypted": true,
        "update_password": "on_create"})),
    );
    let applied = converges("mysql_user", &bob(json!({"priv": {"db1.*": "SELECT,DELETE", "*.*": "ALL,GRANT"}})));
    assert!(applied["msg"].as_str().unwrap().contains("granted ['DELETE'], revoked ['INSERT']"), "{applied}");
    converges("mysql_user", &bob(json!({"priv": "db1.*:UPDATE", "append_privs": true})));
    converges("mysql_user", &bob(json!({"priv": "db1.*:UPDATE", "subtract_privs": true})));
    assert!(grants().contains("GRANT ALL PRIVILEGES ON *.*") && grants().contains("GRANT SELECT, DELETE ON `db1`"));
    converges("mysql_user", &bob(json!({"priv": "*.*:REPLICATION CLIENT,PROCESS"})));
    converges("mysql_user", &bob(json!({"priv": "db1.t:SELECT(b,a),INSERT,GRANT", "column_case_sensitive": true})));
    converges("mysql_user", &bob(json!({"priv": "*.*:USAGE"})));
    assert_eq!(grants().lines().count(), 1, "{}", grants());
    for tls in [json!({"SSL": null}), json!({"x509": null}), json!({"subject": "/CN=x", "issuer": "/CN=y"}), json!({})]
    {
        converges("mysql_user", &bob(json!({"tls_requires": tls})));
    }
    converges(
        "mysql_user",
        &bob(json!({"resource_limits": {"MAX_QUERIES_PER_HOUR": 10, "max_statement_time": "1.5"}})),
    );
    converges("mysql_user", &bob(json!({"locked": true})));
    converges("mysql_user", &bob(json!({"locked": false})));
    converges("mysql_user", &bob(json!({"password_expire": "interval", "password_expire_interval": 9})));
    converges("mysql_user", &bob(json!({"password_expire": "never"})));
    converges("mysql_user", &bob(json!({"password_expire": "now"})));
    converges("mysql_user", &bob(json!({"host": "%", "password": "x", "update_password": "on_new_username"})));
    let hash = "SELECT COUNT(DISTINCT authentication_string) FROM mysql.user WHERE User = 'bob'";
    assert_eq!(server.sql(hash), "1", "the new account has the password of the other one");
    converges("mysql_user", &bob(json!({"host_all": true, "password": "y"})));
    converges("mysql_user", &bob(json!({"host_all": true, "state": "absent"})));
    assert_eq!(server.sql("SELECT COUNT(*) FROM mysql.user WHERE User = 'bob'"), "0");
}

#[test]
fn plugins_prove_who_a_user_is() {
    let server = Server::start();
    let user = |more: Json| {
        let mut arguments = server.with(json!({"name": "pl"}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    converges("mysql_user", &user(json!({"plugin": "unix_socket"})));
    let hash = "*EE0D72C1085C46C5278932678FBE2C6A782821B4";
    converges("mysql_user", &user(json!({"plugin": "mysql_native_password", "plugin_hash_string": hash})));
    converges("mysql_user", &user(json!({"plugin": "mysql_native_password", "plugin_auth_string": "z"})));
    converges("mysql_user", &user(json!({"password": hash, "encrypted": true})));
    for (arguments, part) in [
        (json!({"password": "zz", "encrypted": true}), "valid hash"),
        (json!({"priv": "db1.*:NOPE"}), "GRANT NOPE ON `db1`.*"),
        (json!({"priv": "db1:SELECT"}), "no object of a database"),
        (json!({"resource_limits": {"FOO": 1}}), "'FOO' is unsupported"),
        (json!({"tls_requires": {"FOO": 1}}), "`FOO` is unknown"),
        (json!({"password_expire": "interval"}), "password_expire_interval"),
        (json!({"plugin_auth_string": "x"}), "without plugin"),
        (json!({"name": "new", "plugin": "no_such_plugin"}), "Plugin 'no_such_plugin' is not loaded"),
        (json!({"attributes": {"a": "b"}}), "no attributes of users"),
        (json!({"name": "new", "host_all": true}), "host_all parameter cannot be used"),
    ] {
        let message = refused("mysql_user", &user(arguments.clone()));
        assert!(message.contains(part), "{arguments}: {message}");
    }
    let session = json!({"session_vars": {"sql_mode": "", "lock_wait_timeout": "5"}, "sql_log_bin": false,
        "force_context": true, "state": "absent"});
    converges("mysql_user", &user(session));
}

#[test]
fn statements_give_back_rows_by_their_types() {
    let server = Server::start();
    let query = |more: Json| apply("mysql_query", &server.with(more));
    let made = query(json!({"query": [
        "CREATE DATABASE q", "USE q",
        "CREATE TABLE t (i BIGINT, s TEXT, d DECIMAL(5,2), at DATETIME, f DOUBLE, n INT)",
        "INSERT INTO t VALUES (1, 'it''s', 1.50, '2020-01-02 03:04:05', 0.5, NULL), (2, '', 0, NULL, 0, 0)",
        "SELECT * FROM t ORDER BY i", "UPDATE t SET n = 1 WHERE i = 9"]}));
    assert_eq!(made["changed"], true);
    assert_eq!(made["rowcount"], json!([1, 0, 0, 2, 2, 0]));
    assert_eq!(
        made["query_result"][4][0],
        json!({"i": 1, "s": "it's", "d": 1.5, "at": "2020-01-02T03:04:05",
        "f": 0.5, "n": null})
    );
    assert_eq!(made["execution_time_ms"].as_array().unwrap().len(), 6);
    let picked = query(json!({"login_db": "q", "query": "SELECT i FROM t WHERE s = %s AND i IN %s",
        "positional_args": ["it's", [1, 2]]}));
    assert_eq!((&picked["changed"], &picked["query_result"]), (&json!(false), &json!([[{"i": 1}]])));
    assert_eq!(picked["executed_queries"][0], "SELECT i FROM t WHERE s = 'it''s' AND i IN (1,2)");
    let named = query(json!({"query": "SELECT %(a)s AS a, 5 %% 3 AS m", "named_args": {"a": "\\' OR 1"}}));
    assert_eq!(named["query_result"], json!([[{"a": "\\' OR 1", "m": 2}]]));
    settled("mysql_query", &server.with(json!({"query": "CREATE DATABASE IF NOT EXISTS q"})));
    let skipped = run("mysql_query", &server.with(json!({"query": "DROP DATABASE q"})), true).unwrap();
    assert_eq!(skipped["skipped"], true.into());
    let broken = server.with(json!({"single_transaction": true, "login_db": "q",
        "query": ["INSERT INTO t (i) VALUES (77)", "SELECT FROM"]}));
    let failure = refused("mysql_query", &broken);
    assert!(failure.contains("`SELECT FROM`") && failure.contains("rolled back"), "{failure}");
    assert_eq!(server.sql("SELECT COUNT(*) FROM q.t WHERE i = 77"), "0");
    let wrong = refused("mysql_query", &server.with(json!({"query": {"a": "b"}})));
    assert!(wrong.contains("must be a string or list"), "{wrong}");
    // A procedure has more than one answer.
    query(json!({"query": "CREATE PROCEDURE q.p() BEGIN SELECT 1; SELECT 2; END"}));
    assert_eq!(query(json!({"query": ["CALL q.p()", "SELECT 3 AS x"]}))["query_result"][1], json!([{"x": 3}]));
    let long = "x".repeat(17 << 20);
    server.sql("SET GLOBAL max_allowed_packet = 64 << 20");
    let answer = query(json!({"query": format!("SELECT LENGTH('{long}') AS l")}));
    assert_eq!(answer["query_result"], json!([[{"l": 17 << 20}]]));
}

#[test]
fn variables_are_compared_by_what_they_are() {
    let server = Server::start();
    let set = |more: Json| server.with(more);
    let shown = apply("mysql_variables", &set(json!({"variable": "max_connections"})));
    assert_eq!((&shown["changed"], &shown["msg"]), (&json!(false), &json!("151")));
    for arguments in [
        json!({"variable": "max_connections", "value": 111}),
        json!({"variable": "read_only", "value": "1"}),
        json!({"variable": "read_only", "value": "off"}),
        json!({"variable": "init_connect", "value": "SET @a='x'"}),
        json!({"variable": "default.key_buffer_size", "value": 9_000_000}),
    ] {
        if arguments["variable"] == "default.key_buffer_size" {
            // The server shows it under its plain name only.
            assert!(refused("mysql_variables", &set(arguments)).contains("not available"));
            continue;
        }
        assert_eq!(apply("mysql_variables", &set(arguments.clone()))["changed"], true, "{arguments}");
        assert_eq!(apply("mysql_variables", &set(arguments.clone()))["changed"], false, "{arguments}");
        let checked = run("mysql_variables", &set(arguments), true).unwrap();
        assert_eq!(checked["skipped"], true.into());
    }
    assert_eq!(server.sql("SELECT @@max_connections, @@read_only, @@init_connect"), "111\t0\tSET @a='x'");
    for (arguments, part) in [
        (json!({"variable": "no no"}), "invalid variable name"),
        (json!({"variable": "nonono"}), "Variable not available \"nonono\""),
        (json!({"variable": "version", "value": "x"}), "read only variable"),
        (json!({"variable": "read_only", "value": "1", "mode": "persist"}), "needs MySQL 8.0"),
    ] {
        let message = refused("mysql_variables", &set(arguments.clone()));
        assert!(message.contains(part), "{arguments}: {message}");
    }
}

#[test]
fn information_can_make_the_same_users_elsewhere() {
    let server = Server::start();
    server.sql(
        "CREATE DATABASE e1; CREATE DATABASE e2; CREATE TABLE e2.t (id INT); \
         CREATE USER al@'10.%' IDENTIFIED BY 'pw' REQUIRE SSL WITH MAX_USER_CONNECTIONS 5; \
         GRANT SELECT ON e2.* TO al@'10.%' WITH GRANT OPTION; GRANT INSERT(id) ON e2.t TO al@'10.%'; CREATE ROLE r",
    );
    let info = apply("mysql_info", &server.with(json!({})));
    assert_eq!(info["changed"], false);
    assert_eq!(
        info["version"]["major"].as_i64(),
        info["version"]["full"].as_str().unwrap().split('.').next().map(|major| major.parse().unwrap())
    );
    assert_eq!(info["databases"]["e2"]["tables"], 1);
    assert!(info["databases"].get("e1").is_none());
    assert_eq!(info["settings"]["max_connections"], 151);
    assert!(info["global_status"]["Uptime"].is_i64());
    assert_eq!(info["engines"]["InnoDB"]["Support"], "DEFAULT");
    assert_eq!(info["users"]["10.%"]["al"]["max_user_connections"], 5);
    assert!(info["master_status"]["File"].as_str().unwrap().starts_with("binlog."));
    assert_eq!((&info["slave_status"], &info["slave_hosts"]), (&json!({}), &json!({})));
    let users = info["users_info"].as_array().unwrap();
    let al = users.iter().find(|user| user["name"] == "al").unwrap();
    assert_eq!(al["priv"], "e2.*:SELECT,GRANT/e2.t:INSERT (id)");
    assert_eq!(
        (&al["tls_requires"], &al["resource_limits"]),
        (&json!({"SSL": null}), &json!({"MAX_USER_CONNECTIONS": 5}))
    );
    let mut task = server.with(al.clone());
    task["column_case_sensitive"] = json!(true);
    task.as_object_mut().unwrap().remove("plugin_auth_string");
    settled("mysql_user", &task);
    server.sql("DROP USER al@'10.%'");
    converges("mysql_user", &task);
    let some = apply(
        "mysql_info",
        &server.with(json!({"filter": ["databases"], "exclude_fields": "db_size", "return_empty_dbs": true})),
    );
    assert_eq!(some["databases"]["e1"], json!({"tables": 0}));
    assert!(some.get("version").is_none());
}

#[test]
fn a_replica_follows_its_primary() {
    let (primary, replica) = (Server::start(), Server::start());
    replica.sql("SET GLOBAL server_id = 2");
    let ask = |server: &Server, more: Json| apply("mysql_replication", &server.with(more));
    let shown = ask(&primary, json!({"mode": "getprimary"}));
    assert_eq!((&shown["Is_Primary"], &shown["changed"]), (&json!(true), &json!(false)));
    let none = ask(&replica, json!({}));
    assert_eq!(
        (&none["Is_Replica"], &none["msg"]),
        (&json!(false), &json!("Server is not configured as mysql replica"))
    );
    let misconfigured = ask(&replica, json!({"mode": "startreplica"}));
    assert_eq!(misconfigured["changed"], false);
    let strict = replica.with(json!({"mode": "startreplica", "fail_on_error": true}));
    assert!(refused("mysql_replication", &strict).contains("START REPLICA"));
    primary.sql(
        "CREATE USER follower@localhost IDENTIFIED BY 'fol''low'; GRANT REPLICATION SLAVE ON *.* TO follower@localhost",
    );
    let change = json!({"mode": "changeprimary", "primary_host": "127.0.0.1", "primary_port": primary.port,
        "primary_user": "follower", "primary_password": "fol'low", "primary_connect_retry": 1,
        "primary_log_file": shown["File"], "primary_log_pos": shown["Position"]});
    assert_eq!(run("mysql_replication", &replica.with(change.clone()), true).unwrap()["skipped"], true.into());
    let changed = ask(&replica, change);
    assert!(changed["queries"][0].as_str().unwrap().contains("MASTER_PASSWORD='********'"), "{changed}");
    assert!(!changed.to_string().contains("low'"), "{changed}");
    assert_eq!(ask(&replica, json!({"mode": "startreplica"}))["changed"], true);
    assert_eq!(ask(&replica, json!({"mode": "startreplica"}))["changed"], false, "it runs already");
    primary.sql("CREATE DATABASE follows");
    let begun = Instant::now();
    while replica.sql("SHOW DATABASES LIKE 'follows'").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", ask(&replica, json!({})));
        std::thread::sleep(Duration::from_millis(100));
    }
    let status = ask(&replica, json!({"mode": "getreplica"}));
    assert_eq!((&status["Is_Replica"], &status["Slave_IO_Running"]), (&json!(true), &json!("Yes")));
    let busy = replica.with(json!({"mode": "changeprimary", "primary_host": "127.0.0.2"}));
    assert!(refused("mysql_replication", &busy).contains("STOP"));
    let info = apply("mysql_info", &replica.with(json!({"filter": "slave_status"})));
    assert!(info["slave_status"]["127.0.0.1"][primary.port.to_string()]["follower"].is_object(), "{info}");
    assert_eq!(ask(&replica, json!({"mode": "stopreplica"}))["changed"], true);
    assert_eq!(ask(&replica, json!({"mode": "stopreplica"}))["changed"], false, "it is stopped already");
    assert_eq!(ask(&replica, json!({"mode": "resetreplicaall"}))["changed"], true);
    assert_eq!(ask(&replica, json!({"mode": "resetreplicaall"}))["changed"], false, "there is nothing left");
    assert_eq!(ask(&replica, json!({}))["Is_Replica"], false);
    let nothing = replica.with(json!({"mode": "changeprimary"}));
    assert!(refused("mysql_replication", &nothing).contains("needs something to change"));
}
