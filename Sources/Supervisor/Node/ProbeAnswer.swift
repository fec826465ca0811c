// The probe of a new worker: one request on a private socket pair, any HTTP/1.1 status line is a pass.

enum ProbeAnswer {
    static let request = "OPTIONS * HTTP/1.1\r\nHost: martlet-probe\r\nConnection: close\r\n\r\n"

    /// Whether the first bytes of an answer are those of an HTTP/1.1 response; nil while there are too few.
    static func isHTTP(_ bytes: [UInt8]) -> Bool? {
        let expected = Array("HTTP/1.1 ".utf8)
        let given = bytes.prefix(expected.count)
        guard Array(expected.prefix(given.count)) == Array(given) else { return false }
        return bytes.count >= expected.count ? true : nil
    }
}
