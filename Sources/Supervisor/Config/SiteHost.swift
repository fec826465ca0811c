// The name of a host that a site answers for, as an operator writes it.

struct SiteHost {
    /// In lower case, as requests are matched.
    let name: String

    /// A name, an IPv4 address or an IPv6 address in brackets. The port of `Host` does not count for routing.
    init(_ text: String) throws(Failure) {
        let name = text.lowercased()
        let hint = "expected a host such as www.example.com, found '\(text)'"
        guard !name.contains("*") else { throw .usage(hint + "; patterns are not supported, name each host") }
        let isBracketed = name.hasPrefix("[") && name.hasSuffix("]") && name.count > 2
        guard isBracketed || !name.contains(":") else {
            throw .usage(hint + "; a host stands for all its ports, IPv6 addresses are in brackets")
        }
        let inner = isBracketed ? name.dropFirst().dropLast() : name[...]
        let marks: Set<Character> = isBracketed ? [":", "."] : [".", "-", "_"]
        guard !inner.isEmpty, inner.utf8.count <= 255,
            inner.allSatisfy({ ("a"..."z").contains($0) || ("0"..."9").contains($0) || marks.contains($0) })
        else { throw .usage(hint) }
        self.name = name
    }
}
