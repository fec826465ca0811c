// Content-Length and Transfer-Encoding (RFC 9112 section 6), alike for requests and responses: one of them, once,
// and nothing that two recipients could read differently.

enum Framing {
    /// What the two fields say; nil in `success` where there is neither. Both are marked as not forwarded: whoever
    /// forwards the message writes its own framing.
    static func settle(
        _ bytes: RawSpan, _ fields: inout FieldTable, minorVersion: UInt8
    ) -> Result<BodyFraming?, Rejection> {
        let hasLength = fields.contains(.contentLength)
        if fields.contains(.transferEncoding) {
            if hasLength { return .failure(.lengthAndTransferEncoding) }
            if minorVersion == 0 { return .failure(.transferEncodingInOldVersion) }
            if let reason = checkTransferEncoding(bytes, fields) { return .failure(reason) }
            fields.dropAll(.transferEncoding)
            return .success(.chunked)
        }
        guard hasLength, let first = fields.index(of: .contentLength) else { return .success(nil) }
        guard let length = Numbers.decimal(bytes.slice(fields[first].value)) else {
            return .failure(.invalidContentLength)
        }
        var next = fields.index(of: .contentLength, from: first &+ 1)
        while let index = next {
            guard let again = Numbers.decimal(bytes.slice(fields[index].value)) else {
                return .failure(.invalidContentLength)
            }
            if again != length { return .failure(.contentLengthsDiffer) }
            next = fields.index(of: .contentLength, from: index &+ 1)
        }
        fields.dropAll(.contentLength)
        return .success(.length(length))
    }

    /// `chunked` and nothing else, in one line. Behind other codings it still says where the body ends; where it is not
    /// the last nothing does (RFC 9112 section 6.3).
    private static func checkTransferEncoding(_ bytes: RawSpan, _ fields: borrowing FieldTable) -> Rejection? {
        guard let value = fields.first(.transferEncoding) else { return nil }
        let isRepeated = fields.repeated.intersects(KnownField.transferEncoding.bit)
        if !isRepeated, equalIgnoringCase(bytes.slice(value), "chunked") { return nil }
        var hasOthers = false
        var isChunked = false
        var next = fields.index(of: .transferEncoding)
        while let index = next {
            let line = fields[index].value
            if line.isEmpty { return .invalidTransferEncoding }
            var list = ListWalker(line)
            while let coding = list.next(in: bytes) {
                if isChunked || !isToken(bytes.slice(coding)) { return .invalidTransferEncoding }
                isChunked = equalIgnoringCase(bytes.slice(coding), "chunked")
                if !isChunked { hasOthers = true }
            }
            next = fields.index(of: .transferEncoding, from: index &+ 1)
        }
        return isChunked && hasOthers ? .unknownTransferCoding : .invalidTransferEncoding
    }
}
