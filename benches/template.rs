//! What a template costs, with a thousand variables in scope: `cargo bench --bench template`.

#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rprov::template::{Conditional, Scope, Surroundings, Variable, Written, from_json};

fn measure(label: &str, mut body: impl FnMut()) {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let mut rounds = 0_u32;
        while start.elapsed() < Duration::from_millis(100) {
            for _ in 0..50 {
                body();
            }
            rounds += 50;
        }
        best = best.min(start.elapsed() / rounds);
    }
    println!("{label:<52} {:>9.3} µs", best.as_secs_f64() * 1e6);
}

fn main() {
    let mut variables: HashMap<String, Variable> = (0..1000)
        .map(|index| (format!("v{index}"), Variable::Written(Written::from_text(format!("value {index}"), None))))
        .collect();
    variables.insert("a".into(), Variable::Plain(from_json(&serde_json::json!({"b": "x", "l": [1, 2, 3]}))));
    variables.insert("deep".into(), Variable::Written(Written::from_text("{{ v1 }}/{{ a.b }}", None)));
    let variables: Arc<HashMap<String, Variable>> = Arc::new(variables);
    let surroundings = Arc::new(Surroundings::default());
    let scope = Scope::new(variables.clone(), surroundings.clone());

    for template in [
        "{{ a.b }}",
        "{{ a['b'] }}",
        "/etc/{{ v7 }}/conf.d/{{ v8 }}.conf",
        "{{ a.b | default('x') | upper }}",
        "{{ nope.b | default('x') }}",
        "{{ a.l | map('string') | join(',') }}",
        "{% if a.b == 'x' %}yes{% else %}no{% endif %}",
    ] {
        let written = Written::from_text(template, None);
        measure(template, || {
            black_box(written.render(&scope).unwrap());
        });
    }
    let condition = Conditional::from_text("a.b == 'x' and v1 is defined", None);
    measure("when: a.b == 'x' and v1 is defined", || {
        black_box(condition.test(&scope).unwrap());
    });
    let written = Written::from_text("{{ deep }}", None);
    measure("{{ deep }} in a new scope", || {
        let scope = Scope::new(variables.clone(), surroundings.clone());
        black_box(written.render(&scope).unwrap());
    });
    measure("compile and render {{ a['b'] }}", || {
        black_box(Written::from_text("{{ a['b'] }}", None).render(&scope).unwrap());
    });
}
