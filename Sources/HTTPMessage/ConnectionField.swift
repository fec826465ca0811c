// The Connection field and what is for one connection only (RFC 9110 section 7.6.1, RFC 9112 section 9.3).

enum ConnectionField {
    /// Fields that Connection cannot take away: they frame or route the message, say who asks, or whether an answer
    /// may be stored. Naming one of them is ignored. Connection is among them because its other lines count too.
    static var untouchable: FieldSet {
        FieldSet(.connection) | .host | .contentLength | .transferEncoding | .cacheControl | .cdnCacheControl
            | .martletCacheControl | .authorization | .cookie | .setCookie | .vary | .date | .age | .expires
            | .contentType | .contentEncoding | .contentRange | .range | .ifRange | .expect | .forwarded
            | .xForwardedFor | .via | .trailer | .location | .etag | .lastModified
    }

    /// The options of all Connection lines; marks the fields they name as not forwarded.
    static func settle(_ bytes: RawSpan, _ fields: inout FieldTable) -> ConnectionOptions {
        if let value = fields.only(.connection), let plain = plainOption(bytes, value) { return plain }
        var options: ConnectionOptions = []
        var next = fields.index(of: .connection)
        while let index = next {
            var list = ListWalker(fields[index].value)
            while let element = list.next(in: bytes) {
                options.formUnion(option(bytes, element, &fields))
            }
            next = fields.index(of: .connection, from: index &+ 1)
        }
        return options
    }

    /// The two values that nearly every request has, compared as words.
    @inline(__always)
    private static func plainOption(_ bytes: RawSpan, _ value: Extent) -> ConnectionOptions? {
        if value.count == 10 {  // keep-ali, ep-alive
            let isKeepAlive =
                Words.lowered(bytes.word(at: value.lower)) == 0x696C_612D_7065_656B
                && Words.lowered(bytes.word(at: value.lower &+ 2)) == 0x6576_696C_612D_7065
            return isKeepAlive ? .keepAlive : nil
        }
        guard value.count == 5 else { return nil }
        return Words.lowered(Words.load(bytes, value.lower, count: 5)) == 0x65_736F_6C63 ? .close : nil
    }

    private static func option(_ bytes: RawSpan, _ element: Extent, _ fields: inout FieldTable) -> ConnectionOptions {
        let name = bytes.slice(element)
        if equalIgnoringCase(name, "keep-alive") { return .keepAlive }
        if equalIgnoringCase(name, "close") { return .close }
        if equalIgnoringCase(name, "upgrade") { return .upgrade }
        if equalIgnoringCase(name, "te") { return .te }
        // What is not a token cannot be an option: nothing good is said about this connection.
        guard isToken(bytes.slice(element)) else { return .close }
        let known = KnownField.recognise(name)
        if known.rawValue < 64, untouchable.intersects(known.bit) { return .others }
        var next = fields.index(named: name, in: bytes)
        while let index = next {
            fields.drop(at: index)
            next = fields.index(named: name, in: bytes, from: index &+ 1)
        }
        fields.hide(known)
        return .others
    }

    /// Persistence by version and options.
    static func keepsAlive(_ options: ConnectionOptions, minorVersion: UInt8) -> Bool {
        if options.contains(.close) { return false }
        return minorVersion >= 1 || options.contains(.keepAlive)
    }

    /// Marks the fields that are always for one connection only.
    static func dropStandard(_ fields: inout FieldTable) {
        fields.dropAll(.connection)
        guard fields.containsAny(FieldSet(.keepAlive) | .proxyConnection | .te | .upgrade) else { return }
        fields.dropAll(.keepAlive)
        fields.dropAll(.proxyConnection)
        fields.dropAll(.te)
        fields.dropAll(.upgrade)
    }
}
