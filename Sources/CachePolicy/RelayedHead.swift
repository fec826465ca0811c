// Heads of origin answers on their way to a client: passed ones, the filling client's own, and interim ones.

package import HTTPMessage

extension ClientHead {
    /// The head of an origin's answer that is relayed (passed, or sent to the client whose request fills the cache):
    /// end-to-end fields, Date when missing, Via, framing, Connection, Cache-Status. Interim answers get neither
    /// framing nor Cache-Status; 101 keeps its Upgrade.
    ///
    /// - Parameter delivery: how the node sends the body on; `.none` repeats the origin's Content-Length (answers to
    ///   HEAD, 304).
    package static func writeRelayed(
        head: ResponseHead, bytes: RawSpan, fields: borrowing FieldTable, now: Int64, delivery: Delivery,
        report: CacheStatus, key: RawSpan, settings: PolicySettings, into sink: inout ByteSink
    ) {
        StatusLine.write(head.status, reason: bytes.slice(head.reason), into: &sink)
        var hasDate = false
        for index in 0..<fields.count {
            let entry = fields[index]
            guard !entry.isDropped, mayRelay(entry.field, settings: settings) else { continue }
            if entry.field == .date { hasDate = true }
            sink.append(entry.name, of: bytes)
            sink.append(": ")
            sink.append(entry.value, of: bytes)
            sink.append("\r\n")
        }
        if head.status < 200 {
            if head.status == 101 { writeUpgrade(bytes: bytes, fields: fields, into: &sink) }
            sink.append("\r\n")
            return
        }
        if !hasDate {
            sink.append("Date: ")
            HTTPDate.write(Seconds.whole(now), into: &sink)
            sink.append("\r\n")
        }
        if delivery.framing == .none, let length = head.declaredLength, head.status != 204 {
            sink.appendField("Content-Length", decimal: length)
        } else {
            writeFraming(delivery.framing, status: head.status, into: &sink)
        }
        writeEnd(
            delivery: delivery, receivedMinorVersion: head.minorVersion, report: report, key: key, settings: settings,
            into: &sink)
    }

    private static func mayRelay(_ field: KnownField, settings: PolicySettings) -> Bool {
        field == .age || field == .trailer || StoredFields.mayStore(field, hidesTags: settings.hidesTagFields)
    }

    private static func writeUpgrade(bytes: RawSpan, fields: borrowing FieldTable, into sink: inout ByteSink) {
        sink.append("Connection: upgrade\r\n")
        if let value = fields.first(.upgrade) { sink.appendField("Upgrade", bytes.slice(value)) }
    }
}
