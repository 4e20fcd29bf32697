#!/usr/bin/env python3
"""Records what the filters of ansible.utils for addresses answer, in `addresses.json` beside this script.

Run with the interpreter of an ansible-core 2.19.14 beside which netaddr is installed, and with ansible.utils on
`ANSIBLE_COLLECTIONS_PATH`:

    ANSIBLE_COLLECTIONS_PATH=... python tests/vectors/generate_addresses.py

`tables` has for each filter values (rows), arguments (columns) and the answers; `cases` has single calls. `"!"` stands
for an error.
"""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))

VALUES = [
    "192.168.1.5", "192.168.1.5/24", "192.168.1.0/24", "192.168.1.255/24", "10.0.0.0/8", "10.1.2.3/255.255.0.0",
    "10.0.0.4/30", "10.0.0.5/30", "10.0.0.7/30", "10.0.0.4/31", "10.0.0.5/31", "10.0.0.4/32", "172.16.5.3/12", "8.8.8.8", "8.8.8.0/25", "127.0.0.1", "127.0.0.0/8",
    "169.254.3.4/16", "224.0.0.5", "239.1.0.0/16", "255.255.255.255", "0.0.0.0", "0.0.0.0/0", "100.64.1.1", "192.0.2.1",
    "198.18.0.1/15", "240.0.0.1", "1.2.3", "1.2.3/24", "010.1.2.3", "256.1.1.1", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/0.0.0.255",
    "::1", "::", "::/0", "fe80::100/10", "fe80::1", "fd00:1::5/64", "2001:db8::1/32", "2001:db8:32c:faad::/64",
    "2001:db8::ff/127", "2001:db8::1/128", "2001:db8::/126", "2001:db8::2/126", "2001:db8::3/126", "ff02::1", "2002:c000:201::1/48", "::ffff:192.0.2.1",
    "2001:DB8:0:0:0:0:0:1", "2001:4860::8888", "1::2::3", "fe80::1%eth0", "[::1]", "42540766412265424405338506004571095040/64",
    "", " ", "host.fqdn", "3232235777", "3232235777/24", "0xC0A80101", "192.168.1.1 ", "a/b/c", "/24", "24",
    3232235777, 0, 1, -1, "340282366920938463463374607431768211456", True, False, None, 1.5,
    ["192.24.2.1", "host.fqdn", "::1", "192.168.32.0/24", "fe80::100/10", True, "", "42540766412265424405338506004571095040/64"],
    ["10.0.0.1/8", ["10.0.0.2/8", "x"]], [], {"a": 1},
]

QUERIES = [
    "", "address", "ip", "host", "host/prefix", "hostnet", "router", "gateway", "gw", "net", "network", "network_id", "network/prefix",
    "network/netmask", "network_netmask", "network_wildcard", "address/prefix", "address/netmask", "address_prefix", "ip/prefix", "ip_prefix", "ip_netmask", "ip_wildcard", "wildcard", "hostmask", "netmask",
    "prefix", "cidr", "subnet", "broadcast", "size", "size_usable", "range_usable", "first_usable", "last_usable", "next_usable",
    "previous_usable", "peer", "6to4", "wrap", "type", "unicast", "multicast", "public", "private", "loopback", "lo", "link-local",
    "bool", "int", "version", "ipv4", "ipv6", "v4", "v6", "revdns", "cidr_lookup", "nosuch", "0", "1", "-1", "5", "300", "-300", 0, 1, -1, 2, 70000,
    "192.168.0.0/16", "192.168.1.5", "10.0.0.0/8", "2001:db8::/32", "::/0", "0.0.0.0/0", "fe80::/10", "1.2.3.4/99", None, True, ["10.0.0.0/8"],
]

SMALL = ["", "address", "host", "net", "network", "prefix", "size", "bool", "int", "ipv4", "ipv6", "wrap", "type", "version", "subnet", "revdns", "6to4",
    "public", "private", "nosuch", "1", "-1", 1, "192.168.0.0/16", "2001:db8::/32", "::/0"]

MACS = [
    "1a:2b:3c:4d:5e:6f", "1A-2B-3C-4D-5E-6F", "1a2b.3c4d.5e6f", "1a2b3c4d5e6f", "1A2B3C:4D5E6F", "1:2:3:4:5:6", "1a:2b:3c:4d:5e", "1a:2b:3c:4d:5e:6f:70:81",
    "0x1a2b3c4d5e6f", "28762654793327", "zz:2b:3c:4d:5e:6f", "", " ", "host", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "001a2b-3c4d5e", "1a2b-3c4d-5e6f", "1:22:33:44:55:66",
    28762654793327, 0, -1, True, None, 281474976710656, "123", "1a:2b:3c:4d:5e:6f ", ["1a:2b:3c:4d:5e:6f"],
]

