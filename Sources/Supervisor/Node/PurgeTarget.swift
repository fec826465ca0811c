// Whether what an operator wrote can be a URL that this node serves. Pure; keys are made by Purging.

struct PurgeTarget: Equatable {
    /// False for http, true for https; both where none was written.
    var schemes: [Bool]
    var authority: [UInt8]
    var path: [UInt8]
    var query: [UInt8]?

    /// An http or https URL; without a scheme it means both.
    init(_ url: String) throws(Failure) {
        var rest = Substring(url)
        schemes = [false, true]
        for (prefix, isSecure) in [("http://", false), ("https://", true)]
        where rest.lowercased().hasPrefix(prefix) {
            schemes = [isSecure]
            rest = rest.dropFirst(prefix.count)
        }
        if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let target = rest[end...]
        authority = Array(rest[..<end].utf8)
        let question = target.firstIndex(of: "?")
        path = Array(target[..<(question ?? target.endIndex)].utf8)
        if path.isEmpty { path = [UInt8(ascii: "/")] }
        query = question.map { Array(target[target.index(after: $0)...].utf8) }
        guard PurgeTarget.isAuthority(authority), PurgeTarget.isTarget(target) else {
            throw .usage(
                "'\(url)' is no URL of this node: write http://HOST/PATH or https://HOST/PATH, or HOST/PATH for both")
        }
    }

    /// Host and perhaps port (RFC 3986 section 3.2), without user information: a name of letters, digits, "-", "." and
    /// "_", percent-encoded octets, or an address in brackets.
    static func isAuthority(_ bytes: [UInt8]) -> Bool {
        var host = bytes[...]
        if host.first == UInt8(ascii: "[") {
            guard let end = host.firstIndex(of: UInt8(ascii: "]")), end > 3 else { return false }
            let isAddress = host[1..<end].allSatisfy { isHex($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
            let rest = host[(end + 1)...]
            return isAddress && (rest.isEmpty || isPort(rest))
        }
        if let colon = host.firstIndex(of: UInt8(ascii: ":")) {
            guard isPort(host[colon...]) else { return false }
            host = host[..<colon]
        }
        return !host.isEmpty
            && host.allSatisfy { isHex($0) || isLetter($0) || "-._~%".utf8.contains($0) }
    }

    /// A colon and a number that a port can have.
    private static func isPort(_ bytes: ArraySlice<UInt8>) -> Bool {
        let digits = bytes.dropFirst()
        guard bytes.first == UInt8(ascii: ":"), (1...5).contains(digits.count), digits.allSatisfy(isDigit) else {
            return false
        }
        return (1...65535).contains(digits.reduce(0) { $0 * 10 + Int($1 - 48) })
    }

    /// Path and query: visible ASCII.
    private static func isTarget(_ text: Substring) -> Bool { text.utf8.allSatisfy { (0x21...0x7e).contains($0) } }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) }
    private static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (97...102).contains(byte | 32) }
}
