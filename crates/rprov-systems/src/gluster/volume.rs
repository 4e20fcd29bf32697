//! Sizes as `gluster` takes and shows them, and lists of bricks.

/// A size in bytes, as `10.0MB`, `1GB` or `512`.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let power = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" | "BYTES" => 0,
        "KB" | "K" => 1,
        "MB" | "M" => 2,
        "GB" | "G" => 3,
        "TB" | "T" => 4,
        "PB" | "P" => 5,
        _ => return None,
    };
    let size = number.parse::<f64>().ok()? * 1024_f64.powi(power);
    (size.is_finite() && size >= 0.0).then_some(size as u64)
}

/// A size as `gluster` shows it: `20.0MB`.
pub fn shown(bytes: u64) -> String {
    let mut size = bytes as f64;
    let mut units = ["Bytes", "KB", "MB", "GB", "TB", "PB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    for next in units {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = next;
    }
    if unit == "Bytes" { format!("{bytes}Bytes") } else { format!("{size:.1}{unit}") }
}

/// Each path on each host, as bricks are named.
pub fn bricks(paths: &str, hosts: &[String]) -> Vec<String> {
    let paths = || paths.split(',').map(str::trim).filter(|path| !path.is_empty());
    paths().flat_map(|path| hosts.iter().map(move |host| format!("{host}:{path}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_shown() {
        for text in ["20.0MB", "1.5GB", "512Bytes", "1.0TB"] {
            assert_eq!(bytes(text).map(shown).as_deref(), Some(text));
        }
        assert_eq!(bytes("20MB"), Some(20 << 20));
        assert_eq!(bytes("x"), None);
    }

    #[test]
    fn each_path_is_a_brick_on_each_host() {
        let hosts = ["a".to_owned(), "b".to_owned()];
        assert_eq!(bricks("/x, /y", &hosts), ["a:/x", "b:/x", "a:/y", "b:/y"]);
    }
}
