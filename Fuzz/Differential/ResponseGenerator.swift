// Responses at random, made like the requests in Generator.swift: mostly right ones, some parts nearly right or known
// from attacks, and then some bytes changed.

struct ResponseGenerator {
    private let statuses = [
        "200 OK", "200 OK", "200 OK", "404 Not Found", "204 No Content", "304 Not Modified", "301 ",
    ]
    private let interims = ["100 Continue", "103 Early Hints", "102 Processing"]
    private let oddStatuses = [
        "200", "200  OK", "099 X", "600 X", "999 X", "20 X", "2000 X", "OK", "", " 200 OK", "200 caf\u{e9}", "-20 X",
        "200\tOK", "101 Switching Protocols", "200 O\u{1}K", "2OO OK", "000 X",
    ]
    private let versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]
    private let oddVersions = [
        "HTTP/1.2", "HTTP/2.0", "http/1.1", "HTTP/1", "HTTP/11.1", "ICY", "", "HTTP/0.9", "HTTP/1.x",
    ]
    private let fields = [
        "Server: x", "Content-Type: text/plain", "ETag: \"a\"", "Connection: close", "Connection: keep-alive",
        "Connection: Keep-Alive, x", "X-Empty:", "X-Text: caf\u{e9}", "Cache-Control: max-age=60", "Set-Cookie: a=b",
        "Proxy-Connection: keep-alive", "Connection: close, keep-alive", "X-Tab: \ta\t",
    ]
    private let oddFields = [
        " folded", "\tfolded", "X y: z", "X : y", ": y", "X", "X: a\u{0}b", "X: a\u{1}b", "Content_Length: 5",
        "Transfer_Encoding: chunked", "Connection: a b", "Connection:\tclose", "Connection: ,close", "Upgrade: x",
        "Content-Length-X: 5", "Transfer-Encoding-X: chunked", "X: a\u{7f}b",
    ]
    private let lengths = [
        "+5", "-5", "5 ", "05", "5,5", "5, 5", "0x5", "5a", "", "99999999999999999999", "5\t", "\t5", "5 5",
    ]
    private let codings = [
        "Chunked", "chunked ", "gzip, chunked", "chunked, gzip", "identity", "gzip", "chunked;a=b", "xchunked", "",
        ",chunked", "chunked,", "chunked\t", "chunked, chunked", "\u{b}chunked",
    ]
    private let generator = Generator()

    /// One connection's bytes and whether they answer HEAD.
    func stream(_ dice: inout Dice) -> (bytes: [UInt8], toHead: Bool) {
        let toHead = dice.once(in: 8)
        var bytes: [UInt8] = []
        for _ in 0..<1 + dice.next() % 3 {
            if dice.once(in: 6) { bytes += head(dice.pick(interims), [], false, &dice) }
            bytes += response(toHead: toHead, &dice)
        }
        return (generator.changed(bytes, &dice), toHead)
    }

    private func head(_ status: String, _ extra: [String], _ isOdd: Bool, _ dice: inout Dice) -> [UInt8] {
        func odd(_ dice: inout Dice) -> Bool { isOdd && dice.once(in: 4) }
        let version = odd(&dice) ? dice.pick(oddVersions) : dice.pick(versions)
        var out = generator.latin("\(version) \(status)") + generator.lineEnd(&dice)
        for _ in 0..<dice.next() % 4 { out += generator.latin(dice.pick(fields)) + generator.lineEnd(&dice) }
        if odd(&dice) { out += generator.latin(dice.pick(oddFields)) + generator.lineEnd(&dice) }
        for line in extra { out += generator.latin(line) + generator.lineEnd(&dice) }
        return out + generator.lineEnd(&dice)
    }

    private func response(toHead: Bool, _ dice: inout Dice) -> [UInt8] {
        let isOdd = dice.once(in: 4)
        func odd(_ dice: inout Dice) -> Bool { isOdd && dice.once(in: 4) }
        let status = odd(&dice) ? dice.pick(oddStatuses) : dice.pick(statuses)
        let hasBody = !toHead && !status.hasPrefix("204") && !status.hasPrefix("304")
        let body = hasBody ? (0..<dice.next() % 12).map { _ in UInt8(97 + dice.next() % 26) } : []
        switch dice.next() % 5 {
        case 0, 1:
            let length = odd(&dice) ? dice.pick(lengths) : "\(body.count)"
            var lines = ["Content-Length: \(length)"]
            if odd(&dice) { lines.append("Content-Length: \(dice.pick([length, "5"]))") }
            if odd(&dice) { lines.append("Transfer-Encoding: chunked") }
            return head(status, lines, isOdd, &dice) + body
        case 2, 3:
            let coding = odd(&dice) ? dice.pick(codings) : "chunked"
            return head(status, ["Transfer-Encoding: \(coding)"], isOdd, &dice)
                + (hasBody ? generator.chunked(body, isOdd, &dice) : [])
        default:
            return head(status, [], isOdd, &dice) + body
        }
    }
}
