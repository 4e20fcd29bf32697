//! What is told of the filters for addresses.

use super::plugin::Row;

/// The filters of ansible.utils, by name.
pub(super) const FILTERS: &[Row] = &[
    (
        "ansible.utils.cidr_merge",
        "LIST | ansible.utils.cidr_merge(action='merge')",
        "As few networks as have the same addresses; or the one around all, with `span`.",
    ),
    ("ansible.utils.hwaddr", "TEXT | ansible.utils.hwaddr('form')", "A MAC address in one of its forms."),
    (
        "ansible.utils.ip4_hex",
        "TEXT | ansible.utils.ip4_hex(delimiter='')",
        "An address of version 4 in hexadecimal digits.",
    ),
    (
        "ansible.utils.ipaddr",
        "VALUE | ansible.utils.ipaddr('query')",
        "What of an address or network is asked; `false` for what is none.",
    ),
    ("ansible.utils.ipmath", "ADDRESS | ansible.utils.ipmath(amount)", "The address that is so many further."),
    (
        "ansible.utils.ipsubnet",
        "NETWORK | ansible.utils.ipsubnet(length, index)",
        "How many networks of a length a network has, or one of them.",
    ),
    ("ansible.utils.ipv4", "VALUE | ansible.utils.ipv4('query')", "As `ipaddr`, for version 4 alone."),
    ("ansible.utils.ipv6", "VALUE | ansible.utils.ipv6('query')", "As `ipaddr`, for version 6 alone."),
    (
        "ansible.utils.ipwrap",
        "VALUE | ansible.utils.ipwrap",
        "Addresses of version 6 in brackets, anything else as it is.",
    ),
    ("ansible.utils.macaddr", "TEXT | ansible.utils.macaddr('form')", "Another name of `hwaddr`."),
    (
        "ansible.utils.network_in_network",
        "NETWORK | ansible.utils.network_in_network(other)",
        "Whether the other network or address is in it.",
    ),
    (
        "ansible.utils.network_in_usable",
        "NETWORK | ansible.utils.network_in_usable(address)",
        "Whether a host of the network can have the address.",
    ),
    (
        "ansible.utils.next_nth_usable",
        "ADDRESS | ansible.utils.next_nth_usable(offset)",
        "The address so many further, if a host can have it.",
    ),
    ("ansible.utils.nthhost", "NETWORK | ansible.utils.nthhost(index)", "The address with this index."),
    (
        "ansible.utils.previous_nth_usable",
        "ADDRESS | ansible.utils.previous_nth_usable(offset)",
        "The address so many before, if a host can have it.",
    ),
    (
        "ansible.utils.reduce_on_network",
        "LIST | ansible.utils.reduce_on_network(network)",
        "The addresses that are in the network.",
    ),
    (
        "ansible.utils.slaac",
        "NETWORK | ansible.utils.slaac('mac')",
        "The address that a host with this MAC address gives itself.",
    ),
];
