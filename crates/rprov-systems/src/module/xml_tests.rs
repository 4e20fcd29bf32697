//! Tests of `xml`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use serde_json::{Value, json};

use crate::bench;

const FILE: &str = "<?xml version=\"1.0\" ?>\n<!-- mine -->\n<business type='bar'>\n  <name>Tasty</name>\n  <beers>\n    \
    <beer>Rochefort 10</beer>\n    <beer a='1'   b=\"2\" >St. Bernardus</beer>\n  </beers>\n  \
    <rating subjective=\"true\">10</rating>\n  <t><![CDATA[a & b]]></t>\n  <e />\n</business>\n";

fn with(path: &str, more: Value) -> Value {
    let mut arguments = json!({"path": path});
    for (name, value) in more.as_object().unwrap() {
        arguments[name] = value.clone();
    }
    arguments
}

/// What a call makes of the file, which a second one leaves as it is.
fn changed(more: Value) -> String {
    let bench = bench();
    let path = bench.file("a.xml", FILE);
    bench.converges("xml", with(&path, more));
    bench.read("a.xml")
}

#[test]
fn text_and_attributes_are_set_where_they_are() {
    let made = changed(json!({"xpath": "/business/rating", "value": 11}));
    assert_eq!(made, FILE.replace(">10</rating>", ">11</rating>"));
    let made = changed(json!({"xpath": "/business/rating", "attribute": "subjective", "value": "a\"<b"}));
    assert_eq!(made, FILE.replace("\"true\"", "\"a&quot;&lt;b\""));
    let made = changed(json!({"xpath": "//beer[@a=1]/@b", "value": "3"}));
    assert_eq!(made, FILE.replace("b=\"2\"", "b=\"3\""));
    let made = changed(json!({"xpath": "/business/rating/@subjective", "state": "absent"}));
    assert_eq!(made, FILE.replace(" subjective=\"true\"", ""));
    let made = changed(json!({"xpath": "/business/e", "value": "x & y"}));
    assert_eq!(made, FILE.replace("<e />", "<e >x &amp; y</e>"));
    let made = changed(json!({"xpath": "/business/e", "value": "x", "strip_cdata_tags": true}));
    assert_eq!(made, FILE.replace("<e />", "<e >x</e>").replace("<![CDATA[a & b]]>", "a &amp; b"));
    let bench = bench();
    let path = bench.file("a.xml", FILE);
    for settled in [
        json!({"xpath": "/business/rating", "value": "10"}),
        json!({"xpath": "/business/t", "value": "a & b"}),
        json!({"xpath": "/business/t", "value": "a & b", "strip_cdata_tags": true}),
        json!({"xpath": "/business/rating/@subjective"}),
        json!({"xpath": "/business/none", "state": "absent"}),
        json!({"xpath": "/business/name", "set_children": []}),
        json!({"xpath": "/business/none", "add_children": ["x"]}),
        json!({"xpath": "/business/beers", "set_children": [
            {"beer": "Rochefort 10"}, {"beer": {"b": "2", "a": 1, "+value": "St. Bernardus"}}]}),
    ] {
        bench.settled("xml", with(&path, settled));
    }
}

#[test]
fn elements_are_removed_with_the_space_behind_them() {
    let made = changed(json!({"xpath": "/business/beers/beer", "state": "absent"}));
    assert!(made.contains("<beers>\n    </beers>\n"), "{made}");
    let made = changed(json!({"xpath": "//e", "state": "absent"}));
    assert!(made.ends_with("</t>\n  </business>\n"), "{made}");
    let bench = bench();
    let path = bench.file("a.xml", "<a>one <b/>two</a>");
    bench.converges("xml", with(&path, json!({"xpath": "/a/b", "state": "absent"})));
    assert_eq!(bench.read("a.xml"), "<a>one two</a>", "text is kept");
    assert!(bench.fails("xml", with(&path, json!({"xpath": "/a", "state": "absent"}))).contains("outermost"));
}

#[test]
fn what_a_path_names_is_made() {
    let made = changed(json!({"xpath": "/business/p/q", "value": "x"}));
    assert!(made.ends_with("<e />\n<p><q>x</q></p></business>\n"), "{made}");
    let made = changed(json!({"xpath": "/business/p[@a='1' and q=\"5\"][text()='t']/@z", "value": "v"}));
    assert!(made.ends_with("<p a=\"1\" z=\"v\">t<q>5</q></p></business>\n"), "{made}");
    let made = changed(json!({"xpath": "/business/beers/beer/@n"}));
    assert!(made.contains("<beer n=\"\">Roch") && made.contains("b=\"2\" n=\"\" >"), "{made}");
    let made = changed(json!({"xpath": "/business/nnn", "attribute": "new", "value": "x"}));
    assert!(made.ends_with("<nnn new=\"x\"/></business>\n"), "{made}");
    let bench = bench();
    let path = bench.file("a.xml", FILE);
    for (xpath, reason) in [
        ("/other/x", "one outermost element"),
        ("//beer[7]", "conditions may only be"),
        ("/business/t/none()", "no step"),
        ("/business/p[contains(., 'x')]", "conditions may only be"),
        ("/business/x:y", "prefix `x`"),
        ("count(/business)", "its value is `1`"),
        ("/business[[", "Syntax error in xpath"),
    ] {
        let message = bench.fails("xml", with(&path, json!({"xpath": xpath})));
        assert!(message.contains(reason), "{xpath}: {message}");
    }
    assert_eq!(bench.read("a.xml"), FILE);
}

