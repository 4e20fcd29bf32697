//! Answers of `gluster --xml`.

use roxmltree::{Document, Node};
use rprov_modules::outcome::Failure;

/// Another host of the pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// Its identity.
    pub uuid: String,
    /// Its names, the first of them what it is called.
    pub names: Vec<String>,
    /// Whether it can be reached.
    pub connected: bool,
    /// `Peer in Cluster` when all is well.
    pub state: String,
}

impl Peer {
    /// One of its names is this one.
    pub fn is(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: String,
    /// `Created`, `Started` or `Stopped`.
    pub status: String,
    /// How often each file is kept.
    pub replicas: u32,
    /// `tcp` or `rdma`.
    pub transport: String,
    /// Its bricks, as `host:/path`.
    pub bricks: Vec<String>,
    /// Its options that are set.
    pub options: Vec<(String, String)>,
}

impl Volume {
    /// The value of an option, which may be named without what stands before its last dot.
    pub fn option(&self, name: &str) -> Option<&str> {
        let is = |known: &str| known == name || known.rsplit('.').next() == Some(name);
        self.options.iter().find(|(known, _)| is(known)).map(|(_, value)| value.as_str())
    }

    /// Limits on directories are kept.
    pub fn has_quota(&self) -> bool {
        self.option("features.quota") == Some("on")
    }
}

/// How far the healing of a brick is.
#[derive(Clone, Debug, PartialEq)]
pub struct Heal {
    /// The brick, as `host:/path`.
    pub brick: String,
    /// `Connected`, or why not.
    pub status: String,
    /// How many entries are to be healed; `-` where nobody knows.
    pub entries: String,
}

/// How far a host is with moving files.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebalance {
    /// The host.
    pub node: String,
    /// How many files were moved.
    pub files: String,
    /// How many could not be.
    pub failures: String,
    /// In words.
    pub status: String,
}

fn document(text: &str) -> Result<Document<'_>, Failure> {
    Document::parse(text).map_err(|error| {
        Failure::new(format!("gluster's answer is no XML that can be read ({error}); is its version 3.3 or later?"))
    })
}

/// The text of an element within another one.
fn field(node: Node<'_, '_>, name: &str) -> String {
    let found = node.children().find(|child| child.has_tag_name(name));
    found.and_then(|child| child.text()).unwrap_or_default().trim().to_owned()
}

fn all<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> impl Iterator<Item = Node<'a, 'input>> {
    node.descendants().filter(move |child| child.has_tag_name(name))
}

/// What went wrong, if something did.
pub fn trouble(text: &str) -> Option<String> {
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    if field(root, "opRet") == "0" {
        return None;
    }
    let words = [field(root, "opErrstr"), field(root, "output")];
    Some(
        words
            .into_iter()
            .find(|words| !words.is_empty())
            .unwrap_or_else(|| "it failed, and does not say why".to_owned()),
    )
}

