//! Sizes (`512M`) and durations (`1m30s`) as Docker's options spell them.

use rprov_modules::outcome::Failure;

/// Bytes from `512M`, `1.5g`, `64kb`, `1GiB` or a plain number; units are powers of 1024.
///
/// # Errors
/// The text is no size.
pub fn bytes(option: &str, text: &str) -> Result<i64, Failure> {
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let power = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => 99,
    };
    match number.parse::<f64>() {
        Ok(number) if power < 99 => Ok((number * 1024f64.powi(power)).round() as i64),
        _ if trimmed == "-1" => Ok(-1),
        _ => {
            Err(Failure::new(format!("{option}: `{text}` is no size; write a number and B, K, M, G or T, as in 512M")))
        }
    }
}

/// Nanoseconds from `1h2m3s`, `500ms` or `10us`.
///
/// # Errors
/// The text is no duration.
pub fn nanoseconds(option: &str, text: &str) -> Result<i64, Failure> {
    let wrong = || {
        Failure::new(format!("{option}: `{text}` is no duration; write numbers with h, m, s, ms or us, as in 1m30s"))
    };
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0f64;
    while !rest.is_empty() {
        let split = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, after) = rest.split_at(split);
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let factor = match unit.trim() {
            "h" => 3.6e12,
            "m" => 6e10,
            "s" => 1e9,
            "ms" => 1e6,
            "us" | "µs" => 1e3,
            "ns" => 1.0,
            _ => return Err(wrong()),
        };
        total += number.parse::<f64>().map_err(|_| wrong())? * factor;
        rest = next;
    }
    Ok(total.round() as i64)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, wanted) in [("512M", 512 << 20), ("1.5g", 3 << 29), ("64kb", 65536), ("1GiB", 1 << 30), ("7", 7)] {
            assert_eq!(bytes("memory", text).unwrap(), wanted, "{text}");
        }
        assert!(bytes("memory", "lots").unwrap_err().message.contains("`lots` is no size"));
        assert!(bytes("memory", "1x").is_err());
    }

    #[test]
    fn durations_need_units() {
        for (text, wanted) in [("1m30s", 90_000_000_000), ("500ms", 500_000_000), ("1h", 3_600_000_000_000), ("0", 0)] {
            assert_eq!(nanoseconds("interval", text).unwrap(), wanted, "{text}");
        }
        assert!(nanoseconds("interval", "30").is_err());
        assert!(nanoseconds("interval", "").is_err());
        assert!(nanoseconds("interval", "3d").is_err());
    }
}