#[test]
fn children_come_in_or_beside_what_is_selected() {
    // These are added each time, as documented.
    let added = |more: Value| {
        let bench = bench();
        let path = bench.file("a.xml", FILE);
        let predicted = bench.run("xml", with(&path, more.clone()), true).unwrap();
        assert_eq!(bench.read("a.xml"), FILE, "check mode");
        let applied = bench.apply("xml", with(&path, more));
        assert_eq!((&predicted["changed"], &predicted["diff"]), (&applied["changed"], &applied["diff"]));
        assert_eq!(applied["changed"].as_bool(), Some(true));
        bench.read("a.xml")
    };
    let children = json!([{"beer": "Old"}, "new", {"b": {"n": "m", "+value": "u", "_": [{"f": "x"}, "y"]}}]);
    let built = "<beer>Old</beer><new/><b n=\"m\">u<f>x</f><y/></b>";
    let made = added(json!({"xpath": "/business/beers", "add_children": children}));
    assert!(made.contains(&format!("</beer>\n  {built}</beers>")), "{made}");
    let made = added(json!({"xpath": "//beer[.='Rochefort 10']", "insertbefore": true, "add_children": children}));
    assert!(made.contains(&format!("<beers>\n    {built}<beer>Roch")), "{made}");
    let made = added(json!({"xpath": "//beer", "insertafter": true, "add_children": children}));
    assert!(made.contains(&format!("Bernardus</beer>\n  {built}</beers>")), "{made}");
    let xml = json!({"xpath": "/business/e", "add_children": ["<x a='1'>t<!-- c --></x>"], "input_type": "xml"});
    assert!(added(xml).contains("<e ><x a='1'>t<!-- c --></x></e>"));
    let made = changed(json!({"xpath": "/business/beers", "set_children": [{"beer": "Rochefort 10"}]}));
    assert!(made.contains("<beers>\n    <beer>Rochefort 10</beer></beers>"), "{made}");
    let bench = bench();
    let path = bench.file("a.xml", FILE);
    for (children, reason) in [
        (json!([{"a": 1, "b": 2}]), "hashes with one key"),
        (json!([{"a b": 1}]), "no name"),
        (json!([{"a": ["x"]}]), "under `_`"),
        (json!([{"a": {"_": "x"}}]), "list"),
        (json!([["x"]]), "is no child"),
    ] {
        let message = bench.fails("xml", with(&path, json!({"xpath": "/business", "set_children": children})));
        assert!(message.contains("set_children: ") && message.contains(reason), "{message}");
    }
}

#[test]
fn what_is_selected_is_told_and_nothing_changes() {
    let bench = bench();
    let path = bench.file("a.xml", FILE);
    let told = |more: Value| {
        let result = bench.apply("xml", with(&path, more));
        assert_eq!(result["changed"].as_bool(), Some(false));
        serde_json::to_value(result.iter().map(|(k, v)| (k.clone(), v.to_json())).collect::<serde_json::Map<_, _>>())
            .unwrap()
    };
    let counted = told(json!({"xpath": "//beer", "count": true, "pretty_print": true}));
    assert_eq!((&counted["count"], &counted["msg"]), (&json!(2), &json!("found 2 nodes")));
    let matched = told(json!({"xpath": "//beer|//@subjective", "print_match": true}));
    assert_eq!(
        matched["matches"],
        json!(["/business/beers/beer[1]", "/business/beers/beer[2]", "/business/rating/@subjective"])
    );
    let texts = told(json!({"xpath": "//beer|//e", "content": "text"}));
    assert_eq!(texts["matches"], json!([{"beer": "Rochefort 10"}, {"beer": "St. Bernardus"}, {"e": null}]));
    let attributes = told(json!({"xpath": "//beer", "content": "attribute"}));
    assert_eq!(attributes["matches"], json!([{"beer": {}}, {"beer": {"a": "1", "b": "2"}}]));
    assert_eq!(attributes["count"], 2);
    assert_eq!(attributes["actions"], json!({"xpath": "//beer", "namespaces": {}, "state": "present"}));
    assert!(bench.fails("xml", with(&path, json!({"xpath": "//none", "content": "text"}))).contains("not reference"));
}

