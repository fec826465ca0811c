// Which of the client's fields go to the origin as they are.

import HTTPMessage

struct ForwardRules {
    private let withheld: FieldSet
    private let cacheable: Bool
    private let settings: PolicySettings
    /// Accept-Encoding is written anew instead of being copied: it is a part of keys.
    var normalisesCodings: Bool { cacheable }

    init(purpose: OriginRequest.Purpose, context: ForwardContext, settings: PolicySettings) {
        self.settings = settings
        cacheable = context.cacheable
        var withheld = ForwardRules.always
        switch purpose {
        case .pass: break
        case .fill:
            if !context.forwardsRange { withheld = withheld | .range | .ifRange }
            if !context.forwardsConditions { withheld = withheld | .ifNoneMatch | .ifModifiedSince }
        case .validate, .range:
            withheld = withheld | .range | .ifRange | .ifNoneMatch | .ifModifiedSince
        }
        if context.cacheable { withheld = withheld | .acceptEncoding }
        if context.isRefresh { withheld = withheld | .cacheControl | .pragma }
        if settings.guardsAgainstPoisoning, context.cacheable { withheld = withheld.union(ForwardRules.poisonous) }
        self.withheld = withheld
    }

    /// Whether the line is copied. Fields that a stored Vary names always are: they are part of the key.
    func forwards(_ entry: FieldEntry, bytes: RawSpan, record: VaryRecord?) -> Bool {
        if entry.field.rawValue < 64, withheld.intersects(entry.field.bit) {
            guard ForwardRules.poisonous.intersects(entry.field.bit), let record else { return false }
            return record.contains(bytes.slice(entry.name))
        }
        if entry.field == .proxyAuthenticationInfo || entry.field == .http2Settings { return false }
        guard cacheable, let allowed = settings.forwardedFieldNames else { return true }
        if ForwardRules.needed.intersects(entry.field.bit) { return true }
        let name = bytes.slice(entry.name)
        for text in allowed where isSame(name, text) { return true }
        guard let record else { return false }
        return record.contains(name)
    }

    /// Whether the line is copied only where a stored Vary names its field.
    func guards(_ entry: FieldEntry, bytes: RawSpan) -> Bool {
        if entry.field.rawValue < 64, withheld.intersects(entry.field.bit) {
            return ForwardRules.poisonous.intersects(entry.field.bit)
        }
        return !forwards(entry, bytes: bytes, record: nil)
    }

    /// Compares with a name that the settings hold in lower case.
    private func isSame(_ name: RawSpan, _ lowerCase: String) -> Bool {
        guard name.byteCount == lowerCase.utf8.count else { return false }
        var offset = 0
        for byte in lowerCase.utf8 {
            let own = name.byte(at: offset)
            guard (own >= 65 && own <= 90 ? own | 0x20 : own) == byte else { return false }
            offset += 1
        }
        return true
    }

    /// Hop-by-hop, framing, and what the node writes itself.
    private static var always: FieldSet {
        FieldSet(.host) | .connection | .contentLength | .transferEncoding | .te | .upgrade | .keepAlive
            | .proxyConnection | .proxyAuthorization | .proxyAuthenticate | .expect | .xForwardedFor
            | .xForwardedProto | .forwarded
    }

    /// Fields that make frameworks answer for another host, path or method than the one that is keyed.
    static var poisonous: FieldSet {
        FieldSet(.xForwardedHost) | .xForwardedPort | .xForwardedPrefix | .xForwardedScheme | .xHost | .xOriginalUrl
            | .xRewriteUrl | .xHttpMethod | .xHttpMethodOverride
    }

    /// Known names that an allow-list need not mention.
    private static var needed: FieldSet {
        FieldSet(.authorization) | .accept | .ifNoneMatch | .ifModifiedSince | .cacheControl | .pragma | .via
    }
}

/// X-Forwarded-* and Forwarded (RFC 7239). What the node asks in the background has no client address: there is no
/// X-Forwarded-For then, and Forwarded says `unknown` (section 6.2).
enum ForwardedFields {
    static func write(
        bytes: RawSpan, fields: borrowing FieldTable, authority: RawSpan, clientAddress: RawSpan,
        context: ForwardContext, settings: PolicySettings, into sink: inout ByteSink
    ) {
        switch settings.forwardedStyle {
        case .none:
            guard context.trustedPeer else { return }
            copy(.xForwardedFor, "X-Forwarded-For", bytes: bytes, fields: fields, into: &sink)
            copy(.xForwardedProto, "X-Forwarded-Proto", bytes: bytes, fields: fields, into: &sink)
            copy(.forwarded, "Forwarded", bytes: bytes, fields: fields, into: &sink)
        case .xForwarded:
            if clientAddress.byteCount > 0 {
                sink.append("X-Forwarded-For: ")
                if context.trustedPeer { join(.xForwardedFor, bytes: bytes, fields: fields, into: &sink) }
                sink.append(clientAddress)
                sink.append("\r\n")
            }
            if context.trustedPeer, let proto = fields.only(.xForwardedProto) {
                sink.appendField("X-Forwarded-Proto", bytes.slice(proto))
            } else {
                sink.append(context.secure ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n")
            }
            if settings.originHost != nil { sink.appendField("X-Forwarded-Host", authority) }
            if context.trustedPeer { copy(.forwarded, "Forwarded", bytes: bytes, fields: fields, into: &sink) }
        case .forwarded:
            writeForwarded(
                bytes: bytes, fields: fields, authority: authority, clientAddress: clientAddress, context: context,
                into: &sink
            )
            guard context.trustedPeer else { return }
            copy(.xForwardedFor, "X-Forwarded-For", bytes: bytes, fields: fields, into: &sink)
            copy(.xForwardedProto, "X-Forwarded-Proto", bytes: bytes, fields: fields, into: &sink)
        }
    }

    private static func writeForwarded(
        bytes: RawSpan, fields: borrowing FieldTable, authority: RawSpan, clientAddress: RawSpan,
        context: ForwardContext, into sink: inout ByteSink
    ) {
        sink.append("Forwarded: ")
        if context.trustedPeer { join(.forwarded, bytes: bytes, fields: fields, into: &sink) }
        sink.append("for=")
        let isV6 = (0..<clientAddress.byteCount).contains { clientAddress.byte(at: $0) == UInt8(ascii: ":") }
        if isV6 { sink.append("\"[") }
        sink.append(clientAddress)
        if clientAddress.byteCount == 0 { sink.append("unknown") }
        if isV6 { sink.append("]\"") }
        sink.append(context.secure ? ";proto=https;host=\"" : ";proto=http;host=\"")
        sink.append(authority)
        sink.append("\"\r\n")
    }

    /// Writes the values of all lines, each with `, ` behind it.
    private static func join(
        _ field: KnownField, bytes: RawSpan, fields: borrowing FieldTable, into sink: inout ByteSink
    ) {
        var next = fields.index(of: field)
        while let index = next {
            if !fields[index].value.isEmpty {
                sink.append(fields[index].value, of: bytes)
                sink.append(", ")
            }
            next = fields.index(of: field, from: index + 1)
        }
    }

    private static func copy(
        _ field: KnownField, _ name: StaticString, bytes: RawSpan, fields: borrowing FieldTable,
        into sink: inout ByteSink
    ) {
        var next = fields.index(of: field)
        while let index = next {
            sink.appendField(name, bytes.slice(fields[index].value))
            next = fields.index(of: field, from: index + 1)
        }
    }
}
