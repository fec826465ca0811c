// Reading a command line: options with values, flags, and what is left. Sizes may end in K, M, G or T (binary),
// with or without iB behind it.

/// The words of a command line, taken one by one.
struct Words {
    private var words: [String]

    init(_ words: [String]) { self.words = words }

    /// Removes a flag; whether it was there.
    mutating func flag(_ name: String) -> Bool {
        guard let at = words.firstIndex(of: name) else { return false }
        words.remove(at: at)
        return true
    }

    /// Removes an option and its value (`--name value` or `--name=value`).
    mutating func option(_ name: String) throws -> String? {
        if let at = words.firstIndex(where: { $0.hasPrefix(name + "=") }) {
            return String(words.remove(at: at).dropFirst(name.count + 1))
        }
        guard let at = words.firstIndex(of: name) else { return nil }
        guard at + 1 < words.count else { throw ToolFailure.usage("\(name) needs a value") }
        let value = words[at + 1]
        words.removeSubrange(at...at + 1)
        return value
    }

    mutating func size(_ name: String) throws -> Int? {
        guard let text = try option(name) else { return nil }
        guard let bytes = Words.bytes(text) else {
            throw ToolFailure.usage("\(name) is a number of bytes, such as 1000000 or 64MiB, not \(text)")
        }
        return bytes
    }

    mutating func number(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = try option(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw ToolFailure.usage("\(name) is a number from \(range.lowerBound) to \(range.upperBound), not \(text)")
        }
        return value
    }

    /// The one word that is left.
    func only(_ what: String) throws -> String {
        guard let first = words.first else { throw ToolFailure.usage("name the \(what)") }
        if let option = words.first(where: { $0.hasPrefix("-") }) {
            throw ToolFailure.usage("there is no option \(option)")
        }
        guard words.count == 1 else { throw ToolFailure.usage("do not understand \(words[1])") }
        return first
    }

    static func bytes(_ text: String) -> Int? {
        let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
        let short = text.lowercased().hasSuffix("ib") ? text.dropLast(2) : text[...]
        let shift = short.last.flatMap { units[Character($0.uppercased())] }
        guard shift != nil || short.count == text.count else { return nil }
        guard let number = Int(shift == nil ? short : short.dropLast()), number > 0 else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        return overflow ? nil : bytes
    }
}
