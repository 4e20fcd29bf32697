//! What the parts of the engine do together: laziness, places, chains, trust.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::source::{Diagnostic, SourceId, Span, register};
use crate::yaml::{Data, Node};

fn scope(variables: &[(&str, Variable)]) -> Scope {
    let variables: HashMap<String, Variable> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Scope::new(Arc::new(variables), Arc::default())
}

fn text(text: &str) -> Variable {
    Variable::Written(Written::from_text(text, None))
}

fn plain(value: impl Into<Value>) -> Variable {
    Variable::Plain(value.into())
}

fn render(template: &str, scope: &Scope) -> Result<Value, TemplateError> {
    Written::from_text(template, None).render(scope)
}

fn span(source: SourceId, line: u32, column: u32) -> Span {
    Span { source, line, column, length: 1 }
}

#[test]
fn a_value_from_a_host_is_never_a_template() {
    let hostile = from_wire(rprov_wire::Value::from("{{ secret }}".to_owned()));
    let scope = scope(&[("fact", plain(hostile)), ("secret", text("s3")), ("copy", text("{{ fact }}"))]);
    assert_eq!(render("{{ fact }}", &scope).unwrap(), Value::from("{{ secret }}"));
    assert_eq!(render("{{ copy }}!", &scope).unwrap(), Value::from("{{ secret }}!"));
    assert_eq!(render("{{ copy | upper }}", &scope).unwrap(), Value::from("{{ SECRET }}"));
}

#[test]
fn unsafe_text_is_never_a_template() {
    let node = Node { data: Data::Unsafe("{{ x }}".into()), span: span(register("u.yml", ""), 1, 1) };
    assert!(matches!(Written::from_node(&node).form(), Form::Unsafe(_)));
}

#[test]
fn a_member_is_rendered_only_when_it_is_touched() {
    let scope = scope(&[(
        "d",
        Variable::Written(Written::map(
            [
                (Value::from("good"), Written::from_text("{{ 1 + 1 }}", None)),
                (Value::from("bad"), Written::from_text("{{ 1 / 0 }}", None)),
            ]
            .into_iter()
            .collect(),
            None,
        )),
    )]);
    assert_eq!(render("{{ d.good }}", &scope).unwrap(), Value::from(2));
    assert_eq!(render("{{ d.keys() | list | length }}", &scope).unwrap(), Value::from(2));
    let error = render("{{ d.bad }}", &scope).unwrap_err();
    assert_eq!(error.message(), "Error rendering template: division by zero");
    assert!(render("{{ d }}", &scope).is_err());
}

#[test]
fn a_circle_is_told_with_its_names() {
    let scope = scope(&[("a", text("{{ b }}")), ("b", text("x{{ a }}"))]);
    let error = render("{{ a }}", &scope).unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::Recursion);
    assert_eq!(error.message(), "recursive loop detected in template: a -> b -> a");
}

#[test]
fn a_long_chain_of_variables_is_no_circle() {
    let names: Vec<String> = (0..60).map(|index| format!("v{index}")).collect();
    let mut variables: Vec<(&str, Variable)> =
        names.windows(2).map(|pair| (pair[0].as_str(), text(&format!("{{{{ {} }}}}", pair[1])))).collect();
    variables.push(("v59", plain(7)));
    assert_eq!(render("{{ v0 }}", &scope(&variables)).unwrap(), Value::from(7));
}

#[test]
fn an_error_points_into_the_yaml_file_and_names_the_variables_on_the_way() {
    let source = register("site.yml", "vars:\n  greeting: \"hello {{ user.nmae }}\"\n  page: '{{ greeting }}!'\n");
    let user = from_json(&serde_json::json!({"name": "ann"}));
    let scope = scope(&[
        ("user", plain(user)),
        ("greeting", Variable::Written(Written::from_text("hello {{ user.nmae }}", Some(span(source, 2, 13))))),
        ("page", Variable::Written(Written::from_text("{{ greeting }}!", Some(span(source, 3, 9))))),
    ]);
    let error = render("{{ page }}", &scope).unwrap_err();
    assert_eq!(error.message(), "object of type 'dict' has no attribute 'nmae'");
    let place = error.span().unwrap();
    assert_eq!((place.line, place.column, place.length), (2, 23, 9));
    let names: Vec<&str> = error.chain().iter().map(|frame| frame.name.as_str()).collect();
    assert_eq!(names, ["page", "greeting"]);
    assert_eq!(error.hints(), ["did you mean `name`?"]);
    let diagnostic = Diagnostic::from(error);
    assert_eq!(diagnostic.causes[0], "while templating variable `page` at site.yml:3:9");
}