#[test]
fn namespaces_have_the_prefixes_of_the_task() {
    let bench = bench();
    let text = "<foo xmlns=\"http://x.test\" xmlns:attr=\"http://z.test\"><bar><baz xmlns=\"http://y.test\" attr:m=\"true\"/></bar></foo>";
    let path = bench.file("a.xml", text);
    let spaces = json!({"x": "http://x.test", "y": "http://y.test", "z": "http://z.test", "w": "http://w.test"});
    let call = |xpath: &str, more: Value| {
        let mut arguments = with(&path, more);
        (arguments["xpath"], arguments["namespaces"]) = (xpath.into(), spaces.clone());
        arguments
    };
    bench.converges("xml", call("/x:foo/x:bar/y:baz", json!({"attribute": "z:m", "value": "false"})));
    assert_eq!(bench.read("a.xml"), text.replace("true", "false"));
    bench.converges("xml", call("/x:foo/x:new", json!({"value": "1"})));
    bench.converges("xml", call("/x:foo/w:new/@w:a", json!({"value": "2"})));
    bench.converges("xml", call("/x:foo/plain", json!({})));
    let made = bench.read("a.xml");
    assert!(
        made.ends_with("<new>1</new><w:new xmlns:w=\"http://w.test\" w:a=\"2\"/><plain xmlns=\"\"/></foo>"),
        "{made}"
    );
    let told = bench.apply("xml", call("//y:baz", json!({"content": "attribute"})));
    assert_eq!(told["matches"].to_json(), json!([{"{http://y.test}baz": {"{http://z.test}m": "false"}}]));
    let told = bench.apply("xml", call("//y:baz|//w:new", json!({"print_match": true})));
    assert_eq!(told["matches"].to_json(), json!(["/*/*[1]/*", "/*/w:new"]));
}

#[test]
fn text_is_given_back_and_pretty_printed() {
    let bench = bench();
    let call = json!({"xmlstring": "<a><b/></a>\n", "xpath": "/a/b", "value": "x"});
    for check in [true, false] {
        let made = bench.run("xml", call.clone(), check).unwrap();
        assert_eq!(made["xmlstring"].as_str(), Some("<?xml version='1.0' encoding='UTF-8'?>\n<a><b>x</b></a>"));
        assert_eq!(made["changed"].as_bool(), Some(true));
        assert_eq!(
            made["diff"].to_json(),
            json!({"before": "<a>\n  <b/>\n</a>\n", "after": "<a>\n  <b>x</b>\n</a>\n"})
        );
    }
    let path = bench.file("a.xml", "<a><b>1</b><c/></a>");
    bench.converges("xml", json!({"file": path, "pretty_print": true}));
    assert_eq!(bench.read("a.xml"), "<a>\n  <b>1</b>\n  <c/>\n</a>\n");
}

#[test]
fn files_keep_their_encoding_and_have_backups() {
    let bench = bench();
    let path = bench.file("a.xml", b"<?xml version='1.0' encoding='ISO-8859-1'?>\r\n<a>\xe4<b/></a>");
    let done = bench.converges("xml", json!({"path": path, "xpath": "/a", "value": "äö", "backup": true}));
    let made = std::fs::read(&path).unwrap();
    assert_eq!(made, b"<?xml version='1.0' encoding='ISO-8859-1'?>\r\n<a>\xe4\xf6<b/></a>");
    let backup = std::fs::read(done["backup_file"].as_str().unwrap()).unwrap();
    assert!(backup.ends_with(b"<a>\xe4<b/></a>"));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let bench = bench();
    let path = bench.file("a.xml", FILE);
    for (more, reason) in [
        (json!({}), "Don't know what to do"),
        (json!({"xpath": "/a", "attribute": "x"}), "required by 'attribute': value"),
        (json!({"value": "x"}), "required by 'value': xpath"),
        (json!({"count": true}), "missing: xpath"),
        (json!({"xpath": "/a", "count": true, "value": "x"}), "mutually exclusive"),
        (json!({"xmlstring": "<a/>"}), "mutually exclusive"),
        (json!({"xpath": "/business", "attribute": "@x", "value": "x"}), "without `@`"),
        (json!({"xpath": "/business", "value": ["x"]}), "set_children"),
    ] {
        let message = bench.fails("xml", with(&path, more.clone()));
        assert!(message.contains(reason), "{more}: {message}");
    }
    assert!(bench.fails("xml", json!({"path": bench.path("none"), "xpath": "/a"})).contains("does not exist"));
    let broken = bench.file("b.xml", "<a>\n<b></a>");
    let message = bench.fails("xml", json!({"path": broken, "xpath": "/a"}));
    assert!(message.contains("b.xml: line 2") && message.contains("b is open"), "{message}");
}
