// Why the two parsers may differ: the rules of docs/http-parsing.md, each with a look at the bytes that is independent
// of the parser. A difference that no rule explains is a finding.

import Glibc

/// The bytes of the request in question, by lines that end in LF.
struct Evidence {
    let bytes: ArraySlice<UInt8>
    /// The request line and the field lines, without line ends; the first lines may be empty.
    let lines: [ArraySlice<UInt8>]
    let body: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        var lines: [ArraySlice<UInt8>] = []
        var rest = bytes
        while let end = rest.firstIndex(of: 10) {
            var line = rest[..<end]
            rest = rest[(end + 1)...]
            if line.last == 13 { line = line.dropLast() }
            if line.isEmpty, !lines.allSatisfy(\.isEmpty) { break }
            lines.append(line)
        }
        self.lines = lines.isEmpty ? [bytes] : lines
        body = rest
    }

    /// What is behind the last line end.
    var lastLine: ArraySlice<UInt8> { bytes[((bytes.lastIndex(of: 10)).map { $0 + 1 } ?? bytes.startIndex)...] }
    var requestLine: ArraySlice<UInt8> { lines.first { !$0.isEmpty } ?? [] }
    var words: [ArraySlice<UInt8>] { requestLine.split(separator: 32, omittingEmptySubsequences: false) }
    var fields: ArraySlice<ArraySlice<UInt8>> { (lines.firstIndex { !$0.isEmpty }).map { lines[($0 + 1)...] } ?? [] }

    func text(_ bytes: ArraySlice<UInt8>) -> String { String(bytes.map { Character(UnicodeScalar($0)) }) }

    /// The values of the fields of that name, trimmed.
    func values(_ name: String) -> [String] {
        fields.compactMap { line in
            guard let colon = line.firstIndex(of: 58), text(line[..<colon]).lowercased() == name else { return nil }
            let value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
            return text(value[..<((value.lastIndex { $0 != 32 && $0 != 9 }).map { $0 + 1 } ?? value.startIndex)])
        }
    }

    var hasBareLineFeed: Bool {
        bytes.indices.contains { bytes[$0] == 10 && ($0 == bytes.startIndex || bytes[$0 - 1] != 13) }
    }
    var hasBareReturn: Bool {
        bytes.indices.contains { bytes[$0] == 13 && ($0 + 1 == bytes.endIndex || bytes[$0 + 1] != 10) }
    }
    func hasControl(_ bytes: ArraySlice<UInt8>) -> Bool { bytes.contains { ($0 < 32 && $0 != 9) || $0 == 127 } }

    static let token = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    static let host = Set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~:[]".utf8)
}

enum Explanations {
    /// The rule by which ours refuses what the peer does not; nil if the bytes do not show it.
    static func ofRefusal(_ reason: String, _ evidence: Evidence) -> String? {
        holds(reason, evidence) ? "stricter: \(reason)" : nil
    }

    static func holds(_ reason: String, _ evidence: Evidence) -> Bool {
        let words = evidence.words
        let target = words.count > 1 ? words[1] : []
        let version = words.last.map(evidence.text) ?? ""
        switch reason {
        case "malformedRequestLine":
            return words.count != 3 || words.contains(where: \.isEmpty) || evidence.hasBareReturn || lineIsOdd(evidence)
        case "invalidMethod", "methodTooLong":
            return words.first.map { !$0.allSatisfy(Evidence.token.contains) || $0.count > 32 } ?? true
        case "connectRefused": return words.first.map(evidence.text) == "CONNECT"
        case "invalidTarget": return targetIsOdd(target, evidence)
        case "unsupportedTargetForm": return !isKnownForm(target, evidence)
        case "malformedVersion": return version.wholeMatch(of: /HTTP\/[0-9]\.[0-9]/) == nil || words.count != 3
        case "unsupportedVersion": return version.wholeMatch(of: /HTTP\/[02-9]\.[0-9]/) != nil
        case "bareLineFeed": return evidence.hasBareLineFeed
        case "foldedField":
            return evidence.fields.contains { $0.first == 32 || $0.first == 9 } || evidence.body.contains(32)
                || evidence.body.contains(9)
        default: return fieldsHold(reason, evidence)
        }
    }

