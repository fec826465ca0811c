// The figures of a replay, for people and for programs.
import ShmCache

struct ReplayReport {
    private var document = JSONObject()
    private var lines: [(String, String)] = []

    init(
        _ node: borrowing NodeRegion, _ accounting: RegionAccounting, _ statistics: RegionStatistics,
        _ options: ReplayOptions
    ) {
        let requests = node.total(.requests)
        let requestBytes = node.total(.requestBytes)
        let objects = max(1, accounting.objects)
        add("requests", requests, "requests")
        add("objectMissRatio", 1 - ReplayReport.ratio(node.total(.hits), requests), "object miss ratio")
        add("byteMissRatio", 1 - ReplayReport.ratio(node.total(.hitBytes), requestBytes), "byte miss ratio")
        add(
            "writeAmplification", ReplayReport.ratio(Int(statistics.writtenBytes), Int(statistics.admittedBytes)),
            "bytes written per byte admitted")
        add(
            "metadataBytesPerObject", ReplayReport.ratio(accounting.metadataBytes, objects),
            "metadata bytes per object, without key text")
        add(
            "tableBytesPerObject", ReplayReport.ratio(accounting.objectTableBytes, objects),
            "of these in the index and the ghosts")
        add("indexSegments", statistics.segmentsIndex, "segments taken for the index")
        add("keyBytesPerObject", ReplayReport.ratio(accounting.keyBytes, objects), "key text bytes per object")
        add("storeBytesUsed", accounting.itemBytes, "bytes that live objects take")
        add("bodyBytesStored", accounting.bodyBytes, "bytes of live bodies, before compression")
        let (p50, p99) = (node.lookupNanoseconds(share: 0.5), node.lookupNanoseconds(share: 0.99))
        document.add("lookupNanoseconds", object: JSONObject([("p50", p50), ("p99", p99)]))
        lines.append(("lookup, nanoseconds", "p50 \(p50), p99 \(p99)"))
        add("regionBytes", accounting.regionBytes, "bytes of the region")
        add("objects", accounting.objects, "objects at the end")
        add("evictedObjects", Int(statistics.evictedObjects), "objects evicted")
        add("declinedFills", node.total(.declined), "misses that were not stored")
        add("joinedFills", node.total(.joined), "misses that joined another process's fill")
        add("unusedBytes", accounting.unusedBytes, "bytes of segments that hold nothing live")
        add("processes", options.processes, "processes")
    }

    private static func ratio(_ a: Int, _ b: Int) -> Double { b > 0 ? Double(a) / Double(b) : 0 }

    private mutating func add(_ name: String, _ value: Int, _ title: String) {
        document.add(name, value)
        lines.append((title, "\(value)"))
    }

    private mutating func add(_ name: String, _ value: Double, _ title: String) {
        document.add(name, value)
        lines.append((title, JSONObject.text(value)))
    }

    var json: String { document.text }
    var text: String { Columns.text(lines) }
}