#[test]
fn a_missing_variable_gets_a_did_you_mean() {
    let error = render("{{ pakcage }}", &scope(&[("package", plain("nginx"))])).unwrap_err();
    assert_eq!(error.message(), "'pakcage' is undefined");
    assert_eq!(error.hints(), ["did you mean `package`?"]);
}

#[test]
fn an_error_in_a_template_file_has_its_line_and_column() {
    let source = register(
        "motd.j2",
        "#jinja2: trim_blocks: True\nhello\n{% if true %}\n  {{ a.b | default(1) }} {{ nope }}\n{% endif %}\n",
    );
    let error = render_file(source, &FileOptions::default(), &Scope::empty()).unwrap_err();
    let place = error.span().unwrap();
    assert_eq!((place.line, place.column, place.length), (4, 29, 4));
}

#[test]
fn an_error_in_an_included_file_points_there() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("inner.j2"), "first\n{{ nope }}\n").unwrap();
    let source = register("outer.j2", "{% include 'inner.j2' %}\n");
    let options = FileOptions { search_paths: vec![directory.path().to_owned()], ..FileOptions::default() };
    let error = render_file(source, &options, &Scope::empty()).unwrap_err();
    assert_eq!(error.message(), "'nope' is undefined");
    let place = error.span().unwrap();
    assert!(place.file().path.ends_with("inner.j2"));
    assert_eq!((place.line, place.column), (2, 4));
}

#[test]
fn an_unknown_filter_is_known_before_rendering() {
    let errors = Written::from_text("{{ a | uper }}", None).syntax_errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].message(), "Syntax error in template: No filter named 'uper'.");
    assert_eq!(errors[0].hints(), ["did you mean `upper`?"]);
    assert!(Written::from_text("{{ a | upper is defined }}", None).syntax_errors().is_empty());
}

#[test]
fn a_loop_item_hides_a_variable_and_what_depends_on_it_is_rendered_anew() {
    let scope = scope(&[("item", plain("outer")), ("path", text("/srv/{{ item }}"))]);
    assert_eq!(render("{{ path }}", &scope).unwrap(), Value::from("/srv/outer"));
    for name in ["a", "b"] {
        let item = scope.with([("item", Value::from(name))]);
        assert_eq!(render("{{ path }}", &item).unwrap(), Value::from(format!("/srv/{name}")));
    }
    assert_eq!(render("{{ path }}", &scope).unwrap(), Value::from("/srv/outer"));
}

#[test]
fn omit_as_a_whole_is_given_back_only_where_it_is_asked_for() {
    let written = Written::from_text("{{ nope | default(omit) }}", None);
    assert!(is_omit(&written.render_or_omit(&Scope::empty()).unwrap()));
    assert_eq!(written.render(&Scope::empty()).unwrap_err().kind(), TemplateErrorKind::Omitted);
}

#[test]
fn a_scope_is_freed_with_its_lazy_values() {
    #[derive(Debug)]
    struct Counted(Arc<()>);
    impl Variables for Counted {
        fn get(&self, name: &str) -> Option<Variable> {
            let list = vec![Written::from_text("{{ other }}", None), Written::from_text("{{ l }}", None)];
            match name {
                "l" => Some(Variable::Written(Written::list(list, None))),
                "other" => Some(plain(Arc::strong_count(&self.0) as i64)),
                _ => None,
            }
        }

        fn names(&self) -> Vec<std::borrow::Cow<'_, str>> {
            Vec::new()
        }
    }
    let alive = Arc::new(());
    let scope = Scope::new(Arc::new(Counted(alive.clone())), Arc::default());
    assert!(render("{{ l[0] }}", &scope).is_ok());
    let child = scope.with([("item", Value::from(1))]);
    assert!(render("{{ l[0] }}{{ item }}", &child).is_ok());
    drop(child);
    drop(scope);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_filter_finds_the_scope_that_it_is_called_in() {
    let mut env = environment::environment().clone();
    env.add_filter("known", |state: &minijinja::State<'_, '_>, name: &str| {
        Scope::of(state).is_some_and(|scope| scope.variable(name).is_some())
    });
    let scope = scope(&[("here", plain(1))]);
    let template = "{% macro m() %}{{ 'here' | known }}{% endmacro %}{{ m() }} {{ 'gone' | known }}";
    assert_eq!(env.render_str(template, scope.context()).unwrap(), "True False");
}

