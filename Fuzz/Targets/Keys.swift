// Cache keys and what is forwarded: normalising a target twice changes nothing more, and the request that the node
// sends to the origin is one that the node itself would accept, with the same framing and the keyed target.
import CachePolicy
import HTTPMessage

/// The key of a request's parts, and where authority and target are in it.
private func key(
    _ path: [UInt8], _ query: [UInt8], _ hasQuery: Bool, _ authority: [UInt8], sorted: Bool
) -> (text: [UInt8], key: CacheKey)? {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let site: [UInt8] = [0x73]
    var written: CacheKey?
    do {
        var storage = buffer.mutableSpan
        var sink = unsafe ByteSink(storage.mutableBytes)
        written = CacheKey.write(
            path: path.raw, query: query.raw, hasQuery: hasQuery, authority: authority.raw, site: site.raw,
            secure: false, sortsQuery: sorted, into: &sink)
    }
    guard let written else { return nil }
    return (Array(buffer[written.text.range]), written)
}

private func forwarded(
    _ bytes: [UInt8], _ head: RequestHead, _ fields: borrowing FieldTable, _ target: [UInt8], _ authority: [UInt8],
    _ purpose: OriginRequest.Purpose
) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 131072)
    let address = Array("192.0.2.1".utf8)
    var context = ForwardContext()
    context.framing = head.framing
    var count = 0
    var overflowed = false
    do {
        var storage = buffer.mutableSpan
        var sink = unsafe ByteSink(storage.mutableBytes)
        OriginRequest.write(
            purpose: purpose, head: head, bytes: bytes.raw, fields: fields, target: target.raw,
            authority: authority.raw,
            clientAddress: address.raw, stored: nil, range: nil, record: nil, context: context,
            settings: PolicySettings(), into: &sink)
        count = sink.count
        overflowed = sink.overflowed
    }
    return overflowed ? nil : Array(buffer[..<count])
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    var parser = RequestParser()
    var table = FieldTable(capacity: 128)
    guard case .complete = parser.parse(bytes.raw, into: &table), !parser.head.authority.isEmpty else { return 0 }
    let head = parser.head
    let part = { (extent: Extent) in Array(bytes[extent.range]) }
    let sorted = bytes.count % 2 == 1
    guard let first = key(part(head.path), part(head.query), head.hasQuery, part(head.authority), sorted: sorted)
    else { return 0 }
    let target = Array(first.text[first.key.target.range])
    let authority = Array(first.text[first.key.authority.range])
    check(target.first == 0x2F && target.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "target \(target)")
    let question = target.firstIndex(of: 0x3F) ?? target.count
    let again = key(
        Array(target[..<question]), Array(target[min(question + 1, target.count)...]), question < target.count,
        authority, sorted: sorted)
    check(again?.text == first.text, "normalised again it is another key")

    for purpose in [OriginRequest.Purpose.pass, .fill] {
        guard let sent = forwarded(bytes, head, table, target, authority, purpose) else { continue }
        var limits = MessageLimits()
        limits.headBytes = 1 << 20
        limits.startLineBytes = 1 << 20
        limits.fieldCount = 512
        var second = RequestParser(limits: limits)
        var fields = FieldTable(capacity: 512)
        let progress = second.parse(sent.raw, into: &fields)
        check(
            progress == .complete(headLength: sent.count),
            "forwarded: \(progress) \(String(decoding: sent, as: UTF8.self))")
        if purpose == .pass {
            check(second.head.framing == head.framing, "forwarded with another framing")
            check(second.head.method == head.method, "forwarded with another method")
        }
        check(fields.occurrences(of: .host) == 1, "Host \(fields.occurrences(of: .host)) times")
    }
    return 0
}