    private static func fieldsHold(_ reason: String, _ evidence: Evidence) -> Bool {
        let lengths = evidence.values("content-length")
        let codings = evidence.values("transfer-encoding")
        let hosts = evidence.values("host")
        switch reason {
        case "malformedField", "invalidFieldName":
            let isCut = !evidence.lastLine.allSatisfy(Evidence.token.contains)
            return evidence.hasBareReturn || !codings.isEmpty || isCut
                || evidence.fields.contains { line in
                    guard let colon = line.firstIndex(of: 58) else { return true }
                    return colon == line.startIndex || !line[..<colon].allSatisfy(Evidence.token.contains)
                }
        case "invalidFieldValue":
            return evidence.hasBareReturn || evidence.hasControl(evidence.bytes.filter { $0 != 13 && $0 != 10 }[...])
        case "missingHost": return hosts.isEmpty
        case "repeatedHost": return hosts.count > 1
        case "invalidHost": return hosts.contains { !isPlainHost($0) } || !isPlainTarget(evidence)
        case "invalidContentLength": return lengths.contains { $0.wholeMatch(of: /[0-9]{1,18}/) == nil }
        case "contentLengthsDiffer": return Set(lengths).count > 1
        case "lengthAndTransferEncoding": return !lengths.isEmpty && !codings.isEmpty
        case "transferEncodingInOldVersion": return !codings.isEmpty
        case "invalidTransferEncoding", "unknownTransferCoding":
            return codings.count > 1 || codings.contains { $0.lowercased() != "chunked" }
        case "ambiguousFieldName":
            return evidence.text(evidence.bytes).lowercased().contains(/(content|transfer)_(length|encoding)/)
        case "bodyInTrace":
            return evidence.words.first.map(evidence.text) == "TRACE" && !(lengths + codings).isEmpty
        case "unknownExpectation": return evidence.values("expect").contains { $0.lowercased() != "100-continue" }
        case "forbiddenTrailer":
            return evidence.text(evidence.body).lowercased().contains(/(content-length|transfer-encoding|host):/)
        case "invalidChunkSize", "invalidChunkExtension", "missingChunkEnd", "bodyTooLong":
            return !isWellChunked(evidence.body)
        default: return false
        }
    }

    private static func lineIsOdd(_ evidence: Evidence) -> Bool {
        evidence.bytes.first == 13 || evidence.bytes.first == 10 || evidence.requestLine.contains(9)
            || evidence.hasControl(evidence.requestLine)
    }

    private static func targetIsOdd(_ target: ArraySlice<UInt8>, _ evidence: Evidence) -> Bool {
        let text = evidence.text(target)
        let path = text.prefix { $0 != "?" }
        return target.contains { $0 < 0x21 || $0 > 0x7E || "\"#<>".utf8.contains($0) } || path.contains("\\")
            || path.replacing(/%([0-9A-Fa-f]{2})/, with: { $0.1 == "00" ? "%" : "" }).contains("%")
    }

    private static func isKnownForm(_ target: ArraySlice<UInt8>, _ evidence: Evidence) -> Bool {
        let text = evidence.text(target).lowercased()
        if text == "*" { return evidence.words.first.map(evidence.text) == "OPTIONS" }
        return text.hasPrefix("/") || text.hasPrefix("http://") || text.hasPrefix("https://")
    }

    private static func isPlainHost(_ host: String) -> Bool {
        if let match = host.wholeMatch(of: /\[(.*)\].*/) {
            var address = in6_addr()
            guard unsafe inet_pton(AF_INET6, String(match.1), &address) == 1 else { return false }
        }
        return host.wholeMatch(of: /([A-Za-z0-9\-._~]{1,255}|\[[0-9A-Fa-f:.]+\])(:([1-9][0-9]{0,4})?)?/) != nil
            && (host.firstMatch(of: /:([0-9]+)$/).flatMap { Int($0.1) } ?? 1) <= 65535
    }

    private static func isPlainTarget(_ evidence: Evidence) -> Bool {
        guard evidence.words.count > 1,
            let match = evidence.text(evidence.words[1]).wholeMatch(of: /(?i:https?):\/\/([^\/?]*).*/)
        else {
            return true
        }
        return isPlainHost(String(match.1))
    }