FORMS = ["", "bare", "bool", "int", "cisco", "eui48", "linux", "unix", "win", "pgsql", "postgresql", "psql", "nosuch", 1, None]

NETS = ["192.168.0.0/16", "192.168.5.9/24", "192.168.5.9", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.1/32", "2001:db8::/56", "2001:db8::5/64", "::1", "x", "", "1.2.3.4/99", 5, True, None, ["10.0.0.0/24"]]

SUBNETS = [[], [""], [20], ["20"], [20, 0], [20, 5], [20, -1], [20, -5], [20, 99], ["20", "3"], [8], [8, 0], [8, 1], [64], [64, 1], [64, -1], [24], [24, 0], [24, 1], [30, 1], [32, 255], [33], [128, 0], [129], [-1], [0], [0, 0],
    ["192.168.0.0/16"], ["192.168.5.0/24"], ["192.168.0.0/16", 24], ["192.168.5.9"], ["192.168.5.9/32"], ["10.0.0.0/8"], ["2001:db8::/32"], ["2001:db8::/64"], ["x"], [None], [True], ["bool"]]

ADDRESSES = ["192.168.0.1", "192.168.0.0", "192.168.255.255", "192.168.0.0/24", "192.168.0.0/16", "192.168.0.0/8", "10.0.0.0", "10.0.0.1", "10.0.0.3", "2001:db8::1", "2001:db8::", "2001:db8::/64", "x", "", None, 3232235777, True]

OFFSETS = [[], [0], [1], [2], [5], [-1], [-3], [254], [255], [300], ["1"], ["x"], [None], [True], [1.5]]

STARTS = ["192.168.122.0/24", "192.168.122.10/24", "192.168.122.1/24", "192.168.122.254/24", "192.168.122.255/24", "192.168.122.10", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.1/31", "10.0.0.1/32",
    "2001:db8::/64", "2001:db8::5/64", "2001:db8::/127", "2001:db8::1/128", "::1", "0.0.0.0/0", "255.255.255.255", "x", "", "1.2.3.4/99", 5, True, None]

AMOUNTS = [[], [0], [1], [5], [-1], [-10], [256], [65536], [10000000000], ["5"], ["x"], [None], [1.5]]

MERGES = [
    [["192.168.0.0/17", "192.168.128.0/17", "192.168.128.1"]], [["192.168.0.0/24", "192.168.1.0/24", "10.0.0.0/8"]],
    [["192.168.0.0/17", "192.168.128.0/17", "192.168.128.1"], "span"], [["192.168.1.1", "192.168.1.2", "192.168.1.3"], "span"],
    [["192.168.1.1", "192.168.1.2", "192.168.1.3"]], [["192.168.1.1/24", "192.168.0.5/24"]], [["2001:db8::/33", "2001:db8:8000::/33", "10.0.0.1"]],
    [["2001:db8::1", "10.0.0.1"], "span"], [["10.0.0.1"], "span"], [["10.0.0.1"]], [[]], [[], "span"], [["x"]], [["10.0.0.1"], "nosuch"], ["10.0.0.1"], ["10.0.0.1,10.0.0.0"], [None],
    [["10.0.0.0/8", "10.1.0.0/16"]], [["0.0.0.0/0", "::/0"]], [["0.0.0.0/1", "128.0.0.0/1"]], [["10.0.0.3", "10.0.0.1", "10.0.0.2", "10.0.0.0"]], [["10.0.0.0/24", "10.0.3.0/24"], "span"],
    [["2001:db8::5/64", "2001:db8:0:1::/64"], "span"], [["10.0.0.1", ""]], [["1.2.3"]], [[5]], [["10.0.0.1", "10.0.0.1"]], [["10.0.0.4/30", "10.0.0.0/30", "10.0.0.8/29"], "merge"],
]

HEX = [["192.168.1.5"], ["192.168.1.5", ":"], ["0.0.0.0", "-"], ["255.255.255.255", ""], ["::1"], ["192.168.1.5/24"], ["x"], [""], ["1.2.3"], [5], [None], ["1.2.3.4", 1], ["256.1.1.1"]]

REDUCE = [
    [["192.168.0.34", "10.3.0.3", "192.168.2.34"], "192.168.0.0/24"], [["192.168.0.34", "::1", "x"], "192.168.0.0/24"], [[], "10.0.0.0/8"],
    [["10.0.0.0/9", "10.0.0.0/7", "10.1.1.1"], "10.0.0.0/8"], [["2001:db8::1", "10.0.0.1"], "2001:db8::/32"], [["10.0.0.1"], "x"], ["10.0.0.1", "10.0.0.0/8"], [["10.0.0.1"]], [[5], "0.0.0.0/8"],
    [["10.0.0.1"], None], [["", "10.0.0.2"], "10.0.0.0/8"], [["10.0.0.2"], "10.0.0.2"],
]

SLAAC = [
    ["fdcf:1894:23b5:d38c:0000:0000:0000:0000", "c2:31:b3:83:bf:2b"], ["2001:db8::/64", "1a:2b:3c:4d:5e:6f"], ["2001:db8::5/64", "1a2b.3c4d.5e6f"], ["2001:db8::/48", "1a:2b:3c:4d:5e:6f"],
    ["2001:db8::/96", "1a:2b:3c:4d:5e:6f"], ["192.168.0.0/24", "1a:2b:3c:4d:5e:6f"], ["2001:db8::/64", "x"], ["x", "1a:2b:3c:4d:5e:6f"], ["2001:db8::/64"], ["2001:db8::/64", ""], ["", "1a:2b:3c:4d:5e:6f"],
    ["192.168.0.1", "1a:2b:3c:4d:5e:6f"], ["2001:db8::/64", 28762654793327], ["::/0", "1a:2b:3c:4d:5e:6f"], [5, "1a:2b:3c:4d:5e:6f"], [True, "1a:2b:3c:4d:5e:6f"], ["2001:db8::/64", None], ["fe80::/10", "1A-2B-3C-4D-5E-6F"],
]

TABLES = {
    "ipaddr": (VALUES, [[query] for query in QUERIES]),
    "ipv4": (VALUES, [[query] for query in SMALL]),
    "ipv6": (VALUES, [[query] for query in SMALL]),
    "ipwrap": (VALUES, [[query] for query in ["", "address", "net", "prefix", "ipv6", "1", "2001:db8::/32", "nosuch"]]),
    "hwaddr": (MACS, [[form] for form in FORMS]),
    "macaddr": (MACS, [[form] for form in FORMS]),
    "ipsubnet": (NETS, SUBNETS),
    "network_in_network": (NETS, [[address] for address in ADDRESSES]),
    "network_in_usable": (NETS, [[address] for address in ADDRESSES]),
    "next_nth_usable": (STARTS, OFFSETS),
    "previous_nth_usable": (STARTS, OFFSETS),
    "nthhost": (STARTS, OFFSETS),
    "ipmath": (STARTS, AMOUNTS),
}

CASES = {"cidr_merge": MERGES, "ip4_hex": HEX, "reduce_on_network": REDUCE, "slaac": SLAAC}


def main():
    os.environ["ANSIBLE_LOCALHOST_WARNING"] = "0"
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar, trust_as_template

    init_plugin_loader()
    answers = {}

    def answer(name, arguments):
        names = ["a%d" % index for index in range(len(arguments))]
        templar = Templar(loader=DataLoader(), variables=dict(zip(names, arguments)))
        text = "{{ a0 | ansible.utils.%s(%s) }}" % (name, ", ".join(names[1:]))
        try:
            value = templar.template(trust_as_template(text))
            return json.loads(json.dumps(value))
        except Exception as error:
            message = str(error).split("\n")[0][:160]
            answers[message] = answers.get(message, 0) + 1
            return "!"

    tables = {}
    for name, (values, columns) in TABLES.items():
        rows = [[answer(name, [value] + column) for column in columns] for value in values]
        tables[name] = {"values": values, "arguments": columns, "answers": rows}
    cases = {name: [[arguments, answer(name, arguments)] for arguments in calls] for name, calls in CASES.items()}
    with open(os.path.join(HERE, "addresses.json"), "w") as file:
        file.write('{"tables": {')
        for number, (name, table) in enumerate(tables.items()):
            file.write('%s\n"%s": {"values": %s,\n"arguments": %s,\n"answers": [\n' % ("," if number else "", name, json.dumps(table["values"]), json.dumps(table["arguments"])))
            file.write(",\n".join(json.dumps(row) for row in table["answers"]) + "\n]}")
        file.write('},\n"cases": {')
        for number, (name, calls) in enumerate(cases.items()):
            file.write('%s\n"%s": [\n' % ("," if number else "", name))
            file.write(",\n".join(json.dumps(call) for call in calls) + "\n]")
        file.write("}}\n")
    if os.environ.get("VERBOSE"):
        for message, count in sorted(answers.items(), key=lambda entry: -entry[1]):
            print(count, message)


main()