/// The hosts that an answer names.
///
/// # Errors
/// It is no XML.
pub fn peers(text: &str) -> Result<Vec<Peer>, Failure> {
    let document = document(text)?;
    let peer = |node: Node<'_, '_>| {
        let mut names = vec![field(node, "hostname")];
        for name in all(node, "hostname").filter_map(|name| name.text()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        Peer {
            uuid: field(node, "uuid"),
            names,
            connected: field(node, "connected") == "1",
            state: field(node, "stateStr"),
        }
    };
    Ok(all(document.root_element(), "peer").map(peer).collect())
}

/// The volumes that an answer names.
///
/// # Errors
/// It is no XML.
pub fn volumes(text: &str) -> Result<Vec<Volume>, Failure> {
    let document = document(text)?;
    let volume = |node: Node<'_, '_>| Volume {
        name: field(node, "name"),
        id: field(node, "id"),
        status: field(node, "statusStr"),
        replicas: field(node, "replicaCount").parse().unwrap_or_default(),
        transport: match field(node, "transport").as_str() {
            "1" => "rdma",
            "2" => "tcp,rdma",
            _ => "tcp",
        }
        .to_owned(),
        bricks: all(node, "brick").map(|brick| field(brick, "name")).collect(),
        options: all(node, "option").map(|option| (field(option, "name"), field(option, "value"))).collect(),
    };
    Ok(all(document.root_element(), "volume").map(volume).collect())
}

/// The limits of directories, in bytes.
///
/// # Errors
/// It is no XML.
pub fn quotas(text: &str) -> Result<Vec<(String, u64)>, Failure> {
    let document = document(text)?;
    let limit = |node: Node<'_, '_>| Some((field(node, "path"), field(node, "hard_limit").parse().ok()?));
    Ok(all(document.root_element(), "limit").filter_map(limit).collect())
}

/// What is to be healed.
///
/// # Errors
/// It is no XML.
pub fn heals(text: &str) -> Result<Vec<Heal>, Failure> {
    let document = document(text)?;
    let heal = |node: Node<'_, '_>| Heal {
        brick: field(node, "name"),
        status: field(node, "status"),
        entries: field(node, "numberOfEntries"),
    };
    Ok(all(document.root_element(), "brick").map(heal).collect())
}

/// What is being moved.
///
/// # Errors
/// It is no XML.
pub fn rebalances(text: &str) -> Result<Vec<Rebalance>, Failure> {
    let document = document(text)?;
    let node = |node: Node<'_, '_>| Rebalance {
        node: field(node, "nodeName"),
        files: field(node, "files"),
        failures: field(node, "failures"),
        status: field(node, "statusStr"),
    };
    Ok(all(document.root_element(), "node").map(node).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    // Parts of what gluster 10.3 said.
    const VOLUME: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<cliOutput><opRet>0</opRet><opErrno>0</opErrno><opErrstr/><volInfo><volumes><volume>
<name>v1</name><id>d7b9</id><statusStr>Started</statusStr><replicaCount>2</replicaCount><transport>0</transport>
<bricks><brick uuid="59d2">10.213.7.1:/b<name>10.213.7.1:/b</name><hostUuid>59d2</hostUuid></brick>
<brick uuid="a338">10.213.7.2:/b<name>10.213.7.2:/b</name></brick></bricks>
<options><option><name>features.quota</name><value>on</value></option></options></volume><count>1</count></volumes></volInfo></cliOutput>"#;

    #[test]
    fn volumes_are_read() {
        let volumes = volumes(VOLUME).unwrap();
        let volume = volumes.first().unwrap();
        assert_eq!((volume.name.as_str(), volume.status.as_str(), volume.replicas), ("v1", "Started", 2));
        assert_eq!(volume.bricks, ["10.213.7.1:/b", "10.213.7.2:/b"]);
        assert_eq!((volume.option("quota"), volume.has_quota()), (Some("on"), true));
        assert_eq!(trouble(VOLUME), None);
    }

    #[test]
    fn what_went_wrong_is_told() {
        let text =
            "<cliOutput><opRet>-1</opRet><opErrno>107</opErrno><opErrstr>Probe returned with x</opErrstr></cliOutput>";
        assert_eq!(trouble(text).unwrap(), "Probe returned with x");
        assert_eq!(trouble("Connection failed."), None);
        assert!(volumes("Connection failed.").is_err());
    }

    #[test]
    fn peers_have_all_their_names() {
        let text = "<cliOutput><opRet>0</opRet><peerStatus><peer><uuid>a</uuid><hostname>h1</hostname><hostnames>\
                    <hostname>h1</hostname><hostname>10.0.0.1</hostname></hostnames><connected>1</connected>\
                    <stateStr>Peer in Cluster</stateStr></peer></peerStatus></cliOutput>";
        let peers = peers(text).unwrap();
        let peer = peers.first().unwrap();
        assert!(peer.is("H1") && peer.is("10.0.0.1") && !peer.is("h2") && peer.connected);
    }
}