    /// The grammar of chunked bodies once more, as a pattern. Data may be anything, so sizes are followed.
    private static func isWellChunked(_ body: ArraySlice<UInt8>) -> Bool {
        var rest = body
        while let end = rest.firstIndex(of: 10) {
            let line = String(rest[..<end].map { Character(UnicodeScalar($0)) })
            let pattern =
                #/
                ([0-9A-Fa-f]{1,16})
                ([\x20\t]*;[\x20\t]*[!\x23$%&'*+\-.^_`|~0-9A-Za-z]+
                ([\x20\t]*=[\x20\t]*([!\x23$%&'*+\-.^_`|~0-9A-Za-z]+
                |"([^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*"))?)*\r
                /#
            guard let match = line.wholeMatch(of: pattern), let size = Int(match.1, radix: 16) else { return false }
            rest = rest[(end + 1)...]
            if size == 0 { return true }
            guard rest.count >= size + 2 else { return rest.count <= size || rest[rest.startIndex + size] == 13 }
            guard rest[rest.startIndex + size] == 13, rest[rest.startIndex + size + 1] == 10 else { return false }
            rest = rest.dropFirst(size + 2)
        }
        return rest.allSatisfy { Evidence.token.contains($0) || $0 == 59 }
    }

    /// The rule by which the peer refuses what ours does not.
    static func ofPeerRefusal(_ error: String, _ evidence: Evidence) -> String? {
        let method = evidence.words.first.map(evidence.text) ?? ""
        switch error {
        case "HPE_INVALID_METHOD":
            return method.utf8.allSatisfy(Evidence.token.contains) ? "any token is a method" : nil
        case "HPE_UNEXPECTED_CONTENT_LENGTH":
            if evidence.values("content-length").count > 1 { return "equal Content-Lengths are one" }
            return hasLongerName(evidence, /^transfer-encoding./) ? longerName : nil
        case "HPE_INVALID_CHUNK_SIZE":
            return evidence.text(evidence.body).contains(/[0-9A-Fa-f][ \t]+;/)
                ? "white space before a chunk extension" : nil
        case "HPE_INVALID_TRANSFER_ENCODING", "HPE_INVALID_CONTENT_LENGTH":
            return hasLongerName(evidence, /^(transfer-encoding|content-length)./) ? longerName : tabBehind(evidence)
        default: return nil
        }
    }

    private static let longerName = "the peer takes a longer name"

    private static func hasLongerName(_ evidence: Evidence, _ pattern: some RegexComponent) -> Bool {
        evidence.fields.contains { evidence.text($0.prefix { $0 != 58 }).lowercased().contains(pattern) }
    }

    /// Tabs are white space around a value; the peer knows only spaces behind `chunked` and numbers.
    static func tabBehind(_ evidence: Evidence) -> String? {
        let hasTab = evidence.fields.contains { line in
            let text = evidence.text(line).lowercased()
            return line.contains(9) && (text.hasPrefix("transfer-encoding:") || text.hasPrefix("content-length:"))
        }
        return hasTab ? "a tab is white space behind a value" : nil
    }

    /// The rule by which only one of them closes the connection after a request.
    static func ofPersistence(_ evidence: Evidence) -> String? {
        let options = evidence.values("connection").flatMap { $0.split(separator: ",") }
            .map { $0.drop { $0 == " " || $0 == "\t" }.lowercased() }
            .map { $0.replacing(/[ \t]+$/, with: "") }.filter { !$0.isEmpty }
        if options.contains(where: { $0.utf8.contains { !Evidence.token.contains($0) } }) {
            return "a malformed Connection option closes"
        }
        if options.contains("close"), options.contains("keep-alive") { return "close wins over keep-alive" }
        if evidence.fields.contains(where: { $0.contains(9) && evidence.text($0).lowercased().hasPrefix("connection:") }
        ) {
            return "a tab is white space behind a value"
        }
        if evidence.values("connection").contains(where: { $0.hasPrefix(",") }) {
            return "empty list elements are skipped"
        }
        if !evidence.values("proxy-connection").isEmpty { return "Proxy-Connection says nothing" }
        if evidence.text(evidence.body).lowercased().contains(/connection:/) {
            return "Connection in trailers says nothing"
        }
        return nil
    }
}
