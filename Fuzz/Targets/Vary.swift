// Vary: a record that was written is read as written, and the variant key of a request depends on nothing else.
import CachePolicy
import HTTPMessage

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe input(data, count)
    // Half of the input is Vary's value, the other half the request's fields.
    let half = bytes.count / 2
    let response = Array("HTTP/1.1 200 OK\r\nVary: ".utf8) + bytes[..<half] + Array("\r\n\r\n".utf8)
    let request = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + bytes[half...] + Array("\r\n\r\n".utf8)
    var responses = ResponseParser()
    var responseFields = FieldTable(capacity: 128)
    guard case .complete = responses.parse(response.raw, into: &responseFields) else { return 0 }
    var requests = RequestParser()
    var requestFields = FieldTable(capacity: 128)
    guard case .complete = requests.parse(request.raw, into: &requestFields) else { return 0 }

    var block = [UInt8](repeating: 0, count: VaryRecord.maximumBytes)
    var length = 0
    do {
        var storage = block.mutableSpan
        var buffer = unsafe storage.mutableBytes
        guard
            let written = VaryRecord.encode(
                responseBytes: response.raw, responseFields: responseFields, asked: CodingSet(rawValue: 7),
                chosen: .identity,
                current: nil,
                randomGeneration: 7, settings: PolicySettings(), into: &buffer)
        else { return 0 }
        length = written.count
    }
    check(length >= VaryRecord.headerBytes && length <= VaryRecord.maximumBytes, "a record of \(length) bytes")
    let record = Array(block[..<length])
    let first = variantKey(record, request, requestFields)
    check(first != nil, "the record cannot be read")
    check(first == variantKey(record, request, requestFields), "two keys for one request")
    return 0
}

/// The variant key; nil if the record cannot be read.
private func variantKey(_ record: [UInt8], _ request: [UInt8], _ fields: borrowing FieldTable) -> [UInt8]? {
    guard let view = VaryRecord(record.raw) else { return nil }
    check(view.generation == 7 && view.fieldCount <= VaryRecord.maximumFields, "another record")
    let base = Array("M1\ns\nhttp\na\n/".utf8)
    var buffer = [UInt8](repeating: 0, count: 65536)
    var count = 0
    var fits = false
    do {
        var storage = buffer.mutableSpan
        var sink = unsafe ByteSink(storage.mutableBytes)
        fits = view.writeKey(base: base.raw, requestBytes: request.raw, requestFields: fields, into: &sink)
        count = sink.count
    }
    guard fits else { return [] }
    let key = Array(buffer[..<count])
    check(key.starts(with: base), "the base key is not in front")
    check(
        key.filter { $0 == 10 }.count == 4 + 1 + view.fieldCount,
        "a line too many: \(String(decoding: key, as: UTF8.self))")
    return key
}
