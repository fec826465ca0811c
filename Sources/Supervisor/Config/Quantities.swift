// Sizes, durations, shares and counts as people write them. Each parser answers nil for what it does not understand;
// the caller says where it stood.

enum Quantity {
    /// "512MiB", "2GiB", "64kB", "1048576": binary and decimal units, fractions allowed.
    static func bytes(_ text: String) -> UInt64? {
        guard let (number, unit) = split(text) else { return nil }
        let factor: Double
        switch unit.lowercased() {
        case "", "b": factor = 1
        case "k", "kib": factor = 1024
        case "m", "mib": factor = 1_048_576
        case "g", "gib": factor = 1_073_741_824
        case "t", "tib": factor = 1_099_511_627_776
        case "kb": factor = 1e3
        case "mb": factor = 1e6
        case "gb": factor = 1e9
        case "tb": factor = 1e12
        default: return nil
        }
        let bytes = number * factor
        return bytes < 9e18 ? UInt64(bytes) : nil
    }

    /// "250ms", "30s", "5m", "1h", "7d", or plain seconds. "0" and "off" mean none. In milliseconds.
    static func milliseconds(_ text: String) -> UInt64? {
        if text == "off" { return 0 }
        guard let (number, unit) = split(text) else { return nil }
        let factor: Double
        switch unit {
        case "ms": factor = 1
        case "", "s": factor = 1_000
        case "m", "min": factor = 60_000
        case "h": factor = 3_600_000
        case "d": factor = 86_400_000
        default: return nil
        }
        let milliseconds = number * factor
        return milliseconds < 9e18 ? UInt64(milliseconds.rounded()) : nil
    }

    /// "25%" as thousandths.
    static func perMille(_ text: String) -> UInt32? {
        guard let (number, unit) = split(text), unit == "%", number <= 100 else { return nil }
        return UInt32((number * 10).rounded())
    }

    static func show(bytes: UInt64) -> String {
        let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        for (name, shift) in units where bytes >= 1 << UInt64(shift) {
            let tenths = (Double(bytes) / Double(UInt64(1) << UInt64(shift)) * 10).rounded() / 10
            return tenths == tenths.rounded() ? "\(Int(tenths)) \(name)" : "\(tenths) \(name)"
        }
        return "\(bytes) B"
    }

    /// As a file would say it.
    static func show(milliseconds: UInt64) -> String {
        let units: [(String, UInt64)] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        for (name, factor) in units where milliseconds >= factor && milliseconds % factor == 0 {
            return "\(milliseconds / factor)\(name)"
        }
        return milliseconds == 0 ? "0" : "\(milliseconds)ms"
    }

    static func show(perMille: UInt32) -> String {
        perMille % 10 == 0 ? "\(perMille / 10)%" : "\(perMille / 10).\(perMille % 10)%"
    }

    private static func split(_ text: String) -> (Double, String)? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits), number.isFinite else { return nil }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        return (number, String(unit))
    }
}
