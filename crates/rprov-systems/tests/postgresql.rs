//! The modules of community.postgresql on a real server, in a directory of its own, which listens nowhere but at a socket and
//! a port of the loopback device there. They need root and `postgresql`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use calls::{apply, converges, refused, run, settled};
use serde_json::{Value as Json, json};

/// A server that ends with the test.
struct Server {
    directory: tempfile::TempDir,
    process: Child,
    port: u16,
}

/// The newest installation.
fn program(name: &str) -> PathBuf {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .unwrap_or_else(|error| panic!("these tests need postgresql: {error}"))
        .map(|entry| entry.unwrap().path().join("bin").join(name))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| panic!("these tests need postgresql, with {name}"))
}

/// A command as the user `postgres`: the server does not run as root.
fn as_postgres(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program(name)).current_dir("/");
    command
}

impl Server {
    fn start() -> Self {
        let directory = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let owned = Command::new("chown").arg("postgres").arg(directory.path()).status().unwrap();
        assert!(owned.success());
        let data = directory.path().join("data");
        let made = as_postgres("initdb")
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let rules = "local all postgres trust\nlocal all all scram-sha-256\nhost all plain 127.0.0.1/32 password\n\
                     host all old 127.0.0.1/32 md5\nhostssl all safe 127.0.0.1/32 scram-sha-256\n\
                     host all postgres 127.0.0.1/32 scram-sha-256\n";
        std::fs::write(data.join("pg_hba.conf"), rules).unwrap();
        let script = format!(
            "exec 2>/dev/null; cd {} && openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=ca -keyout ca.key -out ../ca.pem && \
             openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr && \
             printf 'subjectAltName=DNS:localhost' >ext && openssl x509 -req -in server.csr -CA ../ca.pem -CAkey ca.key \
             -CAcreateserial -days 9 -extfile ext -out server.crt && chown postgres server.key server.crt && \
             chmod 600 server.key && chmod 644 ../ca.pem",
            data.display()
        );
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = as_postgres("postgres")
            .arg("-D")
            .arg(&data)
            .args([
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "fsync=off",
                "-c",
                "ssl=on",
                "-p",
                &port.to_string(),
                "-k",
            ])
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let server = Server { directory, process, port };
        let begun = Instant::now();
        while server.try_sql("SELECT 1").is_none() {
            let log = || std::fs::read_to_string(server.directory.path().join("log"));
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn try_sql(&self, statement: &str) -> Option<String> {
        let output = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-U", "postgres", "-p", &self.port.to_string(), "-c", statement, "-h"])
            .arg(self.directory.path())
            .output()
            .unwrap_or_else(|error| panic!("these tests need postgresql-client: {error}"));
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What the server's own client says.
    fn sql(&self, statement: &str) -> String {
        self.try_sql(statement).unwrap_or_else(|| panic!("{statement}"))
    }

    /// The options of a task that logs in by the socket, with those of its own.
    fn with(&self, arguments: Json) -> Json {
        let mut all = json!({"login_unix_socket": self.directory.path(), "login_port": self.port});
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An immediate end; the server's other processes end with the first.
        let _ = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
    }
}

#[test]
fn who_is_let_in_and_who_is_not() {
    let server = Server::start();
    server.sql("ALTER USER postgres PASSWORD 'päss'; CREATE USER plain PASSWORD 'x'; CREATE USER safe PASSWORD 'y'");
    server.sql("SET password_encryption = md5; CREATE USER old PASSWORD 'z'");
    let login = |user: &str, password: &str, more: Json| {
        let mut arguments = json!({"login_host": "localhost", "login_port": server.port, "login_user": user,
            "login_password": password, "login_db": "postgres", "query": "SELECT current_user::text AS u, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        run("postgresql_query", &arguments, false)
            .map(|map| map["query_result"].to_string())
            .map_err(|failure| failure.message)
    };
    for (user, password) in [("postgres", "päss"), ("safe", "y"), ("old", "z"), ("plain", "x")] {
        let expected = format!("[{{\"u\":\"{user}\",\"ssl\":true}}]");
        assert_eq!(login(user, password, json!({})).unwrap(), expected);
    }
    assert_eq!(login("old", "z", json!({"ssl_mode": "disable"})).unwrap(), "[{\"u\":\"old\",\"ssl\":false}]");
    assert!(login("plain", "x", json!({"ssl_mode": "disable"})).unwrap_err().contains("ssl_mode: require"));
    assert!(login("safe", "y", json!({"ssl_mode": "disable"})).unwrap_err().contains("pg_hba.conf"));
    assert!(login("safe", "y", json!({"ssl_mode": "allow"})).unwrap().contains("true"));
    let verified = json!({"ssl_mode": "verify-full", "ca_cert": server.path("ca.pem")});
    login("safe", "y", verified.clone()).unwrap();
    let mut other = verified.clone();
    other["login_host"] = json!("127.0.0.1");
    assert!(login("safe", "y", other.clone()).unwrap_err().contains("TLS"));
    other["ssl_mode"] = json!("verify-ca");
    login("safe", "y", other).unwrap();
    let denied = login("postgres", "wrong", json!({})).unwrap_err();
    assert!(denied.contains("password authentication failed") && denied.contains("check `login_user`"), "{denied}");
    assert!(!denied.contains("wrong"), "{denied}");
    assert!(login("postgres", "", json!({})).unwrap_err().contains("set `login_password`"));
    let params = json!({"connect_params": {"sslmode": "disable", "application_name": "x"}});
    login("old", "z", params).unwrap();
    assert!(
        login("old", "z", json!({"connect_params": {"nonsense": 1}})).unwrap_err().contains("`nonsense` is not known")
    );
    let gone = refused("postgresql_query", &json!({"login_unix_socket": "/no/such", "query": "SELECT 1"}));
    assert!(gone.contains("/no/such/.s.PGSQL.5432") && gone.contains("there is no such socket"), "{gone}");

    let ping = apply("postgresql_ping", &server.with(json!({})));
    assert_eq!((&ping["is_available"], &ping["changed"]), (&json!(true), &json!(false)));
    assert!(ping["server_version"]["major"].as_i64().unwrap() >= 13, "{ping}");
    let ping = apply("postgresql_ping", &server.with(json!({"login_db": "nope"})));
    assert_eq!(ping["is_available"], false);
    assert!(ping["conn_err_msg"].as_str().unwrap().contains("\"nope\" does not exist"), "{ping}");
    let database = server.with(json!({"query": "SELECT 1", "session_role": "nobody"}));
    assert!(refused("postgresql_query", &database).contains("\"nobody\" does not exist"));
}

#[test]
fn statements_give_back_rows_by_their_types() {
    let server = Server::start();
    let query = |more: Json| apply("postgresql_query", &server.with(more));
    let made = query(
        json!({"query": ["CREATE TABLE t (id int, s text)", "INSERT INTO t VALUES (1, 'a'), (2, 'b')", "SELECT * FROM t"]}),
    );
    assert_eq!(
        (&made["changed"], &made["rowcount"], &made["statusmessage"]),
        (&json!(true), &json!(4), &json!("SELECT 2"))
    );
    assert_eq!(made["query_all_results"], json!([{}, {}, [{"id": 1, "s": "a"}, {"id": 2, "s": "b"}]]));
    let types = query(
        json!({"query": "SELECT 1 AS a, NULL AS b, 1.5::numeric AS n, '2020-01-02 03:04:05+00'::timestamptz AS at, \
        '{1,2}'::int[] AS list, '{\"k\": [1]}'::jsonb AS j, true AS t, 2.5::float8 AS f, 'é' AS e"}),
    );
    assert_eq!(types["query_result"][0]["a"], 1);
    assert_eq!(types["query_result"][0]["list"], json!([1, 2]));
    assert_eq!(types["query_result"][0]["j"], json!({"k": [1]}));
    assert_eq!((&types["query_result"][0]["t"], &types["query_result"][0]["e"]), (&json!(true), &json!("é")));
    let checked =
        run("postgresql_query", &server.with(json!({"query": "INSERT INTO t VALUES (3, 'c')"})), true).unwrap();
    assert_eq!(checked["changed"], true.into());
    assert_eq!(server.sql("SELECT count(*) FROM t"), "2", "check mode takes it back");
    let picked =
        query(json!({"query": "SELECT s FROM t WHERE id = any(%s) AND s = %s", "positional_args": [[1, 2], "a"]}));
    assert_eq!((&picked["changed"], &picked["query_result"]), (&json!(false), &json!([{"s": "a"}])));
    let named = query(json!({"query": "SELECT %(x)s::text AS x, 5 %% 3 AS m", "named_args": {"x": "it's \\ x"}}));
    assert_eq!(named["query_result"], json!([{"x": "it's \\ x", "m": 2}]));
    settled("postgresql_query", &server.with(json!({"query": "UPDATE t SET id = 1 WHERE id = 99"})));
    query(json!({"query": "VACUUM t", "autocommit": true}));
    assert!(refused("postgresql_query", &server.with(json!({"query": "VACUUM t"}))).contains("transaction block"));
    let broken = refused(
        "postgresql_query",
        &server.with(json!({"query": ["INSERT INTO t VALUES (9, 'x')", "SELECT FROM WHERE"]})),
    );
    assert!(broken.contains("`SELECT FROM WHERE`") && broken.contains("syntax error"), "{broken}");
    assert_eq!(server.sql("SELECT count(*) FROM t WHERE id = 9"), "0", "all of it or nothing");
    server.sql("CREATE SCHEMA s1; CREATE TABLE s1.only_here AS SELECT 7 AS n");
    assert_eq!(
        query(json!({"query": "SELECT n FROM only_here", "search_path": ["s1"]}))["query_result"],
        json!([{"n": 7}])
    );
    assert!(
        refused("postgresql_query", &server.with(json!({"query": "COPY t FROM STDIN"}))).contains("no data is sent")
    );
}

#[test]
fn databases_come_change_and_go() {
    let server = Server::start();
    server.sql("CREATE ROLE owner1");
    let database = |more: Json| {
        let mut arguments = server.with(json!({"name": "d\"1"}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let made = converges(
        "postgresql_db",
        &database(json!({"encoding": "UTF-8", "template": "template0", "conn_limit": "5", "comment": "it's"})),
    );
    assert_eq!(
        made["executed_commands"][0],
        "CREATE DATABASE \"d\"\"1\" TEMPLATE \"template0\" ENCODING 'UTF-8' CONNECTION LIMIT 5"
    );
    converges("postgresql_db", &database(json!({"owner": "owner1", "conn_limit": "6", "comment": ""})));
    assert!(refused("postgresql_db", &database(json!({"encoding": "LATIN1"}))).contains("Current encoding: UTF8"));
    let inside = |statement: &str| {
        let query = server.with(json!({"login_db": "d\"1", "query": statement}));
        apply("postgresql_query", &query)["query_result"].clone()
    };
    inside("CREATE TABLE t AS SELECT 'Straße' AS s");
    for ending in ["sql", "sql.gz", "sql.bz2", "sql.xz", "tar", "pgc", "dir"] {
        let target = server.path(&format!("dump.{ending}"));
        let dump = database(json!({"state": "dump", "target": target, "dump_extra_args": "--no-owner"}));
        run("postgresql_db", &dump, true).unwrap();
        assert!(!target.exists(), "check mode writes no file");
        assert_eq!(apply("postgresql_db", &dump)["changed"], true);
        inside("DROP TABLE t");
        let restored = apply("postgresql_db", &database(json!({"state": "restore", "target": target})));
        assert_eq!(inside("SELECT s FROM t"), json!([{"s": "Straße"}]), "{ending}: {restored}");
    }
    converges("postgresql_db", &database(json!({"state": "rename", "target": "d2"})));
    let mut busy = Command::new("psql")
        .args(["-X", "-U", "postgres", "-p", &server.port.to_string(), "-d", "d2", "-c", "SELECT pg_sleep(60)", "-h"])
        .arg(server.directory.path())
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while server.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'd2'") == "0" {
        std::thread::sleep(Duration::from_millis(50));
    }
    let gone = server.with(json!({"name": "d2", "state": "absent"}));
    assert!(refused("postgresql_db", &gone).contains("being accessed by other users"));
    converges("postgresql_db", &server.with(json!({"name": "d2", "state": "absent", "force": true})));
    busy.wait().unwrap();
    for (arguments, part) in [
        (json!({"name": "d9", "state": "dump", "target": "/tmp/x"}), "there is no database d9"),
        (json!({"name": "postgres", "state": "dump"}), "\"target\" option must be defined"),
        (json!({"name": "postgres", "state": "restore", "target": "/no/such.sql"}), "/no/such.sql does not exist"),
        (json!({"name": "x", "conn_limit": "many"}), "`many` is no number"),
        (json!({"name": "x", "owner": "nobody"}), "role \"nobody\" does not exist"),
        (json!({"name": "x", "state": "rename", "target": "y"}), "neither x nor y"),
    ] {
        let message = refused("postgresql_db", &server.with(arguments.clone()));
        assert!(message.contains(part), "{arguments}: {message}");
    }
}

#[test]
fn users_have_what_they_are_to_have() {
    let server = Server::start();
    let user = |more: Json| {
        let mut arguments = server.with(json!({"name": "u\"1"}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let made = converges(
        "postgresql_user",
        &user(json!({"password": "se'cret", "role_attr_flags": "CREATEDB,NOSUPERUSER",
        "conn_limit": 3, "comment": "c", "expires": "Jan 31 2030"})),
    );
    assert_eq!(
        made["queries"][0],
        "CREATE USER \"u\"\"1\" WITH ENCRYPTED PASSWORD %(password)s VALID UNTIL 'Jan 31 2030' CONNECTION LIMIT 3 CREATEDB NOSUPERUSER"
    );
    assert!(server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'u\"1'").starts_with("SCRAM-SHA-256$4096:"));
    let enter = json!({"login_unix_socket": server.directory.path(), "login_port": server.port, "login_user": "u\"1",
        "login_password": "se'cret", "login_db": "postgres", "query": "SELECT 1"});
    apply("postgresql_query", &enter);
    converges("postgresql_user", &user(json!({"password": "other"})));
    settled("postgresql_user", &user(json!({"password": "third", "no_password_changes": true})));
    let kept = server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'u\"1'");
    settled("postgresql_user", &user(json!({"password": kept})));
    converges("postgresql_user", &user(json!({"password": "md53175bce1d3201d16594cebf9d7eb3f9d"})));
    converges("postgresql_user", &user(json!({"password": ""})));
    converges("postgresql_user", &user(json!({"expires": "infinity", "role_attr_flags": "NOCREATEDB,CREATEROLE"})));
    converges("postgresql_user", &user(json!({"configuration": {"work_mem": "16MB", "log_statement": "all"}})));
    converges(
        "postgresql_user",
        &user(json!({"configuration": {"work_mem": "8MB"}, "reset_unspecified_configuration": true})),
    );
    assert_eq!(server.sql("SELECT setconfig FROM pg_db_role_setting"), "{work_mem=8MB}");
    converges("postgresql_user", &user(json!({"comment": ""})));
    assert!(
        refused("postgresql_user", &user(json!({"role_attr_flags": "BOGUS"})))
            .contains("Invalid role_attr_flags specified: BOGUS")
    );
    assert!(refused("postgresql_user", &user(json!({"expires": "someday"}))).contains("someday"));
    let log = std::fs::read_to_string(server.path("log")).unwrap();
    assert!(!log.contains("se'cret") && !log.contains("se''cret"));
    server.sql("CREATE TABLE owned (); ALTER TABLE owned OWNER TO \"u\"\"1\"");
    assert!(refused("postgresql_user", &user(json!({"state": "absent"}))).contains("Unable to remove user"));
    let left = apply("postgresql_user", &user(json!({"state": "absent", "fail_on_user": false})));
    assert_eq!((&left["changed"], &left["user_removed"]), (&json!(false), &json!(false)));
    server.sql("DROP TABLE owned");
    assert_eq!(converges("postgresql_user", &user(json!({"state": "absent"})))["user_removed"], true);
}

#[test]
fn extensions_and_settings_become_what_they_are_to_be() {
    let server = Server::start();
    server.sql("CREATE SCHEMA s1");
    let extension = |more: Json| {
        let mut arguments = server.with(json!({"name": "plpgsql", "login_db": "postgres"}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    settled("postgresql_ext", &extension(json!({"version": "latest"})));
    converges("postgresql_ext", &extension(json!({"state": "absent", "cascade": true})));
    let made = converges("postgresql_ext", &extension(json!({"comment": "mine"})));
    assert_eq!((&made["prev_version"], &made["version"], &made["db"]), (&json!(""), &json!("1.0"), &json!("postgres")));
    assert!(refused("postgresql_ext", &extension(json!({"version": "9.9"}))).contains("9.9"));
    assert!(refused("postgresql_ext", &extension(json!({"name": "nope"}))).contains("Extension nope is not available"));

    let set = |more: Json| server.with(more);
    let changed = converges("postgresql_set", &set(json!({"name": "work_mem", "value": "8MB"})));
    assert_eq!(
        (&changed["prev_val_pretty"], &changed["value"]),
        (&json!("4MB"), &json!({"unit": "b", "value": 8 << 20}))
    );
    assert_eq!(changed["queries"], json!(["ALTER SYSTEM SET work_mem = '8MB'"]));
    settled("postgresql_set", &set(json!({"name": "work_mem", "value": "8192kB"})));
    converges("postgresql_set", &set(json!({"name": "work_mem", "reset": true})));
    let restart = converges("postgresql_set", &set(json!({"name": "max_connections", "value": "101"})));
    assert_eq!(restart["restart_required"], true);
    let default = set(json!({"name": "max_connections", "value": "default"}));
    assert_eq!(apply("postgresql_set", &default)["changed"], true);
    for (arguments, part) in [
        (json!({"name": "work_mem"}), "at least one of value or reset"),
        (json!({"name": "nope", "value": "1"}), "unrecognized configuration parameter"),
        (json!({"name": "block_size", "value": "1"}), "cannot be changed (internal context)"),
        (json!({"name": "work_mem", "value": "much"}), "work_mem"),
    ] {
        let message = refused("postgresql_set", &set(arguments.clone()));
        assert!(message.contains(part), "{arguments}: {message}");
    }
}

#[test]
fn privileges_are_given_and_taken() {
    let server = Server::start();
    server.sql("CREATE ROLE r1; CREATE ROLE \"r-2\"; CREATE SCHEMA s1; CREATE TABLE s1.t1 (a int); CREATE TABLE s1.t2 (a int); \
                CREATE SEQUENCE s1.q1; CREATE FUNCTION s1.f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'");
    server.sql("CREATE DATABASE pd");
    let privileges = |more: Json| {
        let mut arguments = server.with(json!({"login_db": "postgres", "roles": "r1"}));
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let tables = json!({"schema": "s1", "objs": "t1,t2", "privs": "SELECT,INSERT", "roles": "r1,r-2"});
    let with = |more: Json| {
        let mut arguments = privileges(tables.clone());
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let given = converges("postgresql_privs", &with(json!({"grant_option": true})));
    assert_eq!(
        given["queries"],
        json!(["GRANT SELECT, INSERT ON TABLE \"s1\".\"t1\", \"s1\".\"t2\" TO \"r1\", \"r-2\" WITH GRANT OPTION"])
    );
    settled("postgresql_privs", &with(json!({})));
    converges("postgresql_privs", &with(json!({"grant_option": false})));
    assert_eq!(server.sql("SELECT has_table_privilege('r-2', 's1.t2', 'INSERT')"), "t");
    converges("postgresql_privs", &with(json!({"state": "absent"})));
    assert_eq!(server.sql("SELECT has_table_privilege('r-2', 's1.t2', 'INSERT')"), "f");
    for more in [
        json!({"schema": "s1", "objs": "ALL_IN_SCHEMA", "privs": "ALL", "roles": "PUBLIC"}),
        json!({"type": "sequence", "schema": "s1", "objs": "ALL_IN_SCHEMA", "privs": "USAGE"}),
        json!({"type": "database", "objs": "pd", "privs": "CONNECT,TEMP"}),
        json!({"type": "database", "privs": "ALL"}),
        json!({"type": "schema", "objs": "s1", "privs": "USAGE"}),
        json!({"type": "function", "schema": "s1", "objs": "f(int:text)", "privs": "EXECUTE"}),
        json!({"type": "language", "objs": "plpgsql", "privs": "USAGE"}),
        json!({"type": "tablespace", "objs": "pg_default", "privs": "CREATE"}),
        json!({"type": "parameter", "objs": "work_mem", "privs": "SET,ALTER SYSTEM"}),
        json!({"type": "group", "objs": "r-2"}),
        json!({"type": "group", "objs": "r-2", "admin_option": true}),
        json!({"type": "default_privs", "objs": "TABLES,SEQUENCES", "privs": "SELECT"}),
        json!({"type": "default_privs", "objs": "ALL_DEFAULT", "privs": "ALL", "schema": "s1", "target_roles": "postgres"}),
    ] {
        converges("postgresql_privs", &privileges(more.clone()));
        let mut gone = more;
        gone["state"] = json!("absent");
        gone.as_object_mut().unwrap().remove("admin_option");
        if gone["type"] != "group"
            || server.sql("SELECT count(*) FROM pg_auth_members WHERE admin_option AND roleid = '\"r-2\"'::regrole")
                == "1"
        {
            converges("postgresql_privs", &privileges(gone));
        }
    }
    let unknown = json!({"schema": "s1", "objs": "t1", "privs": "SELECT", "roles": "nobody", "fail_on_role": false});
    settled("postgresql_privs", &privileges(unknown));
    for (arguments, part) in [
        (json!({"objs": "t1", "schema": "s1", "privs": "SELECT", "roles": "nobody"}), "Role nobody does not exist"),
        (json!({"objs": "t1", "schema": "s1", "privs": "BOGUS"}), "Invalid privileges specified: BOGUS"),
        (json!({"objs": "t9", "schema": "s1", "privs": "SELECT"}), "\"s1.t9\" does not exist"),
        (json!({"objs": "s1", "schema": "s1", "type": "schema", "privs": "USAGE"}), "\"schema\" is not allowed"),
        (json!({"privs": "SELECT"}), "\"objs\" is required"),
        (json!({"objs": "t1"}), "\"privs\" is required"),
        (json!({"objs": "ALL_IN_SCHEMA", "schema": "nope", "privs": "SELECT"}), "Schema \"nope\" does not exist"),
    ] {
        let message = refused("postgresql_privs", &privileges(arguments.clone()));
        assert!(message.contains(part), "{arguments}: {message}");
    }
}
