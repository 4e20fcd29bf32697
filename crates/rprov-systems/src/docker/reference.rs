//! Names of images: `[registry/]repository[:tag][@digest]`, or an ID.

/// A name of an image, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Registry and repository.
    pub repository: String,
    /// Tag, or digest (`sha256:...`).
    pub tag: Option<String>,
}

impl Reference {
    /// Take a name apart; a tag of its own wins over `default`.
    pub fn parse(name: &str, default: Option<&str>) -> Self {
        let (repository, tag) = match name.split_once('@') {
            // Where both are given, the digest alone decides.
            Some((repository, digest)) => (split_tag(repository).0, Some(digest)),
            None => split_tag(name),
        };
        Reference { repository: repository.to_owned(), tag: tag.or(default).map(str::to_owned) }
    }

    /// The tag is a digest.
    pub fn is_digest(&self) -> bool {
        self.tag.as_deref().is_some_and(|tag| tag.contains(':'))
    }

    /// The name that stands for the image in requests and in `docker images`.
    pub fn full(&self) -> String {
        match &self.tag {
            Some(tag) if tag.contains(':') => format!("{}@{tag}", self.repository),
            Some(tag) => format!("{}:{tag}", self.repository),
            None => self.repository.clone(),
        }
    }

    /// The registry's host, as `config.json` has it; `None` for Docker Hub.
    pub fn registry(&self) -> Option<&str> {
        let (host, _) = self.repository.split_once('/')?;
        let is_host = host.contains(['.', ':']) || host == "localhost";
        (is_host && !matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io")).then_some(host)
    }
}

fn split_tag(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

/// The name is an image's ID, `sha256:` and 64 digits.
pub fn is_id(name: &str) -> bool {
    name.strip_prefix("sha256:")
        .is_some_and(|digits| digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_and_put_together() {
        for (name, repository, tag, full, registry) in [
            ("nginx", "nginx", "latest", "nginx:latest", None),
            ("library/nginx:1.2", "library/nginx", "1.2", "library/nginx:1.2", None),
            ("localhost:5000/a", "localhost:5000/a", "latest", "localhost:5000/a:latest", Some("localhost:5000")),
            ("r.example.org/a/b:c", "r.example.org/a/b", "c", "r.example.org/a/b:c", Some("r.example.org")),
            ("a:1@sha256:ab", "a", "sha256:ab", "a@sha256:ab", None),
            ("docker.io/library/a:b", "docker.io/library/a", "b", "docker.io/library/a:b", None),
        ] {
            let reference = Reference::parse(name, Some("latest"));
            assert_eq!(
                (reference.repository.as_str(), reference.tag.as_deref(), reference.full(), reference.registry()),
                (repository, Some(tag), full.to_owned(), registry),
            );
        }
    }

    #[test]
    fn only_whole_ids_are_ids() {
        assert!(is_id(&format!("sha256:{}", "a".repeat(64))));
        assert!(!is_id("sha256:abc") && !is_id("abc") && !is_id(&"a".repeat(64)));
    }
}