#[test]
fn a_vault_value_without_a_secret_says_so() {
    let node = Node {
        data: Data::Vault("$ANSIBLE_VAULT;1.1;AES256\n30300a30300a3030".into()),
        span: span(register("v.yml", "x"), 1, 1),
    };
    let error = Written::from_node(&node).render(&Scope::empty()).unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::Vault);
    assert!(
        error
            .message()
            .starts_with("Attempt to use undecryptable variable: Attempting to decrypt but no vault secrets found")
    );
}

#[test]
fn keys_are_rendered_on_request_alone() {
    let written = Written::map([(Value::from("{{ k }}"), Written::plain(1))].into_iter().collect(), None);
    let scope = scope(&[("k", plain("name"))]);
    assert_eq!(python::repr(&written.render(&scope).unwrap()).unwrap(), "{'{{ k }}': 1}");
    let rendered = written.with_rendered_keys(&scope).unwrap().render(&scope).unwrap();
    assert_eq!(python::repr(&rendered).unwrap(), "{'name': 1}");
}

#[test]
fn a_literal_that_is_changed_stays_the_same_object() {
    let template = "{% set l = [] %}{% set d = {'n': l} %}{% for i in range(3) %}{% set _ = l.append(i) %}{% endfor %}\
                    {% set _ = d.update({'x': 1}) %}{% set _ = d.setdefault('y', []).append(2) %}{{ d }}";
    let value = render(template, &Scope::empty()).unwrap();
    assert_eq!(python::repr(&value).unwrap(), "{'n': [0, 1, 2], 'x': 1, 'y': [2]}");
}

#[test]
fn what_contains_itself_is_an_error_and_no_hang() {
    for template in [
        "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
        "{% set d = {} %}{% set _ = d.update({'d': d}) %}{{ d }}!",
        "{% set d = {} %}{% set _ = d.setdefault(d, 1) %}",
        "{% set d = {} %}{{ d[d] }}",
        "{% set d = {} %}{{ d[(d,)] }}{% set _ = d.update({}) %}",
    ] {
        assert!(render(template, &Scope::empty()).is_err(), "{template}");
    }
    let removed = "{% set l = [1] %}{% set _ = l.append(l[0]) %}{% set _ = l.remove(1) %}{{ l }}";
    assert_eq!(python::repr(&render(removed, &Scope::empty()).unwrap()).unwrap(), "[1]");
}

#[test]
fn undefined_never_reaches_the_wire() {
    assert!(to_wire(&Value::UNDEFINED).is_err());
    assert!(to_wire(&Value::from(vec![Value::UNDEFINED])).is_err());
}

#[test]
fn undefined_inside_a_list_becomes_no_text() {
    for template in ["{{ [x] | string }}", "{{ [x] | upper }}", "{{ '%s' | format([x]) }}", "{{ '{}'.format([x]) }}"] {
        let error = render(template, &Scope::empty()).unwrap_err();
        assert!(error.is_undefined(), "{template}: {error:?}");
    }
}

#[test]
fn tuples_are_lists_only_where_a_template_gives_them_out() {
    for (template, shown) in [
        ("{{ (1, 2) }}!", "[1, 2]!"),
        ("{{ [(1,)] | string }}", "[(1,)]"),
        ("{{ '{}'.format((1, 2)) }}", "(1, 2)"),
        ("{{ '%s' % [(1, 2)] }}", "[(1, 2)]"),
        ("{{ (1, 2) ~ '!' }}", "(1, 2)!"),
    ] {
        assert_eq!(render(template, &Scope::empty()).unwrap(), Value::from(shown), "{template}");
    }
}

