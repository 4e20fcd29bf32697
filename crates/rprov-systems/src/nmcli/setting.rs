//! Options of `nmcli` that hold settings under NetworkManager's own names.

use rprov_modules::argument::{Argument, DecodeError, OptionSpec, Spec, Type};
use rprov_wire::{Map, Value};

/// Settings under the names that NetworkManager has for them, which no field of a struct can have.
macro_rules! settings {
    ($(#[doc = $text:literal])* $name:ident { $($option:literal $kind:expr, $required:literal $(, $default:literal)?;)* }) => {
        $(#[doc = $text])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Map);

        impl $name {
            const SPEC: Spec = Spec {
                doc: concat!($($text, "\n",)* ""),
                own: &[$(OptionSpec {
                    name: $option,
                    aliases: &[],
                    doc: concat!("NetworkManager's own setting `", $option, "`."),
                    kind: $kind,
                    required: $required,
                    default: settings!(@default $($default)?),
                }),*],
                shared: None,
                rules: &[],
                free_form: None,
                open: false,
            };
        }

        impl Argument for $name {
            const KIND: Type = Type::Nested(&Self::SPEC);

            fn decode(value: &Value) -> Result<Self, DecodeError> {
                Map::decode(value).map(Self)
            }

            fn blank() -> Self {
                Self(Map::new())
            }

            /// Nothing: a secret may be among them.
            fn encode(&self) -> Value {
                Value::Null
            }
        }
    };
    // What NetworkManager takes where nothing is given.
    (@default) => { None };
    (@default $default:literal) => { Some(|| Value::from($default)) };
}

settings! {
    /// Settings of a modem.
    Gsm {
        "apn" Type::Str, false;
        "auto-config" Type::Bool, false;
        "device-id" Type::Str, false;
        "home-only" Type::Bool, false;
        "mtu" Type::Int, false, 0;
        "network-id" Type::Str, false;
        "number" Type::Str, false;
        "password" Type::Secret, false;
        "password-flags" Type::Int, false, 0;
        "pin" Type::Secret, false;
        "pin-flags" Type::Int, false, 0;
        "sim-id" Type::Str, false;
        "sim-operator-id" Type::Str, false;
        "username" Type::Str, false;
    }
}

settings! {
    /// Settings of an interface with an address of its own on another one.
    Macvlan {
        "mode" Type::Int, true;
        "parent" Type::Str, true;
        "promiscuous" Type::Bool, false;
        "tap" Type::Bool, false;
    }
}

settings! {
    /// Settings of virtual functions.
    Sriov {
        "autoprobe-drivers" Type::Int, false;
        "eswitch-encap-mode" Type::Int, false;
        "eswitch-inline-mode" Type::Int, false;
        "eswitch-mode" Type::Int, false;
        "total-vfs" Type::Int, false;
        "vfs" Type::Str, false;
    }
}

settings! {
    /// Settings of a VPN.
    Vpn {
        "gateway" Type::Str, true;
        "ipsec-enabled" Type::Bool, false;
        "ipsec-psk" Type::Secret, false;
        "password-flags" Type::Int, false, 0;
        "permissions" Type::Str, true;
        "service-type" Type::Str, true;
        "user" Type::Str, true;
    }
}

settings! {
    /// Settings of a wireless network.
    Wifi {
        "ap-isolation" Type::Int, false, -1;
        "assigned-mac-address" Type::Str, false;
        "band" Type::Choice(&["a", "bg"]), false;
        "bssid" Type::Str, false;
        "channel" Type::Int, false, 0;
        "cloned-mac-address" Type::Str, false;
        "generate-mac-address-mask" Type::Str, false;
        "hidden" Type::Bool, false;
        "mac-address" Type::Str, false;
        "mac-address-blacklist" Type::List(&Type::Str), false;
        "mac-address-randomization" Type::Int, false, 0;
        "mode" Type::Choice(&["infrastructure", "mesh", "adhoc", "ap"]), false, "infrastructure";
        "mtu" Type::Int, false, 0;
        "powersave" Type::Int, false, 0;
        "rate" Type::Int, false, 0;
        "tx-power" Type::Int, false, 0;
        "wake-on-wlan" Type::Int, false, 1;
    }
}

settings! {
    /// Settings of its security.
    WifiSecurity {
        "auth-alg" Type::Choice(&["open", "shared", "leap"]), false;
        "fils" Type::Int, false, 0;
        "group" Type::List(&Type::Choice(&["wep40", "wep104", "tkip", "ccmp"])), false;
        "key-mgmt" Type::Choice(&["none", "ieee8021x", "owe", "wpa-psk", "sae", "wpa-eap", "wpa-eap-suite-b-192"]), false;
        "leap-password" Type::Secret, false;
        "leap-password-flags" Type::List(&Type::Int), false;
        "leap-username" Type::Str, false;
        "pairwise" Type::List(&Type::Choice(&["tkip", "ccmp"])), false;
        "pmf" Type::Int, false, 0;
        "proto" Type::List(&Type::Choice(&["wpa", "rsn"])), false;
        "psk" Type::Secret, false;
        "psk-flags" Type::List(&Type::Int), false;
        "wep-key-flags" Type::List(&Type::Int), false;
        "wep-key-type" Type::Int, false;
        "wep-key0" Type::Secret, false;
        "wep-key1" Type::Secret, false;
        "wep-key2" Type::Secret, false;
        "wep-key3" Type::Secret, false;
        "wep-tx-keyidx" Type::Int, false, 0;
        "wps-method" Type::Int, false, 0;
    }
}

settings! {
    /// Settings of WireGuard.
    Wireguard {
        "fwmark" Type::Int, false;
        "ip4-auto-default-route" Type::Bool, false;
        "ip6-auto-default-route" Type::Bool, false;
        "listen-port" Type::Int, false;
        "mtu" Type::Int, false;
        "peer-routes" Type::Bool, false;
        "private-key" Type::Secret, false;
        "private-key-flags" Type::Int, false;
    }
}