#[test]
fn a_float_has_as_many_digits_as_are_asked_for() {
    let shown = render("{{ '{:.100000f}'.format(1.5) | length }}", &Scope::empty()).unwrap();
    assert_eq!(shown, Value::from(100_002));
}

#[test]
fn wire_values_come_back_as_they_went() {
    let json = serde_json::json!({"z": [1, 2.5, null, true, "é"], "a": {"n": {}}});
    let value = from_json(&json);
    assert_eq!(to_json(&value).unwrap(), json);
    assert_eq!(to_wire(&value).unwrap(), rprov_wire::Value::from_json(&json));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_engine_panic(text in r#"([a-z ]|\{\{|\}\}|\{%|%\}|\{#|#\}|['"\\|.,()\[\]{}%+*/~=:-]|if|for x in|endfor|endif|set|is|default|not|macro m|raw|endraw|[0-9]|é|\n){0,24}"#) {
        let scope = scope(&[("a", plain(1)), ("x", text_of_all())]);
        let _ = Written::from_text(text.as_str(), None).render(&scope);
        let _ = Expression::parse(text.as_str(), None).evaluate(&scope);
        let _ = Conditional::from_text(text.as_str(), None).test(&scope);
        let source = register("fuzz.j2", text.as_str());
        let _ = render_file(source, &FileOptions::default(), &scope);
    }

    #[test]
    fn no_format_makes_python_methods_panic(format in r#"([a-z]|[{}%<>^=+#0-9.,!:()\[\] -]|é|%s|%d|\{\}){0,16}"#, number in proptest::num::f64::ANY) {
        let scope = scope(&[("f", plain(format)), ("n", plain(number))]);
        for template in ["{{ f % n }}", "{{ f % (n, 'é') }}", "{{ f.format(n, 'é', a=1) }}", "{{ f.split(f) }}", "{{ f.center(9, '-').rpartition(f) }}"] {
            let _ = render(template, &scope);
        }
    }
}

fn text_of_all() -> Variable {
    text("{{ a }} {{ x2 }}")
}

#[test]
fn filters_of_community_general_go_by_both_names() {
    let scope = scope(&[
        ("servers", text("{{ [{'name': 'a', 'port': 80}, {'name': 'b', 'port': 443}] }}")),
        ("more", text("{{ [{'name': 'b', 'up': true}, {'name': 'c'}] }}")),
    ]);
    for (template, expected) in [
        ("{{ servers | json_query('[?port > `100`].name') }}", "['b']"),
        ("{{ servers | community.general.json_query('length(@)') }}", "2"),
        ("{{ 5 | community.general.dict_kv('k') }}", "{'k': 5}"),
        ("{{ ['a', 'b', 'a'] | community.general.counter }}", "{'a': 2, 'b': 1}"),
        ("{{ [3, 1, 3] | community.general.lists_union([1, 5]) }}", "[3, 1, 5]"),
        ("{{ [[1, 2, 3], [2]] | community.general.lists_difference(flatten=true) }}", "[1, 3]"),
        ("{{ [3, 1] | community.general.lists_symmetric_difference([1, 9]) }}", "[3, 9]"),
        ("{{ ['1.10', '1.9', '2'] | community.general.version_sort }}", "['1.9', '1.10', '2']"),
        (
            "{{ servers | community.general.lists_mergeby(more, 'name') }}",
            "[{'name': 'a', 'port': 80}, {'name': 'b', 'port': 443, 'up': True}, {'name': 'c'}]",
        ),
        ("{{ (servers | community.general.groupby_as_dict('name')).b.port }}", "443"),
        ("{{ '52:54:00' | community.general.random_mac is match('52:54:00(:[0-9a-f]{2}){3}$') }}", "True"),
    ] {
        assert_eq!(render(&format!("{template}!"), &scope).unwrap(), Value::from(format!("{expected}!")), "{template}");
    }
    for template in [
        "{{ servers | json_query('[?') }}",
        "{{ 'xx' | random_mac }}",
        "{{ (servers + servers) | groupby_as_dict('name') }}",
    ] {
        assert!(render(template, &scope).is_err(), "{template}");
    }
}
